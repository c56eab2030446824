//! From features to a difficulty: a sum of weighted features, squashed to 0..1.
//!
//! The weights of `prior` are made by hand, in log-odds: 0.4 moves a middling difficulty by about
//! 0.1. What was learned from outcomes ([`crate::residual`]) adds its part to the same sum. Each
//! feature that moved the sum is reported with what the difficulty would lose without it. Nothing
//! is random: the same request always gets the same score.

use terrace_domain::Score;
use terrace_learned::measures::DISTINCT_WORDS;

use crate::evidence::{self, Evidence, counted};
use crate::features::{Cue, Features};
use crate::request::Form;
use crate::residual::Learned;
use crate::task::TaskKind;

/// Log-odds of a request that nothing is known of: a difficulty of 0.38.
const NEUTRAL: f64 = -0.5;
/// Words of an ordinary question; longer ones are harder.
const ORDINARY_WORDS: f64 = 30.0;
/// Fewer words have no average length to speak of.
const ENOUGH_WORDS: usize = 12;
/// A feature that moves the sum by less is not worth a line.
const NOTHING: f64 = 0.005;
/// Log-odds for a spread of the share of distinct words.
const REPEATED_WORDS: f64 = -0.5;
/// Up to this many words it counts nothing, and from twice as many on all of it.
const TOO_SHORT_TO_REPEAT: f64 = 16.0;
/// What it counts where the words are those of pasted material.
const OF_MATERIAL: f64 = 0.25;

/// How hard a request is, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// 0: any model does it; 1: only the best.
    pub difficulty: Score,
    /// How sure that is.
    pub confidence: Score,
    /// Every feature that moved it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// One feature's share of the sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) feature: &'static str,
    /// Its share, in log-odds.
    pub(crate) logit: f64,
    /// What was seen.
    pub(crate) detail: String,
}

/// The hand-made part of a score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prior {
    parts: Vec<Part>,
    /// Log-odds of the difficulty.
    pub(crate) logit: f64,
}

/// What is known of a request of this kind without any outcome.
pub(crate) fn prior(features: &Features, kind: TaskKind) -> Prior {
    let parts: Vec<Part> = of_kind(kind)
        .into_iter()
        .chain(of_size(features, kind))
        .chain(of_content(features))
        .chain(of_manner(features))
        .chain(of_setting(features))
        .chain(of_action(features))
        .collect();
    let logit = NEUTRAL + parts.iter().map(|part| part.logit).sum::<f64>();
    Prior { parts, logit }
}

/// Adds what was learned to what is known; `margin` says how clear the kind is, 0 to 1, and `cut`
/// whether something was not read.
pub(crate) fn score(prior: Prior, learned: Learned, margin: f64, cut: bool) -> Scored {
    let mut parts = prior.parts;
    let confidence = confidence(&parts, margin, cut);
    let sum = prior.logit + learned.logit();
    parts.extend(learned.parts);
    let difficulty = squash(sum);
    let mut evidence: Vec<_> = parts
        .iter()
        .map(|part| Evidence {
            feature: part.feature,
            weight: difficulty - squash(sum - part.logit),
            detail: part.detail.clone(),
        })
        .collect();
    evidence::strongest_first(&mut evidence);
    Scored {
        difficulty: Score::clamped(difficulty),
        confidence,
        evidence,
    }
}

