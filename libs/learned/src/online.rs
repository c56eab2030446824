//! What one's own traffic teaches, on top of shipped weights and shrunk towards them.
//!
//! Every lesson moves four things a little: the weights of the question's hashed words and measures
//! (a step of ridge with a penalty of its own for each), the mean of its label (who asks, and for
//! what), which words are known, and how often each model is right at that label. What was learned of
//! little is worth little: a mean of five lessons counts a fifth of one of a hundred.
//!
//! [`Watch`] compares what was predicted with what came. While that ranks no better than chance,
//! nothing that was learned counts, shipped or own, and the hand-made prior stands alone.
//! No text is in here, and none can be had back.

pub mod file;
mod means;
mod watch;

use crate::features::{BUCKETS, Features};
use crate::measures::MEASURES;
use crate::weights::Weights;

pub use means::{Accuracy, Means};
pub use watch::Watch;

/// What the square of a bucket's own weight costs: the same as that of a shipped one.
const BUCKET_PENALTY: f64 = 16.0;
/// What that of a measure costs: it is there in every question and moves all of them.
const MEASURE_PENALTY: f64 = 800.0;
/// A word is known when it came in as many lessons.
const SEEN_OFTEN_ENOUGH: u8 = 2;

/// What is to be learned from one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The question; empty when only the label is known.
    pub features: Features,
    /// Log-odds of its hand-made difficulty.
    pub prior: f64,
    /// What the caller was doing, as the weights know it.
    pub action: Option<u64>,
    /// Whose traffic it is and what for: the label that is learned here.
    pub label: u64,
    /// How much a higher tier gained over a lower, or would have, -1 to 1; `None` when the answer
    /// says nothing of that.
    pub gain: Option<f64>,
    /// Models that answered, by the hash of their name, with how good that was, 0 to 1.
    pub models: Vec<(u64, f64)>,
    /// How much it counts; 1 for what a person said.
    pub count: f64,
}

/// A weight of our own, and how much it was learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Step {
    weight: f32,
    mass: f32,
}

impl Step {
    /// Moves by a part of the error, the less the more was learned before.
    fn learn(&mut self, value: f64, error: f64, penalty: f64) {
        self.mass += (value * value) as f32;
        self.weight += (value * error / (penalty + f64::from(self.mass))) as f32;
    }
}

/// Everything learned from one's own traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Online {
    /// How many lessons there were.
    pub lessons: u64,
    /// Means of labels, and accuracies of models.
    pub means: Means,
    /// How good the predictions were lately.
    pub watch: Watch,
    buckets: Vec<Step>,
    /// In how many lessons each word came.
    words: Vec<u8>,
    measures: [Step; MEASURES],
}

impl Default for Online {
    fn default() -> Self {
        Self {
            lessons: 0,
            means: Means::default(),
            watch: Watch::default(),
            buckets: vec![Step::default(); BUCKETS],
            words: vec![0; BUCKETS],
            measures: [Step::default(); MEASURES],
        }
    }
}

impl Online {
    /// Learns from one answer what the weights did not know.
    pub fn learn(&mut self, weights: &Weights, lesson: &Lesson) {
        self.lessons += 1;
        for (model, quality) in &lesson.models {
            self.means
                .note_model(lesson.label, *model, *quality, lesson.count);
        }
        let Some(gain) = lesson.gain else { return };
        let own = Some((self as &Self, lesson.label));
        let found = weights.estimate_with(&lesson.features, lesson.prior, lesson.action, own);
        self.watch.note(found.gain, gain > 0.0);
        let error = (gain.clamp(-1.0, 1.0) - found.gain) * lesson.count.clamp(0.0, 1.0);
        for (bucket, value) in &lesson.features.grams {
            if let Some(step) = self.buckets.get_mut(*bucket as usize) {
                step.learn(f64::from(*value), error, BUCKET_PENALTY);
            }
        }
        let measures = self.measures.iter_mut().zip(lesson.features.measures);
        for (step, value) in measures {
            step.learn(f64::from(value), error, MEASURE_PENALTY);
        }
        for word in &lesson.features.words {
            if let Some(seen) = self.words.get_mut(*word as usize) {
                *seen = seen.saturating_add(1);
            }
        }
        let without = error + self.means.of_label(lesson.label) * lesson.count.clamp(0.0, 1.0);
        self.means.note_label(lesson.label, without, lesson.count);
    }

    /// The own weight of a bucket.
    pub(crate) fn bucket(&self, bucket: u32) -> f64 {
        let step = self.buckets.get(bucket as usize);
        step.map_or(0.0, |step| f64::from(step.weight))
    }

    /// The own weight of a measure.
    pub(crate) fn measure(&self, index: usize) -> f64 {
        let step = self.measures.get(index);
        step.map_or(0.0, |step| f64::from(step.weight))
    }

    /// Whether a word came in several lessons.
    pub(crate) fn knows(&self, word: u32) -> bool {
        self.words
            .get(word as usize)
            .is_some_and(|seen| *seen >= SEEN_OFTEN_ENOUGH)
    }
}

#[cfg(test)]
mod tests;
