//! Consensus: several models are asked at once, and what enough of them agree on is the answer.
//!
//! 1. [`plan`] says who is asked, and why others are not (pure).
//! 2. `round` holds the worst case of each and calls them all; `ballot` counts their votes as they
//!    come.
//! 3. [`meaning`] and [`group`] say which answers are the same, [`votes`] whether they are enough
//!    (pure). The rest is called off as soon as that is clear, and billed for what it produced.
//! 4. Nobody agrees: the tiers above the members decide, as they do when an answer falls short.

mod ballot;
pub mod group;
mod json;
pub mod meaning;
mod number;
pub mod plan;
mod round;
pub mod votes;

use std::fmt;
use std::str::FromStr;

use terrace_domain::{ModelName, Score};

/// When two answers count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivalence {
    /// The same text, but for case, space, emphasis and the punctuation around it.
    Text,
    /// The same last number.
    Number,
    /// The same JSON value.
    Json,
    /// The same of the request's choices.
    Choice,
    /// The same parse tree of its code, as the judge tells it; the same text where there is none.
    Code,
    /// Nearly the same direction of an embedding model's vectors.
    Embedding,
}

impl Equivalence {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Number,
        Self::Json,
        Self::Choice,
        Self::Code,
        Self::Embedding,
    ];

    /// Its word in config, contract and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Json => "json",
            Self::Choice => "choice",
            Self::Code => "code",
            Self::Embedding => "embedding",
        }
    }
}

impl fmt::Display for Equivalence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no equivalence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be text, number, json, choice, code or embedding")]
pub struct UnknownEquivalence;

impl FromStr for Equivalence {
    type Err = UnknownEquivalence;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.as_str() == word)
            .ok_or(UnknownEquivalence)
    }
}

/// What a request, or the config for it, wants of a consensus.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Whom to ask, each once.
    pub models: Vec<ModelName>,
    /// The part of the votes that an answer needs.
    pub threshold: Score,
    /// When answers count as the same; `None` for what fits the form of the answer.
    pub equivalence: Option<Equivalence>,
    /// Whether the request itself asks for it. The config's wish gives way to a request for one
    /// model or tier.
    pub by_request: bool,
}

/// What came of a consensus.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// Whether a group reached the threshold.
    pub agreed: bool,
    /// Whether that was clear before all members had answered.
    pub decided_early: bool,
    /// How many models were asked.
    pub asked: usize,
    /// The part of the votes that was needed.
    pub threshold: Score,
    /// When two answers counted as the same.
    pub equivalence: Equivalence,
    /// Who said the same, the most votes first.
    pub groups: Vec<Group>,
}

/// Members who said the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Positions of their attempts.
    pub attempts: Vec<usize>,
    /// Their part of the votes of all members asked.
    pub share: f64,
    /// Whether they have won.
    pub answers: bool,
}
