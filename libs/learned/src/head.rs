//! The judge's head: from measures of an answer to the chance that it is right, and its file.
//!
//! Logistic regression over measures that are centred, scaled and cut at 3. What it says of its own
//! rows is too sure, so that out-of-fold scores calibrate it.
//!
//! Where the router's opinion of the question is known, the question is another: not whether the
//! answer is right, but whether a higher tier would do no better, which is also so where both are
//! wrong. That is told from the [`joint`] gain, and from the router as far as it knows more.
//!
//! The file is little-endian: `TRCJ`, version, number of measures, which measures they are,
//! examples, the numbers, a byte for each bucket of words, SHA-256 of all before it.

mod file;
pub mod joint;

pub use file::InvalidHead;
use joint::Joint;

use crate::logistic::{self, Seen, logit, squash};

/// Measures are cut here, in spreads from the centre: no answer is stranger than that.
const MOST_SPREADS: f64 = 3.0;
/// What the square of a weight costs.
const PENALTY: f64 = 10.0;
/// Log-odds that a unit of gain takes from the chance that this tier does, about: what the router's
/// log-odds are added to.
const PER_GAIN: f64 = 5.0;
/// What the router's log-odds count beside that. The gain knows the words of a few hundred questions
/// and the router those of many, and of one's own actions; a weight fitted to the few hundred would be
/// below nothing.
const ROUTER: f64 = 0.5;
/// Parts that out-of-fold scores are made with.
const FOLDS: u64 = 5;

/// One answer that is known to be right or wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its measures.
    pub measures: Vec<f64>,
    /// Buckets of the words of its question, as [`Features`](crate::Features) have them.
    pub grams: Vec<(u32, f32)>,
    /// Log-odds of the router that a lower tier does for the question, if they are known.
    pub router: Option<f64>,
    /// Whether it is right.
    pub right: bool,
    /// Quality of a higher tier's answer less that of this one, -1 to 1.
    pub gain: f64,
    /// Answers of one group are to the same question and stay together when they are split.
    pub group: u64,
}

/// One measure of the head.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Input {
    /// Its mean.
    pub centre: f32,
    /// Its spread.
    pub spread: f32,
    /// What a spread of it adds to the log-odds.
    pub weight: f32,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Which measures it was learned from: [`identity`] of their names.
    pub identity: u64,
    /// How many answers it was learned from.
    pub examples: u32,
    /// A measure each, in their order.
    pub inputs: Vec<Input>,
    /// The constant.
    pub constant: f32,
    /// Constant and slope that calibrate it.
    pub alone: [f32; 2],
    /// What a higher tier gains.
    pub joint: Joint,
    /// For the chance that a higher tier does no better: constant, what a unit of gain takes from the
    /// log-odds, and the slope of the router's.
    pub routed: [f32; 3],
}

/// A question that the router has an opinion of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question<'a> {
    /// Buckets of its words, as [`Features`](crate::Features) have them.
    pub grams: &'a [(u32, f32)],
    /// The router's chance that a lower tier does.
    pub suffices: f64,
}

/// What a head says of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The chance that it is right; with the router's opinion, that a higher tier does no better.
    pub chance: f64,
    /// What each measure adds for the answer, before calibration.
    pub parts: Vec<f64>,
}

/// The identity of measures with these names in this order.
#[must_use]
pub fn identity(names: &[&str]) -> u64 {
    names
        .iter()
        .map(|name| crate::hash::of(name.as_bytes()))
        .fold(0, crate::hash::pair)
}

