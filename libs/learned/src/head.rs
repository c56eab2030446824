//! The judge's head: from measures of an answer to the chance that it is right, and its file.
//!
//! Logistic regression over measures that are centred, scaled and cut at 3. What it says of its own
//! rows is too sure, so that out-of-fold scores calibrate it.
//!
//! Where the router's opinion of the question is known, the question is another: not whether the
//! answer is right, but whether a higher tier would do no better, which is also so where both are
//! wrong. Both opinions are added up one to one, as far as quality goes, and calibrated on that.
//! A weight fitted to a few hundred answers is worse than that guess.
//!
//! The file is little-endian: `TRCJ`, version, number of measures, which measures they are,
//! examples, the numbers, SHA-256 of all before it.

mod file;

pub use file::InvalidHead;

use crate::logistic::{self, Seen, logit, squash};

/// Measures are cut here, in spreads from the centre: no answer is stranger than that.
const MOST_SPREADS: f64 = 3.0;
/// What the square of a weight costs.
const PENALTY: f64 = 10.0;
/// What the router's log-odds count beside the head's: at even odds a head's unit is a quarter of
/// the quality, and a router's a fifth.
const ROUTER: f64 = 0.85;
/// Parts that out-of-fold scores are made with.
const FOLDS: u64 = 5;

/// One answer that is known to be right or wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its measures.
    pub measures: Vec<f64>,
    /// Log-odds of the router that a lower tier does for the question, if they are known.
    pub router: Option<f64>,
    /// Whether it is right.
    pub right: bool,
    /// Whether a higher tier does no better.
    pub suffices: bool,
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
    /// Constant, slope, and that of the router's log-odds where they are known, for the chance that a
    /// higher tier does no better.
    pub routed: [f32; 3],
}

/// What a head says of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The chance that it is right; with the router's opinion, that a higher tier does no better.
    pub chance: f64,
    /// What each measure adds to the log-odds, before calibration.
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
        let told: Vec<(f64, bool, f64)> = judged
            .iter()
            .zip(&held_out)
            .map(|(one, score)| (*score, one.right, 1.0))
            .collect();
        head.alone = logistic::calibrate(&told).map(|number| number as f32);
        let slope = f64::from(head.alone[1]);
        let routed: Vec<(f64, bool, f64)> = judged
            .iter()
            .zip(&held_out)
            .filter_map(|(one, score)| {
                let both = slope * score + ROUTER * one.router?;
                Some((both, one.suffices, 1.0))
            })
            .collect();
        let [constant, both] = logistic::calibrate(&routed);
        head.routed = [constant, both * slope, both * ROUTER].map(|number| number as f32);
        head
    }

    /// The log-odds of each answer from weights that have seen no answer of its group.
    fn held_out(names: &[&str], judged: &[Judged]) -> Vec<f64> {
        let fold = |one: &Judged| crate::hash::of(&one.group.to_le_bytes()) % FOLDS;
        let mut scores = vec![0.0; judged.len()];
        for left_out in 0..FOLDS {
            let rest: Vec<Judged> = judged
                .iter()
                .filter(|one| fold(one) != left_out)
                .cloned()
                .collect();
            let head = Self::fit(names, &rest);
            let rows = judged.iter().zip(&mut scores);
            for (one, score) in rows.filter(|(one, _)| fold(one) == left_out) {
                *score = head.log_odds(&one.measures);
            }
        }
        scores
    }

    /// Learns the weights and leaves the calibration out.
    fn fit(names: &[&str], judged: &[Judged]) -> Self {
        let mut inputs: Vec<Input> = (0..names.len())
            .map(|index| spread_of(judged, index))
            .collect();
        let seen: Vec<Seen> = judged
            .iter()
            .map(|one| Seen {
                features: scaled(&inputs, &one.measures).collect(),
                good: one.right,
                count: 1.0,
            })
            .collect();
        let weights = logistic::fit(&seen, PENALTY);
        for (input, weight) in inputs.iter_mut().zip(&weights) {
            input.weight = *weight as f32;
        }
        Self {
            identity: identity(names),
            examples: judged.len() as u32,
            inputs,
            constant: weights.last().copied().unwrap_or(0.0) as f32,
            alone: [0.0, 1.0],
            routed: [0.0, 1.0, 0.0],
        }
    }

    fn log_odds(&self, measures: &[f64]) -> f64 {
        f64::from(self.constant) + self.parts(measures).sum::<f64>()
    }

    fn parts(&self, measures: &[f64]) -> impl Iterator<Item = f64> {
        let weights = self.inputs.iter().map(|input| f64::from(input.weight));
        scaled(&self.inputs, measures)
            .zip(weights)
            .map(|(value, weight)| value * weight)
    }

    /// What it says of an answer; `suffices` is the router's chance that a lower tier does.
    #[must_use]
    pub fn opinion(&self, measures: &[f64], suffices: Option<f64>) -> Opinion {
        let score = self.log_odds(measures);
        let calibrated = match suffices {
            Some(chance) => {
                let [constant, slope, router] = self.routed.map(f64::from);
                constant + slope * score + router * logit(chance)
            }
            None => {
                let [constant, slope] = self.alone.map(f64::from);
                constant + slope * score
            }
        };
        Opinion {
            chance: squash(calibrated),
            parts: self.parts(measures).collect(),
        }
    }
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

fn scaled(inputs: &[Input], measures: &[f64]) -> impl Iterator<Item = f64> {
    inputs.iter().zip(measures).map(|(input, measure)| {
        let value = (measure - f64::from(input.centre)) / f64::from(input.spread);
        value.clamp(-MOST_SPREADS, MOST_SPREADS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["length", "luck"];

    /// Long answers are right in three of four cases, short ones in one.
    fn judged(count: u64) -> Vec<Judged> {
        let one = |index: u64| {
            let long = index.is_multiple_of(2);
            let right = (index / 2).is_multiple_of(4) != long;
            let hint = right != index.is_multiple_of(3);
            Judged {
                measures: vec![if long { 5.0 } else { 3.0 }, (index % 7) as f64],
                router: Some(if hint { 1.0 } else { -1.0 }),
                right,
                suffices: right,
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
        let with = |suffices| head.opinion(&[5.0, 3.0], suffices).chance;
        assert!((with(Some(0.8)) - with(Some(0.2))).abs() > 0.01);
        assert!(with(Some(0.8)) > with(Some(0.2)));
    }

    #[test]
    fn the_same_answers_give_the_same_bytes_and_the_strangest_a_finite_chance() {
        let head = Head::train(&NAMES, &judged(60));
        assert_eq!(head.to_bytes(), Head::train(&NAMES, &judged(60)).to_bytes());
        let strange = head.opinion(&[1e300, -1e300], Some(0.0)).chance;
        assert!((0.0..=1.0).contains(&strange));
        assert!(
            Head::train(&NAMES, &[])
                .opinion(&[0.0, 0.0], None)
                .chance
                .is_finite()
        );
    }
}
