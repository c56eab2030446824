//! A stream of a response's events, numbered: the response begins, each item of its output begins,
//! grows and ends, the response ends. The last event holds the whole response with the `terrace`
//! object.

use serde_json::{Value, json};
use terrace_proto::common::v1::ToolCall;
use terrace_proto::router::v1 as wire;

use super::request::Asked;
use super::{close, frame, function_call, id, message, message_id, part};
use crate::openai::error;
use crate::openai::logprobs;
use crate::refusal::Refusal;
use crate::stream::{Lines, Narrator, Seen};

/// Tells items.
#[derive(Debug)]
pub(super) struct Items {
    asked: Asked,
    request_id: String,
    model: String,
    number: u64,
    /// Items that have ended.
    done: Vec<Value>,
    open: Option<Open>,
}

/// The item that grows.
#[derive(Debug)]
enum Open {
    Text(String),
    Call { index: u32, call: ToolCall },
}

impl Items {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            model: asked.model.clone(),
            asked,
            request_id: String::new(),
            number: 0,
            done: Vec::new(),
            open: None,
        }
    }

    fn tell(&mut self, kind: &str, mut event: Value, lines: &mut Lines) {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(self.number);
        self.number += 1;
        lines.event(kind, &event);
    }

    fn added(&mut self, item: &Value, lines: &mut Lines) {
        let event = json!({"output_index": self.done.len(), "item": item});
        self.tell("response.output_item.added", event, lines);
    }

    /// An event about the text of the message that grows.
    fn of_text(&self, more: Value) -> Value {
        let mut event = more;
        event["item_id"] = json!(message_id(&self.request_id));
        event["output_index"] = json!(self.done.len());
        event["content_index"] = json!(0);
        event
    }

    fn of_call(&self, call: &ToolCall, more: Value) -> Value {
        let mut event = more;
        event["item_id"] = json!(format!("fc_{}", call.id));
        event["output_index"] = json!(self.done.len());
        event
    }

    fn open_text(&mut self, lines: &mut Lines) {
        if matches!(self.open, Some(Open::Text(_))) {
            return;
        }
        self.close(lines);
        let mut item = message(&self.request_id, "", &[], "in_progress");
        item["content"] = json!([]);
        self.added(&item, lines);
        let event = self.of_text(json!({"part": part("", &[])}));
        self.tell("response.content_part.added", event, lines);
        self.open = Some(Open::Text(String::new()));
    }

    fn open_call(&mut self, wanted: u32, id: &str, name: &str, lines: &mut Lines) {
        if matches!(self.open, Some(Open::Call { index, .. }) if index == wanted) {
            return;
        }
        self.close(lines);
        let call = ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments_json: String::new(),
        };
        self.added(&function_call(&call, "in_progress"), lines);
        self.open = Some(Open::Call {
            index: wanted,
            call,
        });
    }

    /// Ends the item that grows.
    fn close(&mut self, lines: &mut Lines) {
        let item = match self.open.take() {
            None => return,
            Some(Open::Text(text)) => {
                let event = self.of_text(json!({"text": text, "logprobs": []}));
                self.tell("response.output_text.done", event, lines);
                let event = self.of_text(json!({"part": part(&text, &[])}));
                self.tell("response.content_part.done", event, lines);
                message(&self.request_id, &text, &[], "completed")
            }
            Some(Open::Call { call, .. }) => {
                let told = json!({"arguments": call.arguments_json, "name": call.name});
                let event = self.of_call(&call, told);
                self.tell("response.function_call_arguments.done", event, lines);
                function_call(&call, "completed")
            }
        };
        let event = json!({"output_index": self.done.len(), "item": item});
        self.tell("response.output_item.done", event, lines);
        self.done.push(item);
    }
}

impl Narrator for Items {
    fn begin(&mut self, seen: &Seen, lines: &mut Lines) {
        seen.request_id.clone_into(&mut self.request_id);
        if let Some(model) = seen.model() {
            model.clone_into(&mut self.model);
        }
        let frame = frame(&id(&self.request_id), &self.model, &self.asked);
        self.tell("response.created", json!({"response": frame}), lines);
        self.tell("response.in_progress", json!({"response": frame}), lines);
    }

    fn chunk(&mut self, chunk: wire::AnswerChunk, lines: &mut Lines) {
        if !chunk.text.is_empty() || !chunk.logprobs.is_empty() {
            self.open_text(lines);
            if let Some(Open::Text(text)) = &mut self.open {
                text.push_str(&chunk.text);
            }
            let event = self.of_text(json!({
                "delta": chunk.text,
                "logprobs": logprobs::content(&chunk.logprobs),
            }));
            self.tell("response.output_text.delta", event, lines);
        }
        let piece = chunk.tool_call;
        let wanted = |index: u32| !self.asked.one_call_at_most || index == 0;
        if let Some(piece) = piece.filter(|piece| wanted(piece.index)) {
            self.open_call(piece.index, &piece.id, &piece.name, lines);
            if let Some(Open::Call { call, .. }) = &mut self.open {
                call.arguments_json.push_str(&piece.arguments_json);
                let call = call.clone();
                let event = self.of_call(&call, json!({"delta": piece.arguments_json}));
                self.tell("response.function_call_arguments.delta", event, lines);
            }
        }
    }

    fn end(&mut self, response: &wire::RouteResponse, lines: &mut Lines) {
        self.close(lines);
        let decision = response.decision.clone().unwrap_or_default();
        let mut told = frame(&id(&response.request_id), &decision.model, &self.asked);
        close(&mut told, response, std::mem::take(&mut self.done));
        let kind = match told["status"] == "incomplete" {
            true => "response.incomplete",
            false => "response.completed",
        };
        self.tell(kind, json!({"response": told}), lines);
    }

    fn fail(&mut self, refusal: &Refusal, lines: &mut Lines) {
        let mut told = frame(&id(&self.request_id), &self.model, &self.asked);
        let error = error::json(refusal)["error"].take();
        told["status"] = json!("failed");
        told["output"] = Value::Array(std::mem::take(&mut self.done));
        told["error"] = json!({"code": error["code"], "message": error["message"]});
        told["terrace"] = refusal.account();
        self.tell("response.failed", json!({"response": told}), lines);
    }
}
