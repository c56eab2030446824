//! Means that are shrunk by how little they were learned from, and fade so that they can follow.
//!
//! A label's mean is what its questions gain beyond what is expected of their words. A model's
//! accuracy at a label is shrunk to its accuracy at everything, and that to an ordinary one.

use std::collections::BTreeMap;

/// As many lessons as a label's mean of nothing is worth.
const LABEL_WORTH: f64 = 20.0;
/// As many answers as the accuracy of the wider kind is worth.
const MODEL_WORTH: f64 = 10.0;
/// Accuracy of a model that nothing is known of.
const ORDINARY: f64 = 0.7;
/// More than so many lessons are halved, so that what is new still counts.
const FULL: f64 = 1000.0;
/// The most labels, and pairs of a label and a model, that are kept; no more are begun then.
pub(super) const MOST_LABELS: usize = 4096;
pub(super) const MOST_MODELS: usize = 16_384;
/// The label of everything.
const EVERYTHING: u64 = 0;

/// A sum and what it is a sum of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Mean {
    pub(super) sum: f64,
    pub(super) count: f64,
}

impl Mean {
    fn note(&mut self, value: f64, count: f64) {
        self.sum += value * count;
        self.count += count;
        if self.count > FULL {
            self.sum /= 2.0;
            self.count /= 2.0;
        }
    }

    /// Shrunk to `towards`, which is worth so many.
    fn shrunk(self, towards: f64, worth: f64) -> f64 {
        (self.sum + towards * worth) / (self.count + worth)
    }
}

/// How often a model is right, and from how many answers that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// 0 to 1, shrunk.
    pub value: f64,
    /// How many answers at this label it was learned from.
    pub count: f64,
}

/// Means of labels, and accuracies of models at them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Means {
    pub(super) labels: BTreeMap<u64, Mean>,
    pub(super) models: BTreeMap<(u64, u64), Mean>,
}

impl Means {
    /// What a label's questions gain beyond what is expected.
    #[must_use]
    pub fn of_label(&self, label: u64) -> f64 {
        let mean = self.labels.get(&label).copied().unwrap_or_default();
        mean.shrunk(0.0, LABEL_WORTH)
    }

    /// How many labels there are.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// How often a model is right at `label`, by what is known of it there and elsewhere.
    #[must_use]
    pub fn accuracy(&self, label: u64, model: u64) -> Accuracy {
        let mean = self.models.get(&(label, model)).copied();
        let mean = mean.unwrap_or_default();
        Accuracy {
            value: mean.shrunk(self.overall(model), MODEL_WORTH),
            count: mean.count,
        }
    }

    fn overall(&self, model: u64) -> f64 {
        let mean = self.models.get(&(EVERYTHING, model)).copied();
        mean.unwrap_or_default().shrunk(ORDINARY, MODEL_WORTH)
    }

    pub(super) fn note_label(&mut self, label: u64, gain: f64, count: f64) {
        if self.labels.len() < MOST_LABELS || self.labels.contains_key(&label) {
            self.labels.entry(label).or_default().note(gain, count);
        }
    }

    /// Notes how good an answer of a model was, 0 to 1.
    pub fn note_model(&mut self, label: u64, model: u64, quality: f64, count: f64) {
        let quality = quality.clamp(0.0, 1.0);
        for key in [(EVERYTHING, model), (label, model)] {
            if self.models.len() < MOST_MODELS || self.models.contains_key(&key) {
                self.models.entry(key).or_default().note(quality, count);
            }
        }
    }
}
