//! Log-probabilities as OpenAI's chat completions have them.

use serde_json::{Value, json};
use terrace_proto::common::v1::TokenLogprob;

/// Those of a choice, or null when there are none.
pub(super) fn json(tokens: &[TokenLogprob]) -> Value {
    if tokens.is_empty() {
        return Value::Null;
    }
    json!({"content": content(tokens), "refusal": null})
}

/// The tokens alone.
pub(super) fn content(tokens: &[TokenLogprob]) -> Value {
    tokens.iter().map(token).collect()
}

fn token(token: &TokenLogprob) -> Value {
    let mut told = plain(token);
    told["top_logprobs"] = token.alternatives.iter().map(plain).collect();
    told
}

/// A token may be a part of a character: its bytes tell it exactly.
fn plain(token: &TokenLogprob) -> Value {
    json!({
        "token": String::from_utf8_lossy(&token.token),
        "logprob": token.logprob,
        "bytes": token.token,
    })
}
