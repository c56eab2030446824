//! From outcomes to weights: what the prior leaves unexplained of a stronger model's gain.
//!
//! 1. The prior's slope: how much gain a unit of its log-odds brings, shrunk to a constant.
//! 2. Ridge on what is left, over buckets, measures and the label, shrunk hard: a gain is -1, 0 or
//!    1 for most questions, and most of that is luck. How hard can be chosen from the examples, where
//!    they leave no doubt of it ([`Fit::chosen`]).
//! 3. Out-of-fold scores of the same procedure give the calibration, so that it knows what the
//!    weights are worth on questions that they have not seen.

mod choice;

use crate::features::{BUCKETS, Features};
use crate::gain::Head;
use crate::logistic;
use crate::measures::MEASURES;
use crate::ridge::Problem;
use crate::weights::{Label, Weights};

/// What is known of one question.
#[derive(Debug, Clone)]
pub struct Example {
    /// The question.
    pub features: Features,
    /// Log-odds of the hand-made difficulty.
    pub prior: f64,
    /// What the caller was doing, if that is known: [`label_of`] its name.
    pub label: Option<u64>,
    /// Quality of the stronger model less that of the weaker, -1 to 1.
    pub gain: f64,
    /// Whether the weaker model did as well, for the calibration.
    pub suffices: bool,
    /// How much it counts; 1 for an ordinary one.
    pub count: f64,
    /// Examples of one group are twins and stay together when examples are split.
    pub group: u64,
}

/// How hard to shrink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// What the square of a bucket's weight costs.
    pub penalty: f64,
    /// How much cheaper the weight of a measure is.
    pub measures: f64,
    /// How much cheaper the weight of a label is.
    pub labels: f64,
    /// Gain for each unit of the prior's log-odds before anything is known.
    pub prior_slope: f64,
    /// As many examples as that guess is worth.
    pub prior_worth: f64,
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            penalty: 16.0,
            measures: 0.02,
            labels: 0.5,
            prior_slope: 0.07,
            prior_worth: 200.0,
        }
    }
}

/// Parts that out-of-fold scores are made with.
const FOLDS: u64 = 5;

/// The label of a name, as of an action.
#[must_use]
pub fn label_of(name: &str) -> u64 {
    crate::hash::of(name.as_bytes())
}

impl Fit {
    /// Learns from examples, calibration included.
    #[must_use]
    pub fn train(&self, examples: &[Example]) -> Weights {
        let mut weights = self.fit(examples);
        weights.head.suffices = self.calibration(examples);
        weights
    }

    /// Learns from examples and leaves the calibration as it is by default: enough to rank.
    #[must_use]
    pub fn fit(&self, examples: &[Example]) -> Weights {
        let head = self.head(examples);
        let labels = Label::all(examples.iter().filter_map(|example| example.label));
        let rows: Vec<_> = examples
            .iter()
            .map(|example| self.row(example, &labels))
            .collect();
        let wanted: Vec<f64> = examples
            .iter()
            .map(|example| example.gain - head.prior_gain(example.prior))
            .collect();
        let counts: Vec<f64> = examples.iter().map(|example| example.count).collect();
        let solved = Problem {
            rows: &rows,
            wanted: &wanted,
            counts: &counts,
            columns: BUCKETS + MEASURES + labels.len(),
            penalty: self.penalty,
        }
        .solve();
        self.pack(head, &solved, labels, examples)
    }

    /// Mean and slope of the prior.
    fn head(&self, examples: &[Example]) -> Head {
        let all: f64 = examples.iter().map(|one| one.count).sum::<f64>().max(1.0);
        let mean = |of: &dyn Fn(&Example) -> f64| {
            examples.iter().map(|one| one.count * of(one)).sum::<f64>() / all
        };
        let (gain, centre) = (mean(&|one| one.gain), mean(&|one| one.prior));
        let spread = mean(&|one| (one.prior - centre) * (one.prior - centre));
        let together = mean(&|one| (one.prior - centre) * (one.gain - gain));
        let worth = self.prior_worth / all;
        // An ordinary spread of the prior is a quarter: that is what the guess is counted with.
        let slope = (together + worth * 0.25 * self.prior_slope) / (spread + worth * 0.25);
        Head {
            gain: gain as f32,
            slope: slope.max(self.prior_slope / 4.0) as f32,
            centre: centre as f32,
            ..Head::default()
        }
    }