impl Head {
    /// Learns from answers whose measures have these names.
    #[must_use]
    pub fn train(names: &[&str], judged: &[Judged]) -> Self {
        let mut head = Self::fit(names, judged);
        let held_out = Self::held_out(names, judged);
        let told = judged.iter().zip(&held_out);
        let told: Vec<_> = told
            .map(|(one, held)| (held.log_odds, one.right, 1.0))
            .collect();
        head.alone = logistic::calibrate(&told).map(|number| number as f32);
        let routed = judged.iter().zip(&held_out);
        let routed = routed.filter_map(|(one, held)| {
            let both = ROUTER * one.router? - PER_GAIN * held.gain;
            Some((both, one.gain <= 0.0, 1.0))
        });
        let [constant, slope] = logistic::calibrate(&routed.collect::<Vec<_>>());
        head.routed = [constant, slope * PER_GAIN, slope * ROUTER].map(|number| number as f32);
        head
    }

    /// What is said of each answer by weights that have seen no answer of its group.
    fn held_out(names: &[&str], judged: &[Judged]) -> Vec<HeldOut> {
        let fold = |one: &Judged| crate::hash::of(&one.group.to_le_bytes()) % FOLDS;
        let mut told = vec![HeldOut::default(); judged.len()];
        for left_out in 0..FOLDS {
            let rest = judged.iter().filter(|one| fold(one) != left_out);
            let head = Self::fit(names, &rest.cloned().collect::<Vec<_>>());
            let rows = judged.iter().zip(&mut told);
            for (one, told) in rows.filter(|(one, _)| fold(one) == left_out) {
                let scaled = head.scaled(&one.measures);
                told.log_odds = head.log_odds(&scaled);
                told.gain = head.joint.gain(&one.grams, &scaled);
            }
        }
        told
    }

    /// Learns the weights and leaves the calibration out.
    fn fit(names: &[&str], judged: &[Judged]) -> Self {
        let inputs = (0..names.len()).map(|index| spread_of(judged, index));
        let mut head = Self {
            identity: identity(names),
            examples: judged.len() as u32,
            inputs: inputs.collect(),
            constant: 0.0,
            alone: [0.0, 1.0],
            joint: Joint::untrained(names.len()),
            routed: [0.0, 1.0, 0.0],
        };
        let scaled: Vec<_> = judged
            .iter()
            .map(|one| head.scaled(&one.measures))
            .collect();
        let seen = judged.iter().zip(&scaled).map(|(one, scaled)| Seen {
            features: scaled.clone(),
            good: one.right,
            count: 1.0,
        });
        let weights = logistic::fit(&seen.collect::<Vec<_>>(), PENALTY);
        for (input, weight) in head.inputs.iter_mut().zip(&weights) {
            input.weight = *weight as f32;
        }
        head.constant = weights.last().copied().unwrap_or(0.0) as f32;
        head.joint = Joint::fit(judged, &scaled, names.len());
        head
    }

    fn log_odds(&self, scaled: &[f64]) -> f64 {
        let weights = self.inputs.iter().map(|input| f64::from(input.weight));
        let parts = weights.zip(scaled).map(|(weight, value)| weight * value);
        f64::from(self.constant) + parts.sum::<f64>()
    }

    /// Measures, centred, scaled and cut.
    fn scaled(&self, measures: &[f64]) -> Vec<f64> {
        let pairs = self.inputs.iter().zip(measures);
        let scaled = pairs.map(|(input, measure)| {
            let value = (measure - f64::from(input.centre)) / f64::from(input.spread);
            value.clamp(-MOST_SPREADS, MOST_SPREADS)
        });
        scaled.collect()
    }

    /// What it says of an answer, to a question that the router has an opinion of or not.
    #[must_use]
    pub fn opinion(&self, measures: &[f64], question: Option<Question<'_>>) -> Opinion {
        let scaled = self.scaled(measures);
        let (log_odds, weights): (f64, Vec<f64>) = match question {
            Some(question) => {
                let [constant, slope, router] = self.routed.map(f64::from);
                let gain = self.joint.gain(question.grams, &scaled);
                let log_odds = constant - slope * gain + router * logit(question.suffices);
                let weight = |weight: &f32| -f64::from(*weight);
                (log_odds, self.joint.measures.iter().map(weight).collect())
            }
            None => {
                let [constant, slope] = self.alone.map(f64::from);
                let log_odds = constant + slope * self.log_odds(&scaled);
                let weight = |input: &Input| f64::from(input.weight);
                (log_odds, self.inputs.iter().map(weight).collect())
            }
        };
        let parts = weights
            .iter()
            .zip(&scaled)
            .map(|(weight, value)| weight * value);
        Opinion {
            chance: squash(log_odds),
            parts: parts.collect(),
        }
    }
}

