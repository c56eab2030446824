//! What outcomes taught, in the scale of the hand-made score.
//!
//! The weights speak of gain: how much quality the tier above adds. Divided by the gain that a unit
//! of the prior's log-odds is worth it becomes log-odds, and adds to the sum of the scorer. What a
//! file of weights can do is bounded, so that a bad one cannot turn the router around.
//!
//! Evidence says how many words were known and what they came to. It never names them: a word of
//! the question is a part of the question, and evidence may stand in logs and traces.

use terrace_domain::{ActionName, Score};
use terrace_learned::measures::{self, MEASURES};
use terrace_learned::train::label_of;
use terrace_learned::{Estimate, Online, Weights};

use crate::features::Features;
use crate::scorer::Part;

/// The most that can be learned, in log-odds either way: from 0.5 to 0.6. Everyday requests are
/// not what public outcomes are about, and a wider bound sent small talk upwards.
const MOST: f64 = 0.4;
/// Fewer words say too little for what was learned from longer questions, and three times as many
/// say enough.
const TOO_FEW_WORDS: f64 = 16.0;
/// What moves the sum by less is not worth a line.
const NOTHING: f64 = 0.005;
/// The weights that are built in, as `terrace train` made them.
const BUILT_IN: &[u8] = include_bytes!("../weights/gain.trcw");

/// What was learned of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Learned {
    /// Its parts of the sum.
    pub(crate) parts: Vec<Part>,
}

/// What of a request's own setting was learned for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own<'a> {
    /// What the caller is doing.
    pub(crate) action: Option<&'a ActionName>,
    /// What its traffic taught, and the label that it is of.
    pub(crate) online: Option<(&'a Online, u64)>,
}

/// What outcomes say of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// The chance that the lower tier's answer is as good as that of the tier above.
    pub lower_tier_suffices: Score,
    /// How much quality the tier above is expected to add, -1 to 1.
    pub expected_gain: f64,
    /// Share of the question's words that the weights know.
    pub familiarity: Score,
}

/// The weights that are built in; the prior stands alone should they be unreadable.
#[must_use]
pub fn built_in() -> Weights {
    Weights::from_bytes(BUILT_IN).unwrap_or_else(|_| Weights::untrained())
}

/// Asks the weights about a request whose hand-made score is `prior`, in log-odds.
pub(crate) fn ask(
    weights: &Weights,
    features: &Features,
    prior: f64,
    own: Own<'_>,
) -> (Learned, Outlook) {
    let label = own.action.map(|action| label_of(action.as_str()));
    let is_tripped = own
        .online
        .is_some_and(|(online, _)| online.watch.is_tripped());
    let estimate = if is_tripped {
        weights.prior_alone(&features.text, prior)
    } else {
        weights.estimate_with(&features.text, prior, label, own.online)
    };
    let outlook = Outlook {
        lower_tier_suffices: Score::clamped(estimate.suffices),
        expected_gain: estimate.gain.clamp(-1.0, 1.0),
        familiarity: Score::clamped(estimate.familiarity),
    };
    let slope = f64::from(weights.head.slope).max(0.01);
    let mut learned = parts(&estimate, features, slope);
    if is_tripped {
        learned.parts = vec![guarded()];
    }
    (learned, outlook)
}

/// Says that nothing that was learned counts.
fn guarded() -> Part {
    Part {
        feature: "learning_guard",
        logit: 0.0,
        detail: "what was learned ranked outcomes worse than chance lately: the prior alone counts"
            .to_owned(),
    }
}

fn parts(estimate: &Estimate, features: &Features, slope: f64) -> Learned {
    let total = (estimate.residual() / slope).abs();
    // It nears its bound and never reaches it, so that more still counts for more.
    let enough = (features.words as f64 - TOO_FEW_WORDS) / (2.0 * TOO_FEW_WORDS);
    let bounded = MOST / (MOST + total) / slope;
    let scale = enough.clamp(0.0, 1.0) * bounded;
    let grams = features.text.grams.len();
    let known = estimate.known;
    let mut parts = vec![
        Part {
            feature: "learned_words",
            logit: estimate.words * scale,
            detail: format!("{known} of {grams} words and pairs of words are known from outcomes"),
        },
        Part {
            feature: "learned_form",
            logit: estimate.measures.iter().sum::<f64>() * scale,
            detail: format!("most of it by {}", strongest(&estimate.measures)),
        },
    ];
    parts.extend(estimate.label.map(|label| Part {
        feature: "learned_action",
        logit: label * scale,
        detail: "outcomes of this action".to_owned(),
    }));
    parts.push(Part {
        feature: "learned_here",
        // Not of its words, so it counts however few they are.
        logit: estimate.own * bounded,
        detail: "outcomes of this project's action".to_owned(),
    });
    parts.retain(|part| part.logit.abs() >= NOTHING);
    if estimate.trust < 1.0 {
        let (known, counts) = (estimate.familiarity * 100.0, estimate.trust * 100.0);
        parts.push(Part {
            feature: "unfamiliar_words",
            logit: 0.0,
            detail: format!(
                "{known:.0} % of the words are known, so {counts:.0} % of what was learned counts"
            ),
        });
    }
    Learned { parts }
}

fn strongest(measures: &[f64; MEASURES]) -> &'static str {
    let by_strength = |a: &(usize, &f64), b: &(usize, &f64)| a.1.abs().total_cmp(&b.1.abs());
    let strongest = measures.iter().enumerate().max_by(by_strength);
    strongest.map_or("", |(index, _)| measures::name(index))
}

impl Learned {
    /// Its share of the sum.
    pub(crate) fn logit(&self) -> f64 {
        self.parts.iter().map(|part| part.logit).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features;
    use crate::request::Request;

    fn learned(text: &str) -> (Learned, Outlook) {
        let features = features::read(&Request::default(), text);
        ask(&built_in(), &features, 0.0, Own::default())
    }

    #[test]
    fn the_built_in_weights_can_be_read_and_were_trained() {
        assert!(Weights::from_bytes(BUILT_IN).is_ok_and(|weights| weights.examples > 1000));
    }

    #[test]
    fn no_weights_move_a_score_beyond_their_bound() {
        for text in ["", "why", "How many apples does she have?", "a b c d e f g"] {
            assert!(learned(text).0.logit().abs() <= MOST + 1e-9, "{text:?}");
        }
    }

    #[test]
    fn a_strange_language_leaves_the_score_to_the_prior_and_says_so() {
        let text = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich";
        let (learned, outlook) = learned(text);
        assert!(outlook.familiarity < Score::clamped(0.5));
        let unfamiliar = learned
            .parts
            .iter()
            .find(|part| part.feature == "unfamiliar_words");
        assert!(unfamiliar.is_some());
    }
}
