//! A stream of chat completion chunks.
//!
//! The last chunk has the `terrace` object: that of the usage, where the caller asked for it, else
//! the one with the finish reason. Then comes `[DONE]`.

use serde_json::{Value, json};
use terrace_proto::router::v1 as wire;

use super::request::Asked;
use super::{finish, id};
use crate::account;
use crate::openai::{error, logprobs, now, usage};
use crate::refusal::Refusal;
use crate::stream::{Lines, Narrator, Seen};

/// Tells chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
    one_call_at_most: bool,
}

impl Chunks {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            id: String::new(),
            created: now(),
            model: asked.model.clone(),
            include_usage: asked.include_usage,
            one_call_at_most: asked.one_call_at_most,
        }
    }

    fn piece(&self, choices: &Value) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn delta(&self, delta: &Value, logprobs: &Value) -> Value {
        self.piece(&json!([{
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": null,
        }]))
    }
}

impl Narrator for Chunks {
    fn begin(&mut self, seen: &Seen, lines: &mut Lines) {
        self.id = id(&seen.request_id);
        if let Some(model) = seen.model() {
            model.clone_into(&mut self.model);
        }
        let role = json!({"role": "assistant", "content": "", "refusal": null});
        lines.data(&self.delta(&role, &Value::Null));
    }

    fn chunk(&mut self, chunk: wire::AnswerChunk, lines: &mut Lines) {
        let logprobs = logprobs::json(&chunk.logprobs);
        if !chunk.text.is_empty() || !logprobs.is_null() {
            let text = json!({"content": chunk.text});
            lines.data(&self.delta(&text, &logprobs));
        }
        let call = chunk.tool_call;
        if let Some(call) = call.filter(|call| !self.one_call_at_most || call.index == 0) {
            let mut told = json!({
                "index": call.index,
                "function": {"arguments": call.arguments_json},
            });
            // Id and name stand in the first piece of a call alone.
            if !call.id.is_empty() {
                told["id"] = json!(call.id);
                told["type"] = json!("function");
                told["function"]["name"] = json!(call.name);
            }
            lines.data(&self.delta(&json!({"tool_calls": [told]}), &Value::Null));
        }
    }

    fn end(&mut self, response: &wire::RouteResponse, lines: &mut Lines) {
        let decision = response.decision.clone().unwrap_or_default();
        self.model = decision.model;
        let mut last = self.piece(&json!([{
            "index": 0,
            "delta": {},
            "logprobs": null,
            "finish_reason": finish(response.finish_reason()),
        }]));
        if self.include_usage {
            lines.data(&last);
            last = self.piece(&json!([]));
            last["usage"] = usage::json(account::own_usage(response));
        }
        last["terrace"] = account::response(response);
        lines.data(&last);
        lines.word("[DONE]");
    }

    fn fail(&mut self, refusal: &Refusal, lines: &mut Lines) {
        lines.data(&error::json(refusal));
    }
}
