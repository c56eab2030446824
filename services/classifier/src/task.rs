//! The kind of task: each kind collects points from the cues that speak for it.
//!
//! What the action is called and what the question begins with weigh most, because they are
//! what the caller does and not what the prompt talks about. Without any cue it is a chat.

use crate::features::{Cue, Features};
use crate::request::Form;

/// Kinds of task that differ in which models do them well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// Conversation and open questions.
    Chat,
    /// Choosing a label.
    Classification,
    /// Taking facts out of a text.
    Extraction,
    /// Making a text shorter or other.
    Rewriting,
    /// Writing or changing code.
    Code,
    /// Calculation and word problems.
    Math,
    /// Several steps of thought, design, analysis.
    Reasoning,
    /// Planning and directing the work of others.
    Orchestration,
}

/// Every kind; of several with equal points the first is taken.
const KINDS: [TaskKind; 8] = [
    TaskKind::Chat,
    TaskKind::Classification,
    TaskKind::Extraction,
    TaskKind::Rewriting,
    TaskKind::Code,
    TaskKind::Math,
    TaskKind::Reasoning,
    TaskKind::Orchestration,
];

/// A cue counts this often at most for a kind: the tenth says nothing new.
const MOST_PER_CUE: f64 = 3.0;
/// Points of a cue in the action's name.
const OF_ACTION: f64 = 5.0;
/// Points of the leading cue.
const OF_LEAD: f64 = 1.5;

impl TaskKind {
    /// The kind's name in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Classification => "classification",
            Self::Extraction => "extraction",
            Self::Rewriting => "rewriting",
            Self::Code => "code",
            Self::Math => "math",
            Self::Reasoning => "reasoning",
            Self::Orchestration => "orchestration",
        }
    }

    /// The kind that a task's own cue speaks for.
    const fn of_cue(cue: Cue) -> Option<Self> {
        Some(match cue {
            Cue::Label => Self::Classification,
            Cue::Extract => Self::Extraction,
            Cue::Rewrite => Self::Rewriting,
            Cue::Code => Self::Code,
            Cue::Math => Self::Math,
            Cue::Reason | Cue::Prove | Cue::Design => Self::Reasoning,
            Cue::Orchestrate => Self::Orchestration,
            Cue::Casual | Cue::Question => Self::Chat,
            Cue::Brief | Cue::Small | Cue::Constraint => return None,
        })
    }
}

/// The kind with the most points, and its lead over the next, 0 to 1.
pub(crate) fn kind_of(features: &Features) -> (TaskKind, f64) {
    let (mut best, mut points, mut second) = (TaskKind::Chat, f64::MIN, 0.0_f64);
    for kind in KINDS {
        let own = points_of(kind, features);
        if own > points {
            (best, second, points) = (kind, points.max(0.0), own);
        } else {
            second = second.max(own);
        }
    }
    (best, ((points - second) / (points + 1.0)).clamp(0.0, 1.0))
}

fn points_of(kind: TaskKind, features: &Features) -> f64 {
    let lead = features.lead.and_then(TaskKind::of_cue);
    let mut points = if lead == Some(kind) { OF_LEAD } else { 0.0 };
    for (cue, weight) in cues_of(kind) {
        points += weight * features.cues.of(*cue).min(MOST_PER_CUE);
        points += OF_ACTION * features.action.of(*cue).min(1.0);
    }
    points + beyond_cues(kind, features)
}

/// The cues that speak for a kind, and how loudly.
const fn cues_of(kind: TaskKind) -> &'static [(Cue, f64)] {
    match kind {
        TaskKind::Chat => &[(Cue::Casual, 1.5), (Cue::Question, 0.4)],
        TaskKind::Classification => &[(Cue::Label, 1.4)],
        TaskKind::Extraction => &[(Cue::Extract, 1.3)],
        TaskKind::Rewriting => &[(Cue::Rewrite, 1.5)],
        TaskKind::Code => &[(Cue::Code, 1.0)],
        TaskKind::Math => &[(Cue::Math, 0.9)],
        TaskKind::Reasoning => &[(Cue::Reason, 1.0), (Cue::Prove, 2.0), (Cue::Design, 1.1)],
        TaskKind::Orchestration => &[(Cue::Orchestrate, 1.3)],
    }
}

