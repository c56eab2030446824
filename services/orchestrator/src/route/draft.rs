//! An answer while it is being generated, and the bill for as much of it as there is.

use std::collections::BTreeMap;

use terrace_domain::Usage;
use terrace_domain::usage::estimate_tokens;
use terrace_proto::common::v1::{TokenLogprob, ToolCall, ToolCallDelta};

use crate::answer::{Answer, Delta};
use crate::ports::Generated;

/// What has come of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    text: String,
    /// By their index in the answer.
    tool_calls: BTreeMap<u32, ToolCall>,
    logprobs: Vec<TokenLogprob>,
    /// Bytes of the tool calls.
    call_bytes: u64,
    pieces: u64,
    counted: Option<Usage>,
    /// Whether something came that no count covers yet.
    uncounted: bool,
    finish_reason: Option<i32>,
}

impl Draft {
    /// The text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Output tokens so far, as far as can be told: at least one a piece.
    pub(super) fn tokens(&self) -> u64 {
        estimate_tokens(self.text.len() as u64 + self.call_bytes).max(self.pieces)
    }

    /// Takes in one event; returns whether the answer is complete.
    pub(super) fn take(&mut self, event: Generated) -> bool {
        match event {
            Generated::Delta(delta) => {
                self.add(delta);
                false
            }
            Generated::Usage(usage) => {
                self.count(usage);
                false
            }
            Generated::Finished {
                finish_reason,
                usage,
            } => {
                match usage {
                    Some(usage) => self.count(usage),
                    None => self.uncounted |= self.counted.is_none(),
                }
                self.finish_reason = Some(finish_reason);
                true
            }
        }
    }

    fn add(&mut self, delta: Delta) {
        self.text.push_str(&delta.text);
        self.logprobs.extend(delta.logprobs);
        if let Some(piece) = delta.tool_call {
            self.add_to_call(piece);
        }
        self.pieces += 1;
        self.uncounted = true;
    }

    fn add_to_call(&mut self, piece: ToolCallDelta) {
        self.call_bytes += (piece.name.len() + piece.arguments_json.len()) as u64;
        let call = self.tool_calls.entry(piece.index).or_default();
        call.id.push_str(&piece.id);
        call.name.push_str(&piece.name);
        call.arguments_json.push_str(&piece.arguments_json);
    }

    fn count(&mut self, usage: Usage) {
        self.counted = Some(usage);
        self.uncounted = false;
    }

    /// What is to be billed when the gateway ended the answer: what it counted, else nothing,
    /// because a gateway counts before it fails once its backend has taken the prompt. Text behind
    /// the last count means that it died before it could: then as [`estimated`](Self::estimated).
    pub(super) fn counted(&self, prompt_tokens: u64) -> Usage {
        if self.uncounted {
            self.estimated(prompt_tokens)
        } else {
            self.counted.unwrap_or_default()
        }
    }

    /// What is to be billed when we cut the answer ourselves and nobody can count any more: the
    /// prompt, which the backend has most likely taken, and every piece that came, each at least
    /// one token.
    pub(super) fn estimated(&self, prompt_tokens: u64) -> Usage {
        let counted = self.counted.unwrap_or_default();
        let output = self.tokens();
        Usage {
            input_tokens: if counted.input_tokens > 0 {
                counted.input_tokens
            } else {
                prompt_tokens
            },
            output_tokens: counted.output_tokens.max(output),
            estimated: true,
            ..counted
        }
    }

    /// The answer, once it is complete.
    pub(super) fn into_answer(self) -> Option<Answer> {
        let finish_reason = self.finish_reason?;
        Some(Answer {
            text: self.text,
            tool_calls: self.tool_calls.into_values().collect(),
            logprobs: self.logprobs,
            finish_reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_bills_the_prompt_and_at_least_a_token_a_piece() {
        let mut draft = Draft::default();
        for piece in ["a", "b", "c"] {
            draft.take(Generated::Delta(Delta::text(piece)));
        }
        let usage = draft.estimated(10);
        assert_eq!((usage.input_tokens, usage.output_tokens), (10, 3));
        assert!(usage.estimated);
    }

    #[test]
    fn a_count_of_the_backend_is_never_lowered_by_an_estimate() {
        let mut draft = Draft::default();
        draft.take(Generated::Usage(Usage {
            input_tokens: 7,
            output_tokens: 90,
            ..Usage::default()
        }));
        draft.take(Generated::Delta(Delta::text("x")));
        let usage = draft.estimated(1000);
        assert_eq!((usage.input_tokens, usage.output_tokens), (7, 90));
    }

    #[test]
    fn only_a_finished_draft_is_an_answer() {
        let mut draft = Draft::default();
        assert!(!draft.take(Generated::Delta(Delta::text("half"))));
        assert_eq!(
            Draft {
                text: "half".into(),
                ..Draft::default()
            }
            .into_answer(),
            None
        );
        assert!(draft.take(Generated::Finished {
            finish_reason: 1,
            usage: Some(Usage::default())
        }));
        assert_eq!(draft.into_answer().unwrap().text, "half");
    }

    #[test]
    fn pieces_of_tool_calls_are_put_together_and_billed() {
        let piece = |index, name: &str, arguments: &str| {
            Generated::Delta(Delta {
                tool_call: Some(ToolCallDelta {
                    index,
                    id: name.to_owned(),
                    name: name.to_owned(),
                    arguments_json: arguments.to_owned(),
                }),
                ..Delta::default()
            })
        };
        let mut draft = Draft::default();
        draft.take(piece(1, "second", "{\"some\": "));
        draft.take(piece(0, "first", "{}"));
        draft.take(piece(1, "", "\"arguments\"}"));
        assert!(draft.estimated(0).output_tokens >= 8);
        draft.take(Generated::Finished {
            finish_reason: 3,
            usage: None,
        });
        let calls = draft.into_answer().unwrap().tool_calls;
        let calls: Vec<(&str, &str)> = calls
            .iter()
            .map(|call| (call.name.as_str(), call.arguments_json.as_str()))
            .collect();
        assert_eq!(
            calls,
            [("first", "{}"), ("second", "{\"some\": \"arguments\"}")]
        );
    }
}
