//! A regular expression (RE2 syntax) that a text must match, as a whole unless it says otherwise.

use regex::{Regex, RegexBuilder};

/// The longest pattern.
const MAX_PATTERN_BYTES: usize = 4096;
/// Memory that a compiled pattern may take.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// A pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// A text that is no pattern, or too big a one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It has too many bytes.
    #[error("must have at most {MAX_PATTERN_BYTES} bytes")]
    TooLong,
    /// It compiles to too much.
    #[error("is too big when compiled: use smaller repetitions and fewer classes")]
    TooBig,
    /// It is not written right.
    #[error("is no regular expression in RE2 syntax (no look-around, no back-references)")]
    Malformed,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// It is too long, too big when compiled, or not written right.
    pub fn compile(pattern: &str) -> Result<Self, InvalidPattern> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(InvalidPattern::TooLong);
        }
        // Alone first, so that `a)|(b` is not made whole by the group around it.
        build(pattern)?;
        build(&format!(r"\A(?:{pattern})\z")).map(Self)
    }

    /// Compiles a pattern that may match anywhere in a text.
    ///
    /// # Errors
    /// It is too long, too big when compiled, or not written right.
    pub fn within(pattern: &str) -> Result<Self, InvalidPattern> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(InvalidPattern::TooLong);
        }
        build(pattern).map(Self)
    }

    /// Whether `text` matches: all of it, unless the pattern may match anywhere.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn build(pattern: &str) -> Result<Regex, InvalidPattern> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooBig,
            _ => InvalidPattern::Malformed,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_has_to_match_whatever_the_alternatives() {
        let pattern = Pattern::compile("a|ab").unwrap();
        assert!(pattern.matches("a") && pattern.matches("ab"));
        assert!(!pattern.matches("abc") && !pattern.matches("a\n"));
    }

    #[test]
    fn what_is_malformed_or_too_big_is_refused() {
        let refused = |pattern: &str| Pattern::compile(pattern).unwrap_err();
        assert_eq!(refused("(a"), InvalidPattern::Malformed);
        assert_eq!(refused("a)|(b"), InvalidPattern::Malformed);
        assert_eq!(refused("(?=a)"), InvalidPattern::Malformed);
        assert_eq!(refused(r"(\w{1000}){1000}"), InvalidPattern::TooBig);
        assert_eq!(refused(&"a".repeat(5000)), InvalidPattern::TooLong);
    }
}
