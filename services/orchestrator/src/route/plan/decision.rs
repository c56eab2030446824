//! Where a request starts and whether the judge looks: quality − λ·cost − μ·latency. Pure.
//!
//! 1. What a tier's answer is worth is estimated for its best candidate (`Rung`).
//! 2. A rung can be asked alone, or with the judge behind it, which sends what it rejects to the
//!    next: then the next one's quality, cost and time count by the chance of that (`Way`).
//! 3. The best way is taken. Where a target is set, the highest tier gets those requests that gain
//!    the most by it, down to a cut that is a quantile of recent gains ([`super::super::recent`]).
//! 4. Where nothing is weighed, or nothing is known of the question, the difficulty decides.

use std::time::Duration;

use terrace_domain::{NanoUsd, Score};

use crate::classification::{Classification, Source};
use crate::request::Request;
use crate::route::plan::{Candidate, Rules};
use crate::route::recent::Cut;
use crate::route::record::Record;

/// Share of the answers that fall short which the judge rejects, and of the good ones: as measured
/// on its labelled set, in docs/JUDGE.md.
const CAUGHT: f64 = 0.756;
const FALSE_ALARMS: f64 = 0.11;
/// As many judged answers as the estimate of a question is worth beside a model's record.
const WORTH: f64 = 4.0;
/// With a smaller share of known words what was learned says nothing of the question.
const STRANGE: f64 = 0.35;

/// What the config says about deciding.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Deciding {
    /// What quality is worth; `None` while the config weighs nothing.
    pub weights: Option<Weights>,
    /// Whether the judge may be left out.
    pub skip_judge: bool,
    /// What is wanted of all requests together.
    pub target: Option<Target>,
}

/// What quality is worth, in shares of a perfect answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weights {
    /// λ: a dollar.
    pub usd: f64,
    /// μ: a second.
    pub second: f64,
}

/// What is wanted of all requests together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The highest tier is called for this share of them.
    ApiShare(Score),
    /// Their mean quality.
    Quality(Score),
    /// What one may cost on average.
    PerRequest(NanoUsd),
}

/// What a request is in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// A tier below the highest, whose answer is taken as it is.
    DirectLow,
    /// A tier below the highest, and up when the judge rejects its answer.
    LowWithJudge,
    /// The highest tier that there is.
    DirectHigh,
}

/// What was decided, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What the request is in for.
    pub course: Course,
    /// Why, in a sentence.
    pub why: String,
    /// What a dollar and a second count.
    pub weights: Weights,
    /// What the highest tier is expected to add to the best way below it, while there are two.
    pub gain: Option<f64>,
    /// The gain from which a request goes to the highest tier, where a target is set and enough was
    /// seen.
    pub cut: Option<f64>,
    /// Both ways, to be counted among the recent ones.
    pub ways: Option<(Way, Way)>,
}

/// What is weighed of a candidate; all in shares of a perfect answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The chance that its answer is as good as any.
    pub quality: f64,
    /// λ times what it is expected to cost.
    pub cost: f64,
    /// μ times how long it is expected to take.
    pub latency: f64,
    /// Quality less the others: what it is worth to ask it alone.
    pub value: f64,
    /// What it is worth to ask it first, and those above it when the judge rejects its answer;
    /// `None` when it does not stand for its tier.
    pub judged_value: Option<f64>,
}

/// What comes of asking somebody, on average.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Way {
    /// The chance that the answer is as good as any.
    pub quality: f64,
    /// US dollars.
    pub usd: f64,
    /// Seconds.
    pub seconds: f64,
}

impl Way {
    /// Quality − λ·cost − μ·latency.
    #[must_use]
    pub fn value(self, weights: Weights) -> f64 {
        self.quality - weights.usd * self.usd - weights.second * self.seconds
    }
}

/// The candidate that stands for its tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rung {
    /// How high its tier stands.
    pub(super) rank: usize,
    alone: Way,
    /// The chance that the judge passes its answer.
    passes: f64,
}

