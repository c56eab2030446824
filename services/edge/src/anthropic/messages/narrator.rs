//! A stream of Anthropic's events: the message begins, each block begins, grows and ends, the message
//! ends. The last event has the `terrace` object.

use serde_json::{Value, json};
use terrace_proto::router::v1 as wire;

use super::request::Asked;
use super::{id, stop_reason, usage};
use crate::account;
use crate::anthropic::error;
use crate::refusal::Refusal;
use crate::stream::{Lines, Narrator, Seen};

/// Tells blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    model: String,
    one_call_at_most: bool,
    /// Index of the next block.
    next: u32,
    open: Option<Open>,
}

/// The block that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    /// The call of a tool, by its place among the calls.
    Call(u32),
}

impl Blocks {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            model: asked.model.clone(),
            one_call_at_most: asked.one_call_at_most,
            next: 0,
            open: None,
        }
    }

    /// Sees to it that the block that grows is `wanted`.
    fn open(&mut self, wanted: Open, block: impl FnOnce() -> Value, lines: &mut Lines) {
        if self.open == Some(wanted) {
            return;
        }
        self.close(lines);
        let start = json!({
            "type": "content_block_start",
            "index": self.next,
            "content_block": block(),
        });
        lines.event("content_block_start", &start);
        self.open = Some(wanted);
    }

    fn grow(&self, delta: &Value, lines: &mut Lines) {
        let told = json!({"type": "content_block_delta", "index": self.next, "delta": delta});
        lines.event("content_block_delta", &told);
    }

    fn close(&mut self, lines: &mut Lines) {
        if self.open.take().is_some() {
            let stop = json!({"type": "content_block_stop", "index": self.next});
            lines.event("content_block_stop", &stop);
            self.next += 1;
        }
    }
}

impl Narrator for Blocks {
    fn begin(&mut self, seen: &Seen, lines: &mut Lines) {
        let model = seen.model().unwrap_or(&self.model);
        let message = json!({
            "id": id(&seen.request_id),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            // Counts are known at the end, and stand in message_delta.
            "usage": {"input_tokens": 0, "output_tokens": 0},
        });
        let start = json!({"type": "message_start", "message": message});
        lines.event("message_start", &start);
    }

    fn chunk(&mut self, chunk: wire::AnswerChunk, lines: &mut Lines) {
        if !chunk.text.is_empty() {
            self.open(Open::Text, || json!({"type": "text", "text": ""}), lines);
            self.grow(&json!({"type": "text_delta", "text": chunk.text}), lines);
        }
        let call = chunk.tool_call;
        if let Some(call) = call.filter(|call| !self.one_call_at_most || call.index == 0) {
            let block =
                || json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
            self.open(Open::Call(call.index), block, lines);
            let piece = json!({"type": "input_json_delta", "partial_json": call.arguments_json});
            self.grow(&piece, lines);
        }
    }

    fn end(&mut self, response: &wire::RouteResponse, lines: &mut Lines) {
        self.close(lines);
        let delta = json!({
            "type": "message_delta",
            "delta": {
                "stop_reason": stop_reason(response.finish_reason()),
                "stop_sequence": null,
            },
            "usage": usage(account::own_usage(response)),
        });
        lines.event("message_delta", &delta);
        let stop = json!({"type": "message_stop", "terrace": account::response(response)});
        lines.event("message_stop", &stop);
    }

    fn fail(&mut self, refusal: &Refusal, lines: &mut Lines) {
        lines.event("error", &error::json(refusal));
    }

    fn idle(&mut self, lines: &mut Lines) {
        lines.event("ping", &json!({"type": "ping"}));
    }
}
