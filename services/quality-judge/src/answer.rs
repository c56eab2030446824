//! An answer and what was wanted of it, free of the wire: all that a check may look at.

use terrace_domain::Score;

use crate::format::Format;
use crate::language::Language;

/// One answer to judge, and how.
#[derive(Debug)]
pub struct Case {
    /// The answer.
    pub answer: Answer,
    /// What the caller is doing; chooses the profile of weights. Empty: the default profile.
    pub action: String,
    /// The score that the answer must reach.
    pub threshold: Score,
}

/// An answer with what was wanted of it.
#[derive(Debug, Default)]
pub struct Answer {
    /// What it answers: the text of the last message of the user.
    pub question: String,
    /// All its text.
    pub text: String,
    /// The arguments of the tools it calls, as the model wrote them.
    pub tool_calls: Vec<String>,
    /// Why the model stopped.
    pub finish: Finish,
    /// The form it must have.
    pub format: Format,
    /// Whether it must have code.
    pub code_expected: bool,
    /// The language that its code is to be in.
    pub code_language: CodeLanguage,
    /// The router's chance that a lower tier does for the question, if it is known.
    pub lower_tier_suffices: Option<Score>,
}

impl Answer {
    /// An answer of one text that ended by itself and of which nothing special is wanted.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            finish: Finish::Stop,
            ..Self::default()
        }
    }

    /// The same as an answer to `question`.
    #[must_use]
    pub fn to(self, question: impl Into<String>) -> Self {
        Self {
            question: question.into(),
            ..self
        }
    }

    /// Whether it is text in words: no calls, no code, no form that was asked for.
    #[must_use]
    pub const fn is_prose(&self) -> bool {
        self.tool_calls.is_empty() && self.format.is_free() && !self.code_expected
    }
}

/// The language that code is to be in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CodeLanguage {
    /// Nobody said.
    #[default]
    Any,
    /// One that can be parsed here.
    Known(Language),
    /// One that cannot: nothing is said about its syntax.
    Unknown,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Finish {
    /// Not known.
    #[default]
    Unknown,
    /// It had said all.
    Stop,
    /// It met its output cap.
    Length,
    /// It wants tools called.
    ToolCalls,
    /// The backend's own filter cut it.
    ContentFilter,
}
