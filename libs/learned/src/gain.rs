//! What weights say of a text: how much a stronger model is expected to gain.
//!
//! `prior + trust × (buckets + measures) + label`, each with what one's own traffic added. The prior is made by hand and always counts; how
//! far what was learned is trusted falls with the share of words that were never seen, down to
//! nothing, and then the prior stands alone.

use crate::features::Features;
use crate::logistic::squash;
use crate::measures::MEASURES;
use crate::online::Online;
use crate::weights::{Label, Weights};

/// Fewer known words than this, and nothing that was learned counts.
const STRANGE: f64 = 0.35;
/// From this share of known words on, all of it counts.
const FAMILIAR: f64 = 0.75;
/// A text of fewer words says nothing about how familiar it is.
const ENOUGH_WORDS: usize = 3;

/// The few numbers beside the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Mean gain.
    pub gain: f32,
    /// Gain for a unit of the prior's log-odds.
    pub slope: f32,
    /// The prior's log-odds at the mean gain.
    pub centre: f32,
    /// Log-odds that the weaker model does at no gain, and what a unit of gain changes.
    pub suffices: [f32; 2],
}

impl Default for Head {
    fn default() -> Self {
        Self {
            gain: 0.15,
            slope: 0.1,
            centre: -0.2,
            suffices: [2.2, -5.0],
        }
    }
}

impl Head {
    /// The gain that the prior expects.
    #[must_use]
    pub fn prior_gain(&self, prior: f64) -> f64 {
        f64::from(self.gain) + f64::from(self.slope) * (prior - f64::from(self.centre))
    }
}

/// What is expected of a question, and what it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Expected gain of the stronger model.
    pub gain: f64,
    /// The chance that the weaker model does as well.
    pub suffices: f64,
    /// Share of the words that are known, 0 to 1.
    pub familiarity: f64,
    /// How far what was learned is trusted, 0 (the prior stands alone) to 1.
    pub trust: f64,
    /// What the words add to the gain.
    pub words: f64,
    /// How many words and pairs of words have a weight.
    pub known: usize,
    /// What each measure adds to the gain.
    pub measures: [f64; MEASURES],
    /// What the label adds, if it is known.
    pub label: Option<f64>,
    /// What the label's mean in one's own traffic adds.
    pub own: f64,
}

impl Estimate {
    /// Everything that was learned, without the prior.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.words + self.measures.iter().sum::<f64>() + self.label.unwrap_or(0.0) + self.own
    }
}

impl Weights {
    /// What is expected of a question. `prior`: log-odds of its hand-made difficulty.
    #[must_use]
    pub fn estimate(&self, features: &Features, prior: f64, label: Option<u64>) -> Estimate {
        self.estimate_with(features, prior, label, None)
    }

    /// What is expected of a question, with what one's own traffic taught at a label of it.
    #[must_use]
    pub fn estimate_with(
        &self,
        features: &Features,
        prior: f64,
        label: Option<u64>,
        own: Option<(&Online, u64)>,
    ) -> Estimate {
        let online = own.map(|(online, _)| online);
        let familiarity = self.familiarity(features, online);
        let trust = ((familiarity - STRANGE) / (FAMILIAR - STRANGE)).clamp(0.0, 1.0);
        let (mut words, mut known) = (0.0, 0);
        for (bucket, value) in &features.grams {
            let own = online.map_or(0.0, |online| online.bucket(*bucket));
            let weight = self.bucket(*bucket) + own;
            known += usize::from(weight != 0.0);
            words += weight * f64::from(*value);
        }
        let mut measures = [0.0; MEASURES];
        let pairs = self.measures.iter().zip(features.measures);
        for (index, (measure, (weight, value))) in measures.iter_mut().zip(pairs).enumerate() {
            let own = online.map_or(0.0, |online| online.measure(index));
            *measure = trust * (f64::from(*weight) + own) * f64::from(value);
        }
        let label = label
            .and_then(|name| Label::place(&self.labels, name))
            .and_then(|place| self.labels.get(place))
            .map(|label| f64::from(label.effect));
        let estimate = Estimate {
            gain: 0.0,
            suffices: 0.0,
            familiarity,
            trust,
            words: trust * words,
            known,
            measures,
            label,
            own: own.map_or(0.0, |(online, label)| online.means.of_label(label)),
        };
        self.concluded(estimate, prior)
    }

    /// What the prior alone expects, whatever was learned.
    #[must_use]
    pub fn prior_alone(&self, features: &Features, prior: f64) -> Estimate {
        let estimate = Estimate {
            gain: 0.0,
            suffices: 0.0,
            familiarity: self.familiarity(features, None),
            trust: 0.0,
            words: 0.0,
            known: 0,
            measures: [0.0; MEASURES],
            label: None,
            own: 0.0,
        };
        self.concluded(estimate, prior)
    }

    /// Draws the sum of its parts.
    fn concluded(&self, mut estimate: Estimate, prior: f64) -> Estimate {
        estimate.gain = self.head.prior_gain(prior) + estimate.residual();
        let [at_none, per_gain] = self.head.suffices.map(f64::from);
        estimate.suffices = squash(at_none + per_gain * estimate.gain);
        estimate
    }

    /// The expected gain alone.
    #[must_use]
    pub fn gain(&self, features: &Features, prior: f64, label: Option<u64>) -> f64 {
        self.estimate(features, prior, label).gain
    }

    fn familiarity(&self, features: &Features, own: Option<&Online>) -> f64 {
        if features.words.len() < ENOUGH_WORDS {
            return 1.0;
        }
        let knows = |word: u32| self.knows(word) || own.is_some_and(|own| own.knows(word));
        let known = features.words.iter().filter(|word| knows(**word));
        known.count() as f64 / features.words.len() as f64
    }
}
