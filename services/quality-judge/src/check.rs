//! What a check is: one question about an answer, asked without waiting for anything.

use std::fmt::Debug;

use terrace_domain::Score;

use crate::answer::Answer;

/// The checks, cheapest first: the order in which they are made and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Empty or cut off.
    Empty,
    /// Refuses the task.
    Refusal,
    /// Has no number, or none of the options, where one was asked for.
    Missing,
    /// Repeats itself.
    Repetition,
    /// Not in the form that was asked for.
    Format,
    /// Equations that are wrong.
    Arithmetic,
    /// Code that does not parse.
    Syntax,
    /// The learned chance that it is right.
    Chance,
    /// A rule of the user's own.
    Rule,
    /// Whether another model comes to the same.
    Agreement,
    /// What a model says that reads the answer.
    Critique,
    /// A judge of the user's own.
    External,
}

impl Kind {
    /// Its name on the wire and in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Refusal => "refusal",
            Self::Missing => "missing",
            Self::Repetition => "repetition",
            Self::Format => "format",
            Self::Arithmetic => "arithmetic",
            Self::Syntax => "syntax",
            Self::Chance => "chance",
            Self::Rule => "rule",
            Self::Agreement => "agreement",
            Self::Critique => "critique",
            Self::External => "external",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How good the answer is in this respect.
    pub score: Score,
    /// Whether this alone fails the answer.
    pub hard_failure: bool,
    /// What was found, in words and numbers; never the answer's text.
    pub words: String,
}

impl Finding {
    /// Nothing to complain about.
    #[must_use]
    pub fn good(words: impl Into<String>) -> Self {
        Self::scored(1.0, words)
    }

    /// Something between good and useless.
    #[must_use]
    pub fn scored(score: f64, words: impl Into<String>) -> Self {
        Self {
            score: Score::clamped(score),
            hard_failure: false,
            words: words.into(),
        }
    }

    /// A defect that nothing makes up for.
    #[must_use]
    pub fn hard(words: impl Into<String>) -> Self {
        Self {
            hard_failure: true,
            ..Self::scored(0.0, words)
        }
    }
}

/// One question about an answer.
///
/// A check is pure and bounded: the same answer gets the same finding, and the work grows no faster
/// than the answer, or is cut by a clock where foreign code does not promise that (`syntax`).
pub trait Check: Debug + Send + Sync {
    /// Which check this is.
    fn kind(&self) -> Kind;

    /// Looks at an answer. `None`: the question does not apply to it, or cannot be decided.
    fn check(&self, answer: &Answer) -> Option<Finding>;

    /// Looks at the beginning of an answer that is still coming: the best that can still be found
    /// of the whole, whatever follows. `None`: everything is open.
    fn outlook(&self, _beginning: &Answer) -> Option<Finding> {
        None
    }

    /// Whether the question applies to an answer with this beginning, as far as can be told.
    fn applies(&self, _beginning: &Answer) -> bool {
        true
    }
}