    /// An example as a row of the regression.
    fn row(&self, example: &Example, labels: &[Label]) -> Vec<(u32, f32)> {
        let mut row = example.features.grams.clone();
        let cheap = self.measures.sqrt() as f32;
        let measures = example.features.measures.iter().enumerate();
        row.extend(measures.map(|(index, value)| ((BUCKETS + index) as u32, value * cheap)));
        let known = example.label.and_then(|name| Label::place(labels, name));
        row.extend(known.map(|place| {
            let column = (BUCKETS + MEASURES + place) as u32;
            (column, self.labels.sqrt() as f32)
        }));
        row
    }

    fn pack(
        &self,
        head: Head,
        solved: &[f64],
        mut labels: Vec<Label>,
        examples: &[Example],
    ) -> Weights {
        let (buckets, rest) = solved.split_at(BUCKETS);
        let (measures, of_labels) = rest.split_at(MEASURES);
        for (label, effect) in labels.iter_mut().zip(of_labels) {
            label.effect = (effect * self.labels.sqrt()) as f32;
        }
        let mut weights = Weights::new(head, buckets, labels);
        for (weight, solved) in weights.measures.iter_mut().zip(measures) {
            *weight = (solved * self.measures.sqrt()) as f32;
        }
        weights.examples = examples.len() as u32;
        weights.know(examples.iter().map(|example| &example.features));
        weights
    }

    /// The chance that the weaker model does, as a function of the expected gain, from examples
    /// that were not learned from.
    fn calibration(&self, examples: &[Example]) -> [f32; 2] {
        let mut scored = Vec::with_capacity(examples.len());
        for fold in 0..FOLDS {
            let (learned, out) = parted(examples, fold);
            let weights = self.fit(&learned);
            scored.extend(out.into_iter().map(|example| {
                let gain = weights.gain(&example.features, example.prior, example.label);
                (gain, example.suffices, example.count)
            }));
        }
        logistic::calibrate(&scored).map(|number| number as f32)
    }
}

/// The examples to learn from for a fold, and those that are out.
fn parted(examples: &[Example], fold: u64) -> (Vec<Example>, Vec<&Example>) {
    let is_out = |example: &&Example| example.group % FOLDS == fold;
    let learned = examples.iter().filter(|example| !is_out(example));
    let out = examples.iter().filter(is_out);
    (learned.cloned().collect(), out.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Questions about tides gain, questions about cats do not; the prior knows nothing.
    fn examples(count: u64) -> Vec<Example> {
        let example = |index: u64| {
            let gains = index.is_multiple_of(2);
            let topic = if gains { "ocean tides" } else { "house cats" };
            let text = format!("tell me about {topic} number {}", index % 7);
            Example {
                features: Features::of(&text),
                prior: 0.1 * (index % 5) as f64,
                label: Some(label_of(if gains { "sea" } else { "home" })),
                gain: if gains { 1.0 } else { 0.0 },
                suffices: !gains,
                count: 1.0,
                group: index / 2,
            }
        };
        (0..count).map(example).collect()
    }

    fn ask(weights: &Weights, text: &str, label: Option<&str>) -> crate::Estimate {
        weights.estimate(&Features::of(text), 0.2, label.map(label_of))
    }

    #[test]
    fn words_that_gained_are_expected_to_gain() {
        let weights = Fit::default().train(&examples(400));
        let tides = ask(&weights, "tell me about ocean tides", None);
        let cats = ask(&weights, "tell me about house cats", None);
        assert!(tides.gain > cats.gain + 0.1, "{tides:?} {cats:?}");
        assert!(tides.suffices < cats.suffices);
    }

    #[test]
    fn a_label_counts_where_the_text_says_nothing() {
        let weights = Fit::default().train(&examples(400));
        let ask = |label| ask(&weights, "tell me about it", Some(label)).gain;
        assert!(ask("sea") > ask("unheard of") && ask("unheard of") > ask("home"));
    }

    #[test]
    fn strange_words_leave_the_prior_alone() {
        let weights = Fit::default().train(&examples(400));
        let strange = ask(
            &weights,
            "zwölf boxkämpfer jagen viktor quer übers deck",
            None,
        );
        assert!(strange.trust.abs() < 1e-9);
        assert!((strange.gain - weights.head.prior_gain(0.2)).abs() < 1e-9);
    }

    #[test]
    fn a_few_examples_hardly_move_it() {
        let (few, many) = (
            Fit::default().fit(&examples(4)),
            Fit::default().fit(&examples(400)),
        );
        let learned = |weights: &Weights| {
            ask(weights, "tell me about ocean tides number", None)
                .residual()
                .abs()
        };
        assert!(learned(&few) < learned(&many) / 2.0);
    }

    #[test]
    fn the_same_examples_give_the_same_bytes() {
        let (first, second) = (Fit::default(), Fit::default());
        let bytes = |fit: Fit| fit.train(&examples(60)).to_bytes();
        assert_eq!(bytes(first), bytes(second));
    }
}