/// Points for what is no word: form, notation, code at hand.
fn beyond_cues(kind: TaskKind, features: &Features) -> f64 {
    let shape = &features.shape;
    let when = |holds: bool, points: f64| if holds { points } else { 0.0 };
    match kind {
        // What nothing speaks against: any real cue outweighs it.
        TaskKind::Chat => 0.6,
        TaskKind::Classification => {
            let brief = features.cues.of(Cue::Brief).min(1.0) * 0.4;
            brief + when(features.form == Form::Choice, 3.0)
        }
        TaskKind::Extraction => when(matches!(features.form, Form::Json | Form::Schema), 0.8),
        TaskKind::Code => {
            when(shape.fences > 0, 1.0)
                + when(shape.code_lines > 0, 0.8)
                + when(features.identifiers > 0, 0.4)
                + when(features.language.is_some(), 0.9)
                + when(features.language_declared, 1.0)
        }
        TaskKind::Math => {
            let asked = features.cues.of(Cue::Math) >= 1.0 || shape.questions > 0;
            when(features.numbers >= 3 && asked, 1.2) + when(shape.notation >= 2, 0.8)
        }
        TaskKind::Rewriting | TaskKind::Reasoning | TaskKind::Orchestration => 0.0,
    }
}

/// Output tokens that a task of this kind usually takes: rough, for plans and not for bills.
pub(crate) fn expected_output_tokens(kind: TaskKind, features: &Features, difficulty: f64) -> u32 {
    if features.form == Form::Choice {
        return 8;
    }
    // A token is about four bytes and a word about five with its space.
    let asked = features.words as f64 * 1.3;
    let brief = features.cues.of(Cue::Brief) >= 1.0;
    let tokens = match kind {
        TaskKind::Classification => 12.0,
        TaskKind::Extraction => (asked * 0.25).clamp(40.0, 400.0),
        TaskKind::Rewriting => (asked * 0.6).clamp(60.0, 1500.0),
        TaskKind::Chat if brief => 40.0,
        TaskKind::Chat => 160.0 + 240.0 * difficulty,
        TaskKind::Code => 150.0 + 1500.0 * difficulty * difficulty,
        TaskKind::Math if brief => 60.0,
        TaskKind::Math => 120.0 + 400.0 * difficulty,
        TaskKind::Reasoning => 250.0 + 900.0 * difficulty,
        TaskKind::Orchestration => 600.0 + 900.0 * difficulty,
    };
    tokens.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features;
    use crate::request::{Request, Speaker, Turn};
    use terrace_domain::ActionName;

    fn request(text: &str, action: &str) -> Request {
        Request {
            turns: vec![Turn::new(Speaker::User, text)],
            action: ActionName::new(action).ok(),
            ..Request::default()
        }
    }

    fn kind(text: &str, action: &str) -> TaskKind {
        kind_of(&features::read(&request(text, action), text)).0
    }

    #[test]
    fn the_action_outweighs_what_the_prompt_talks_about() {
        let text = "the user fixed a bug in the parser function";
        assert_eq!(kind(text, ""), TaskKind::Code);
        assert_eq!(kind(text, "classify_memory"), TaskKind::Classification);
    }

    #[test]
    fn nothing_at_all_is_a_chat() {
        assert_eq!(kind("", ""), TaskKind::Chat);
        assert_eq!(kind("blue skies over the bay", ""), TaskKind::Chat);
    }

    #[test]
    fn a_choice_takes_few_tokens_and_code_more_than_a_label() {
        let of = |kind| expected_output_tokens(kind, &Features::default(), 0.5);
        assert!(of(TaskKind::Classification) < of(TaskKind::Chat));
        assert!(of(TaskKind::Chat) < of(TaskKind::Orchestration));
        let choice = Features {
            form: Form::Choice,
            ..Features::default()
        };
        assert_eq!(expected_output_tokens(TaskKind::Code, &choice, 0.9), 8);
    }
}