/// What was said of an answer by weights that had not seen it.
#[derive(Debug, Clone, Copy, Default)]
struct HeldOut {
    log_odds: f64,
    gain: f64,
}

/// Centre and spread of a measure; one that never changes says nothing.
fn spread_of(judged: &[Judged], index: usize) -> Input {
    let values = || {
        judged
            .iter()
            .map(|one| one.measures.get(index).copied().unwrap_or(0.0))
    };
    let count = judged.len().max(1) as f64;
    let centre = values().sum::<f64>() / count;
    let spread = values()
        .map(|value| (value - centre) * (value - centre))
        .sum::<f64>()
        / count;
    Input {
        centre: centre as f32,
        spread: (spread.sqrt() as f32).max(1e-6),
        weight: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["length", "luck"];
    const TIDES: u32 = 100_000;
    const CATS: u32 = 7;

    fn asked(grams: &[(u32, f32)], suffices: f64) -> Option<Question<'_>> {
        Some(Question { grams, suffices })
    }

    /// Long answers are right in three of four cases, short ones in one.
    fn judged(count: u64) -> Vec<Judged> {
        let one = |index: u64| {
            let long = index.is_multiple_of(2);
            let right = (index / 2).is_multiple_of(4) != long;
            let hint = right != index.is_multiple_of(3);
            Judged {
                measures: vec![if long { 5.0 } else { 3.0 }, (index % 7) as f64],
                grams: vec![(if index.is_multiple_of(5) { TIDES } else { CATS }, 1.0)],
                router: Some(if hint { 1.0 } else { -1.0 }),
                right,
                gain: f64::from(u8::from(!right)) + if index.is_multiple_of(5) { 0.5 } else { 0.0 },
                group: index,
            }
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn it_tells_the_chance_that_it_was_shown() {
        let head = Head::train(&NAMES, &judged(800));
        let long = head.opinion(&[5.0, 3.0], None).chance;
        let short = head.opinion(&[3.0, 3.0], None).chance;
        assert!(
            (long - 0.75).abs() < 0.05 && (short - 0.25).abs() < 0.05,
            "{long} {short}"
        );
    }

    #[test]
    fn the_routers_opinion_counts_where_it_is_known() {
        let head = Head::train(&NAMES, &judged(800));
        let with = |suffices| {
            head.opinion(&[5.0, 3.0], asked(&[(CATS, 1.0)], suffices))
                .chance
        };
        assert!(with(0.8) > with(0.2) + 0.01);
    }

    #[test]
    fn words_that_a_higher_tier_gains_on_lower_the_chance_that_this_answer_suffices() {
        let head = Head::train(&NAMES, &judged(800));
        let about = |word| head.opinion(&[5.0, 3.0], asked(&[(word, 1.0)], 0.5)).chance;
        assert!(about(CATS) > about(TIDES) + 0.05);
        let alone = head.opinion(&[5.0, 3.0], None);
        assert!(alone.chance > 0.5, "words are not asked without the router");
    }

    #[test]
    fn the_same_answers_give_the_same_bytes_and_the_strangest_a_finite_chance() {
        let head = Head::train(&NAMES, &judged(60));
        assert_eq!(head.to_bytes(), Head::train(&NAMES, &judged(60)).to_bytes());
        let strange = head.opinion(&[1e300, -1e300], asked(&[], 0.0)).chance;
        assert!((0.0..=1.0).contains(&strange));
        assert!(
            Head::train(&NAMES, &[])
                .opinion(&[0.0, 0.0], None)
                .chance
                .is_finite()
        );
    }
}