fn squash(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// More evidence, evidence that agrees and a clear kind make it surer; unread text less so.
fn confidence(parts: &[Part], margin: f64, cut: bool) -> Score {
    let (mut sum, mut mass) = (0.0, 0.0);
    for part in parts {
        sum += part.logit;
        mass += part.logit.abs();
    }
    let agreement = if mass > 0.0 {
        f64::abs(sum) / mass
    } else {
        0.0
    };
    let amount = 1.0 - f64::exp(-mass / 1.5);
    let sure = 0.15 + 0.8 * amount * (0.35 + 0.3 * agreement + 0.35 * margin);
    Score::clamped(if cut { sure * 0.8 } else { sure })
}

fn of_kind(kind: TaskKind) -> Option<Part> {
    let logit = match kind {
        TaskKind::Classification => -1.1,
        TaskKind::Extraction => -0.75,
        TaskKind::Rewriting => -0.4,
        TaskKind::Chat => -0.15,
        TaskKind::Math => 0.4,
        TaskKind::Code => 0.7,
        TaskKind::Reasoning => 0.45,
        TaskKind::Orchestration => 1.7,
    };
    part("task_kind", logit, || {
        format!("the task is {}", kind.as_str())
    })
}

fn of_size(features: &Features, kind: TaskKind) -> impl Iterator<Item = Part> {
    // Pasted material makes these tasks longer and hardly harder.
    let on_material = matches!(
        kind,
        TaskKind::Classification | TaskKind::Extraction | TaskKind::Rewriting
    );
    let doublings = (features.words.max(1) as f64 / ORDINARY_WORDS).log2();
    // A short question may be as hard as any; a long one seldom is easy.
    let per_doubling = match (on_material, doublings > 0.0) {
        (true, _) => 0.12,
        (false, true) => 0.46,
        (false, false) => 0.3,
    };
    let length = doublings.clamp(-1.5, 6.0) * per_doubling;
    let context = (1.0 + features.context_bytes as f64 / 4000.0)
        .log2()
        .min(6.0);
    // Measured on public outcomes: long words are those of questions that are looked up, short
    // ones those of questions that are worked out, where better models gain more.
    let long = (features.word_bytes - 4.7).clamp(-1.2, 2.0);
    let word_length = if features.words < ENOUGH_WORDS {
        0.0
    } else {
        -0.24 * long
    };
    let parts = [
        part("prompt_length", length, || {
            format!("the question has about {}", counted(features.words, "word"))
        }),
        part("context_length", context * 0.06, || {
            format!("{} of other turns", counted(features.context_bytes, "byte"))
        }),
        part("word_length", word_length, || {
            format!("words have {:.1} letters on average", features.word_bytes)
        }),
        of_repetition(features, on_material),
    ];
    parts.into_iter().flatten()
}

/// Measured on public outcomes: questions that come back to their own words have parts that hang
/// together, and better models gain more on them.
fn of_repetition(features: &Features, on_material: bool) -> Option<Part> {
    let distinct = f64::from(features.text.measures[DISTINCT_WORDS]);
    // A short text seldom comes back to a word, and that says nothing.
    let enough = (features.words as f64 - TOO_SHORT_TO_REPEAT) / TOO_SHORT_TO_REPEAT;
    let counts = enough.clamp(0.0, 1.0) * if on_material { OF_MATERIAL } else { 1.0 };
    part("repeated_words", distinct * REPEATED_WORDS * counts, || {
        format!("of its words {} are different", features.text.words.len())
    })
}

fn of_content(features: &Features) -> impl Iterator<Item = Part> {
    let cues = [
        (Cue::Reason, ("reasoning_words", 0.2, 3.0)),
        (Cue::Prove, ("proof_words", 1.8, 1.5)),
        (Cue::Design, ("design_words", 0.55, 4.0)),
        (Cue::Orchestrate, ("orchestration_words", 0.35, 3.0)),
        (Cue::Constraint, ("demands", 0.1, 6.0)),
    ];
    of_counts(features).chain(of_cues(features, cues))
}

fn of_counts(features: &Features) -> impl Iterator<Item = Part> {
    let shape = &features.shape;
    let several = |count: usize, most: f64| (1.0 + count as f64).log2().min(most);
    let counts = [
        (
            "code_at_hand",
            several(shape.code_lines, 7.0) * 0.1,
            shape.code_lines,
            "line of code",
        ),
        (
            "list_items",
            several(shape.list_items, 4.0) * 0.15,
            shape.list_items,
            "list item",
        ),
        (
            "options",
            several(shape.options, 3.0) * 0.1,
            shape.options,
            "lettered option",
        ),
        (
            "notation",
            several(shape.notation, 5.0) * 0.07,
            shape.notation,
            "sign of notation",
        ),
        (
            "numbers",
            several(features.numbers, 4.0) * 0.02,
            features.numbers,
            "number",
        ),
        (
            "questions",
            several(shape.questions.saturating_sub(1), 3.0) * 0.12,
            shape.questions,
            "question mark",
        ),
    ];
    counts
        .into_iter()
        .filter_map(|(feature, logit, count, what)| part(feature, logit, || counted(count, what)))
}

fn of_manner(features: &Features) -> impl Iterator<Item = Part> {
    let cues = [
        (Cue::Brief, ("brevity_words", -0.3, 2.0)),
        (Cue::Small, ("smallness_words", -0.2, 2.0)),
        (Cue::Casual, ("small_talk", -0.5, 2.0)),
        (Cue::Label, ("label_words", -0.12, 3.0)),
    ];
    of_cues(features, cues)
}

/// A feature of a cue, what each that was seen counts, and how many do at most.
type Rule = (&'static str, f64, f64);

fn of_cues<const N: usize>(
    features: &Features,
    cues: [(Cue, Rule); N],
) -> impl Iterator<Item = Part> {
    cues.into_iter()
        .filter_map(|(cue, (feature, per_one, most))| {
            let seen = features.cues.of(cue);
            part(feature, seen.min(most) * per_one, || {
                format!("{seen:.1} by place and number")
            })
        })
}

fn of_setting(features: &Features) -> impl Iterator<Item = Part> {
    let form = match features.form {
        Form::Free => 0.0,
        Form::Choice => -0.7,
        Form::Pattern => -0.2,
        Form::Json => 0.05,
        Form::Schema => 0.15,
    };
    let tools = if features.tools == 0 {
        0.0
    } else {
        0.25 + 0.05 * f64::from(features.tools.min(10))
    };
    let turns = (features.turns.max(1) as f64).log2().min(5.0) * 0.08;
    let images = if features.images > 0 { 0.35 } else { 0.0 };
    let results = (features.tool_turns.min(6) as f64) * 0.08;
    let parts = [
        part("response_form", form, || {
            "the output has to have a form".to_owned()
        }),
        part("tools", tools, || counted(features.tools as usize, "tool")),
        part("tool_results", results, || {
            counted(features.tool_turns, "tool result")
        }),
        part("turns", turns, || counted(features.turns, "turn")),
        part("images", images, || counted(features.images, "picture")),
    ];
    parts.into_iter().flatten()
}

/// What the action's name says beyond the kind of task.
fn of_action(features: &Features) -> Option<Part> {
    let of = |cue| features.action.of(cue).min(1.0);
    let logit = 0.5 * of(Cue::Orchestrate)
        + 0.4 * of(Cue::Design)
        + 0.3 * of(Cue::Reason)
        + 0.5 * of(Cue::Prove)
        - 0.4 * of(Cue::Label)
        - 0.2 * of(Cue::Extract)
        - 0.3 * of(Cue::Casual);
    part("action", logit, || "the action's name says so".to_owned())
}

/// A feature's part, if it moves the sum by enough to be worth a line.
fn part(feature: &'static str, logit: f64, detail: impl FnOnce() -> String) -> Option<Part> {
    (logit.abs() >= NOTHING).then(|| Part {
        feature,
        logit,
        detail: detail(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features;
    use crate::request::{Request, Speaker, Turn};

    fn scored(text: &str) -> Scored {
        let request = Request {
            turns: vec![Turn::new(Speaker::User, text)],
            ..Request::default()
        };
        let features = features::read(&request, text);
        let prior = prior(&features, TaskKind::Chat);
        score(prior, Learned::default(), 0.5, false)
    }

    #[test]
    fn every_weight_is_what_the_difficulty_would_lose_without_it() {
        let scored = scored("Prove that the design is correct, step by step.");
        let proof = scored
            .evidence
            .iter()
            .find(|one| one.feature == "proof_words");
        assert!(proof.unwrap().weight > 0.0);
        let strengths: Vec<_> = scored.evidence.iter().map(|one| one.weight.abs()).collect();
        assert!(strengths.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn longer_is_harder_and_shorter_is_easier() {
        let (short, long) = (
            scored("blue sky"),
            scored(&"blue sky over water ".repeat(200)),
        );
        assert!(short.difficulty < long.difficulty);
    }

    #[test]
    fn no_evidence_makes_no_confidence() {
        let nothing = confidence(&[], 0.0, false);
        assert!(nothing < scored("Prove it by induction, formally.").confidence);
        assert!((nothing.get() - 0.15).abs() < 1e-9);
    }

    #[test]
    fn details_never_quote_the_prompt() {
        let scored = scored("prove zanzibar\n- zanzibar\n```zanzibar\nx\n```");
        assert!(!scored.evidence.is_empty());
        for one in scored.evidence {
            assert!(!one.detail.contains("zanzibar"), "{one:?}");
        }
    }
}
