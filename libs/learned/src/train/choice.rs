//! How hard to shrink, told by the examples themselves.
//!
//! Kinds of task that differ much, in how their questions read and in how much they gain, teach more
//! for each example than questions of one kind do, and what they teach is lost by shrinking it too
//! hard. Out-of-fold errors tell which of the two it is. They are mostly luck, so that the usual
//! penalty stays unless another is better beyond doubt.

use super::{Example, FOLDS, Fit, parted};

/// Shares of the penalty that are tried.
const SOFTER: [f64; 3] = [0.5, 0.25, 0.125];
/// With fewer examples nothing is beyond doubt.
const ENOUGH_EXAMPLES: usize = 200;
/// Standard errors that an improvement has to be above nothing.
const BEYOND_DOUBT: f64 = 2.0;

impl Fit {
    /// This, with a softer penalty where out-of-fold errors leave no doubt that it predicts better.
    #[must_use]
    pub fn chosen(&self, examples: &[Example]) -> Self {
        if examples.len() < ENOUGH_EXAMPLES {
            return *self;
        }
        let usual = self.errors(examples);
        let (mut best, mut most) = (*self, 0.0);
        for share in SOFTER {
            let softer = Self {
                penalty: self.penalty * share,
                ..*self
            };
            let improved = improvement(&usual, &softer.errors(examples));
            if improved.mean <= most {
                break;
            }
            most = improved.mean;
            if improved.mean > BEYOND_DOUBT * improved.error {
                best = softer;
            }
        }
        best
    }

    /// Squared out-of-fold errors with what each counts, always in the same order.
    fn errors(&self, examples: &[Example]) -> Vec<(f64, f64)> {
        let mut errors = Vec::with_capacity(examples.len());
        for fold in 0..FOLDS {
            let (learned, out) = parted(examples, fold);
            let weights = self.fit(&learned);
            errors.extend(out.into_iter().map(|example| {
                let told = weights.gain(&example.features, example.prior, example.label);
                ((example.gain - told).powi(2), example.count)
            }));
        }
        errors
    }
}

/// A mean with its standard error.
struct Mean {
    mean: f64,
    error: f64,
}

/// What the second errors have less than the first.
fn improvement(first: &[(f64, f64)], second: &[(f64, f64)]) -> Mean {
    let pairs = || first.iter().zip(second).map(|(a, b)| (a.0 - b.0, a.1));
    let all = pairs().map(|(_, count)| count).sum::<f64>().max(1.0);
    let mean = pairs().map(|(less, count)| less * count).sum::<f64>() / all;
    let spread = pairs().map(|(less, count)| count * (less - mean).powi(2));
    Mean {
        mean,
        error: (spread.sum::<f64>() / all / all).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;

    /// Ten topics; `told` says what a question of a topic gains, and luck the rest.
    fn examples(told: impl Fn(u64) -> f64) -> Vec<Example> {
        let mut luck = fastrand::Rng::with_seed(1);
        let example = |index: u64| {
            let topic = index % 10;
            let text = format!(
                "tell me of topic{} and number{}",
                topic_name(topic),
                index % 97
            );
            let gain = if luck.f64() < told(topic) { 1.0 } else { 0.0 };
            Example {
                features: Features::of(&text),
                prior: 0.0,
                label: None,
                gain,
                suffices: gain <= 0.0,
                count: 1.0,
                group: index / 3,
            }
        };
        (0..600).map(example).collect()
    }

    fn topic_name(topic: u64) -> &'static str {
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][topic as usize]
    }

    #[test]
    fn topics_that_differ_much_are_shrunk_less() {
        let differing = examples(|topic| if topic < 5 { 0.95 } else { 0.05 });
        assert!(Fit::default().chosen(&differing).penalty < Fit::default().penalty);
    }

    #[test]
    fn luck_alone_changes_nothing() {
        let alike = examples(|_| 0.2);
        assert_eq!(Fit::default().chosen(&alike), Fit::default());
    }

    #[test]
    fn a_few_examples_change_nothing() {
        let few = examples(|topic| if topic < 5 { 0.95 } else { 0.05 });
        assert_eq!(Fit::default().chosen(&few[..150]), Fit::default());
    }
}