impl Rung {
    /// What is expected of a candidate; `None` when nothing is known of the question.
    pub(super) fn of(
        candidate: &Candidate,
        record: &Record,
        classification: &Classification,
        (rank, tiers): (usize, usize),
    ) -> Option<Self> {
        let quality = quality(classification, rank, tiers)?;
        let expected = candidate.expected.max(NanoUsd::ZERO).get();
        let seconds = candidate
            .expected_latency
            .as_ref()
            .map(Duration::as_secs_f64);
        Some(Self {
            rank,
            alone: Way {
                quality,
                usd: expected as f64 / 1e9,
                seconds: seconds.unwrap_or_default(),
            },
            passes: passes(quality, record),
        })
    }

    /// What is weighed of its candidate.
    pub(super) fn terms(&self, weights: Weights) -> Terms {
        Terms {
            quality: self.alone.quality,
            cost: weights.usd * self.alone.usd,
            latency: weights.second * self.alone.seconds,
            value: self.alone.value(weights),
            judged_value: None,
        }
    }
}

/// The chance that a tier's answer is as good as any. The classifier speaks of the lowest and the
/// highest; each step between them is taken to bring the same part of the gain.
fn quality(classification: &Classification, rank: usize, tiers: usize) -> Option<f64> {
    let learned = classification.learned;
    let told = classification.source != Source::Unavailable && learned.lower_tier_suffices > 0.0;
    let steps = tiers.saturating_sub(1).max(1) as f64;
    let part = rank as f64 / steps;
    let quality = learned.lower_tier_suffices + learned.expected_gain * part;
    told.then_some(quality.clamp(0.0, 1.0))
}

/// What the judge is expected to say: by the question, and the more by the model's record the more
/// of it there is.
fn passes(quality: f64, record: &Record) -> f64 {
    let by_question = quality * (1.0 - FALSE_ALARMS) + (1.0 - quality) * (1.0 - CAUGHT);
    let (good, judged) = (f64::from(record.good), f64::from(record.judged));
    (good + WORTH * by_question) / (judged + WORTH)
}

/// What comes of asking the first rung, and the next when the judge rejects its answer, as long as
/// there are attempts left.
pub(super) fn judged(rungs: &[Rung], attempts: u32) -> Way {
    let Some((first, above)) = rungs.split_first() else {
        return Way::default();
    };
    if above.is_empty() || attempts < 2 {
        return first.alone;
    }
    let next = judged(above, attempts - 1);
    let rejected = 1.0 - first.passes;
    Way {
        quality: first.alone.quality + CAUGHT * (next.quality - first.alone.quality).max(0.0),
        usd: first.alone.usd + rejected * next.usd,
        seconds: first.alone.seconds + rejected * next.seconds,
    }
}

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) request: &'a Request,
    pub(super) classification: &'a Classification,
    pub(super) rules: &'a Rules,
    /// One for each tier that can be asked, from the lowest; empty when nothing is known.
    pub(super) rungs: &'a [Rung],
    pub(super) cut: Option<Cut>,
}

/// A rung to start at, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// How high the tier stands; `None` leaves it to the difficulty.
    pub(super) rank: Option<usize>,
    /// Whether the judge is left out although answers are judged.
    pub(super) unjudged: bool,
    /// Why, in a sentence; empty when it is left to the difficulty without a reason.
    pub(super) why: String,
}

impl Choice {
    fn by_difficulty(why: &str) -> Self {
        Self {
            rank: None,
            unjudged: false,
            why: why.to_owned(),
        }
    }
}

