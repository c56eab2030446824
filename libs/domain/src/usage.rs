//! Token counts of one call to a model.

/// What one call used, as the backend counted it or as we estimated it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens, cached ones among them.
    pub input_tokens: u64,
    /// All output tokens, reasoning ones among them.
    pub output_tokens: u64,
    /// Of the input tokens, those read from the backend's prompt cache.
    pub cached_input_tokens: u64,
    /// Of the input tokens, those written to the backend's prompt cache.
    pub cache_write_tokens: u64,
    /// Of the output tokens, those spent on hidden reasoning.
    pub reasoning_tokens: u64,
    /// Whether any of the counts is our estimate because the backend gave none.
    pub estimated: bool,
}

impl Usage {
    /// Adds two usages; the sum is estimated if either part is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cached_input_tokens: self
                .cached_input_tokens
                .saturating_add(other.cached_input_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_add(other.cache_write_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// Bytes of text that make one token in an estimate: English prose averages about four.
const BYTES_PER_TOKEN: u64 = 4;

/// Estimates the tokens of a text of `bytes` bytes; at least one for any text at all.
///
/// For bills where the backend gave no count; mark the usage as estimated.
#[must_use]
pub const fn estimate_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// What a picture is taken to have where a backend gave no count: one of a megapixel, as the
/// vendors' documents reckon it.
pub const IMAGE_TOKENS: u64 = 1_600;

/// The most tokens that a picture can have. `gpt-4o-mini` has the dearest: 2,833 and 5,667 for each
/// of up to eight tiles.
/// <https://platform.openai.com/docs/guides/images-vision>
pub const IMAGE_TOKENS_BOUND: u64 = 48_169;

/// The most tokens that a text of `bytes` bytes in `messages` messages can have.
///
/// A byte-level tokenizer never makes more tokens than bytes; chat templates add role markers,
/// for which 16 tokens a message and 16 for the whole are more than any template in use adds.
#[must_use]
pub const fn token_upper_bound(bytes: u64, messages: u64) -> u64 {
    bytes.saturating_add(messages.saturating_add(1).saturating_mul(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_never_passes_the_upper_bound() {
        for bytes in [0, 1, 3, 4, 5, 1000] {
            assert!(estimate_tokens(bytes) <= token_upper_bound(bytes, 1));
        }
    }

    #[test]
    fn a_sum_with_an_estimate_is_an_estimate() {
        let counted = Usage {
            input_tokens: 1,
            ..Usage::default()
        };
        let guessed = Usage {
            output_tokens: 2,
            estimated: true,
            ..Usage::default()
        };
        let sum = counted.plus(guessed);
        assert!(sum.estimated);
        assert_eq!((sum.input_tokens, sum.output_tokens), (1, 2));
    }
}
