//! All that the stub says, written once for as long as it behaves alike.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{MODEL, Manner};
use crate::overhead::words;

/// Tokens that the question is said to have.
const PROMPT_TOKENS: usize = 120;
/// Events before the first token: the one that names the role.
const HEAD: usize = 1;

/// The answer whole, and in pieces.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) json: Bytes,
    pub(super) delay: Duration,
    pace: Duration,
    tokens: usize,
    /// The role, the tokens, the end.
    pieces: Vec<Bytes>,
    usage: Bytes,
    done: Bytes,
}

impl Replies {
    pub(super) fn of(manner: Manner) -> Self {
        let usage = json!({
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": manner.tokens,
            "total_tokens": PROMPT_TOKENS + manner.tokens,
        });
        let whole = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_750_000_000, "model": MODEL,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": words::answer(manner.tokens)},
                "logprobs": null, "finish_reason": "stop",
            }],
            "usage": usage,
        });
        let role = piece(&json!({"role": "assistant", "content": ""}), &Value::Null);
        let tokens = words::tokens(manner.tokens);
        let tokens = tokens.map(|token| piece(&json!({"content": token}), &Value::Null));
        let end = piece(&json!({}), &"stop".into());
        Self {
            json: whole.to_string().into(),
            delay: Duration::from_millis(manner.delay_ms),
            pace: Duration::from_millis(manner.pace_ms),
            tokens: manner.tokens,
            pieces: std::iter::once(role).chain(tokens).chain([end]).collect(),
            usage: event(&chunk(&json!([]), &usage)),
            done: Bytes::from_static(b"data: [DONE]\n\n"),
        }
    }

    /// The piece with this number; `None` after the last.
    pub(super) fn frame(&self, index: usize, with_usage: bool) -> Option<Bytes> {
        let rest: &[&Bytes] = match with_usage {
            true => &[&self.usage, &self.done],
            false => &[&self.done],
        };
        let piece = self.pieces.get(index);
        let piece = piece.or_else(|| rest.get(index.checked_sub(self.pieces.len())?).copied());
        piece.cloned()
    }

    /// How long the stub waits before the piece with this number.
    pub(super) fn wait_before(&self, index: usize) -> Duration {
        match index.checked_sub(HEAD) {
            Some(0) => self.delay,
            Some(token) if token < self.tokens => self.pace,
            _ => Duration::ZERO,
        }
    }
}

fn piece(delta: &Value, finish: &Value) -> Bytes {
    let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    event(&chunk(&choices, &Value::Null))
}

fn chunk(choices: &Value, usage: &Value) -> Value {
    let mut chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_750_000_000,
        "model": MODEL, "choices": choices,
    });
    if !usage.is_null() {
        chunk["usage"] = usage.clone();
    }
    chunk
}

fn event(chunk: &Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies() -> Replies {
        Replies::of(Manner {
            tokens: 3,
            delay_ms: 50,
            pace_ms: 20,
        })
    }

    #[test]
    fn a_stream_has_a_role_the_tokens_an_end_and_the_mark() {
        let replies = replies();
        let count = |usage| (0..).map_while(|index| replies.frame(index, usage)).count();
        assert_eq!((count(false), count(true)), (1 + 3 + 1 + 1, 1 + 3 + 1 + 2));
        assert_eq!(replies.frame(5, false).unwrap(), replies.done);
        assert_eq!(replies.frame(5, true).unwrap(), replies.usage);
    }

    #[test]
    fn the_first_token_waits_for_the_delay_and_the_others_for_the_pace() {
        let replies = replies();
        let waits = [0, 1, 2, 3, 4, 5].map(|index| replies.wait_before(index).as_millis());
        assert_eq!(waits, [0, 50, 20, 20, 0, 0]);
    }
}