impl Facts<'_> {
    /// Chooses by what was estimated, where that is wanted and something is known.
    pub(super) fn choose(&self) -> Choice {
        let deciding = self.rules.deciding;
        if deciding.weights.is_none() && deciding.target.is_none() {
            return Choice::by_difficulty("");
        }
        if self.rungs.is_empty() {
            return Choice::by_difficulty("nothing is known of its quality");
        }
        if self.classification.learned.familiarity < STRANGE {
            return Choice::by_difficulty("too few of its words are known to weigh anything");
        }
        match (deciding.target, self.cut, self.low_and_high()) {
            (Some(_), Some(cut), Some((_, high))) => self.by_target(cut, high),
            (Some(_), None, _) if deciding.weights.is_none() => {
                Choice::by_difficulty("too few requests were seen to meet the target")
            }
            _ => self.by_value(self.rungs),
        }
    }

    fn by_target(&self, cut: Cut, high: &Rung) -> Choice {
        let gain = self.gain().unwrap_or_default();
        let why = |word: &str| format!("the highest tier adds {gain:.3}, {word} {}", cut.why());
        if gain >= cut.gain {
            return Choice {
                rank: Some(high.rank),
                unjudged: false,
                why: why("enough for"),
            };
        }
        Choice {
            why: why("too little for"),
            ..self.below_the_highest()
        }
    }

    /// The best start below the highest tier.
    fn below_the_highest(&self) -> Choice {
        let below = self.rungs.len().saturating_sub(1);
        let starts = self.rungs.get(..below).unwrap_or_default();
        if self.rules.deciding.weights.is_some() {
            return self.by_value(starts);
        }
        let wanted = self.rules.rank_of_difficulty(self.classification);
        let lowest = || starts.iter().find(|rung| rung.rank >= wanted);
        let start = lowest().or_else(|| starts.last());
        Choice {
            rank: start.map(|rung| rung.rank),
            ..Choice::by_difficulty("")
        }
    }

    /// The way of the highest value from one of the first rungs; of equals the lowest.
    fn by_value(&self, starts: &[Rung]) -> Choice {
        let weights = self.weights();
        let mut best: Option<(f64, usize, bool)> = None;
        for (place, rung) in starts.iter().enumerate() {
            for unjudged in [false, true] {
                if unjudged && !self.may_skip_judge() {
                    continue;
                }
                let value = self.way(place, unjudged).value(weights);
                if best.is_none_or(|(most, ..)| value > most + f64::EPSILON) {
                    best = Some((value, rung.rank, unjudged));
                }
            }
        }
        let Some((value, rank, unjudged)) = best else {
            return Choice::by_difficulty("");
        };
        Choice {
            rank: Some(rank),
            unjudged: unjudged && self.rungs.last().is_some_and(|last| rank < last.rank),
            why: format!("of all ways this has the highest value, {value:.3}"),
        }
    }

    fn may_skip_judge(&self) -> bool {
        self.rules.deciding.skip_judge && !self.request.policy.always_judged
    }

    /// What comes of starting at the rung at `place`.
    fn way(&self, place: usize, unjudged: bool) -> Way {
        let rungs = self.rungs.get(place..).unwrap_or_default();
        let policy = &self.request.policy;
        let attempts = if unjudged || !policy.quality_check {
            1
        } else {
            policy.max_attempts
        };
        judged(rungs, attempts)
    }

    pub(super) fn weights(&self) -> Weights {
        self.rules.deciding.weights.unwrap_or_default()
    }

    /// What each candidate that stands for its tier is worth with the judge behind it.
    pub(super) fn judged_values(&self) -> Vec<(usize, f64)> {
        let value = |(place, rung): (usize, &Rung)| {
            (rung.rank, self.way(place, false).value(self.weights()))
        };
        self.rungs.iter().enumerate().map(value).collect()
    }

    /// The rung to start at below the highest, and the highest, while there are two.
    fn low_and_high(&self) -> Option<(usize, &Rung)> {
        let (high, below) = self.rungs.split_last()?;
        if below.is_empty() {
            return None;
        }
        let rank = self.below_the_highest().rank;
        let place = below.iter().position(|rung| Some(rung.rank) == rank);
        Some((place.unwrap_or_default(), high))
    }

    /// The best way below the highest tier, and that of the highest tier.
    pub(super) fn ways(&self) -> Option<(Way, Way)> {
        let (low, high) = self.low_and_high()?;
        Some((self.way(low, false), high.alone))
    }

    /// What the highest tier adds to the best way below it.
    pub(super) fn gain(&self) -> Option<f64> {
        let (low, high) = self.ways()?;
        Some(high.quality - low.quality)
    }
}

#[cfg(test)]
mod tests;
