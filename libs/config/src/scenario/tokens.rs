//! How many tokens an iteration has: always as many, around a mean, or between two bounds.

use crate::decode::Section;
use crate::read::{count, number};

/// The most tokens of one call.
const MOST: u64 = 100_000_000;

/// How many tokens each call has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tokens {
    /// Always so many.
    Fixed(u64),
    /// Log-normal: many are a little below the mean, a few far above it.
    Around {
        /// The mean.
        mean: f64,
        /// The standard deviation as a part of the mean.
        spread: f64,
    },
    /// Each number from the first to the last as often as any other.
    Between {
        /// The least.
        from: u64,
        /// The most.
        to: u64,
    },
}

impl Tokens {
    /// The mean.
    #[must_use]
    pub const fn mean(self) -> f64 {
        match self {
            Self::Fixed(tokens) => tokens as f64,
            Self::Around { mean, .. } => mean,
            Self::Between { from, to } => f64::midpoint(from as f64, to as f64),
        }
    }

    /// What `key` says, if it is given and right: a number, `{mean, spread}` or `{from, to}`.
    fn read(section: &mut Section<'_, '_>, key: &'static str) -> Option<Self> {
        if section.is_scalar(key) {
            return section.get(key, count(0..=MOST)).map(Self::Fixed);
        }
        if !section.has(key) {
            return None;
        }
        section.section(key, |section| {
            if section.has("from") || section.has("to") {
                return Self::between(section);
            }
            let mean = section.required("mean", number(1.0..=MOST as f64));
            let spread = section.required("spread", number(0.0..=10.0));
            Some(Self::Around {
                mean: mean?,
                spread: spread?,
            })
        })
    }

    fn between(section: &mut Section<'_, '_>) -> Option<Self> {
        let from = section.required("from", count(0..=MOST));
        let to = section.required("to", count(0..=MOST));
        let (from, to) = (from?, to?);
        if from > to {
            section.problem("to", "is less than `from`");
        }
        Some(Self::Between { from, to })
    }
}

/// The tokens of actions that do not say their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct General {
    input: Option<Tokens>,
    output: Option<Tokens>,
}

impl General {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let mut of = |key| {
            let tokens = Tokens::read(section, key);
            // What is there and wrong was reported; the actions shall not say that it is missing.
            tokens.or_else(|| section.has(key).then_some(Tokens::Fixed(0)))
        };
        Self {
            input: of("input"),
            output: of("output"),
        }
    }

    /// Those of one action, input first; what it does not say is as for all.
    pub(super) fn of(self, section: &mut Section<'_, '_>) -> (Tokens, Tokens) {
        let input = Tokens::read(section, "input").or(self.input);
        let output = Tokens::read(section, "output").or(self.output);
        if input.is_none() {
            section.problem("input", "is missing, here and in `tokens.input`");
        }
        if output.is_none() {
            section.problem("output", "is missing, here and in `tokens.output`");
        }
        let none = Tokens::Fixed(0);
        (input.unwrap_or(none), output.unwrap_or(none))
    }
}
