//! Token counts as OpenAI's chat completions have them.

use serde::Serialize;
use terrace_proto::common::v1::Usage;

/// The counts of an answer.
#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
    completion_tokens_details: CompletionTokens,
}

#[derive(Debug, Serialize)]
struct PromptTokens {
    cached_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionTokens {
    reasoning_tokens: u64,
}

impl Tokens {
    /// Those that were used.
    pub(super) const fn of(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: PromptTokens {
                cached_tokens: usage.cached_input_tokens,
            },
            completion_tokens_details: CompletionTokens {
                reasoning_tokens: usage.reasoning_tokens,
            },
        }
    }
}
