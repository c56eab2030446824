//! A stream of chat completion chunks.
//!
//! The last chunk has the `terrace` object: that of the usage, where the caller asked for it, else
//! the one with the finish reason. Then comes `[DONE]`.

use serde::Serialize;
use serde_json::Value;
use terrace_proto::common::v1::ToolCallDelta;
use terrace_proto::router::v1 as wire;

use super::request::Asked;
use super::{finish, id};
use crate::account::{self, Told};
use crate::openai::usage::Tokens;
use crate::openai::{error, logprobs, now};
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

    /// A chunk of these choices.
    fn piece<'a>(&'a self, choices: &'a [Choice<'a>]) -> Piece<'a> {
        Piece {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(None),
            terrace: None,
        }
    }

    fn delta(&self, delta: Delta<'_>, logprobs: Value, lines: &mut Lines) {
        let choices = [Choice {
            index: 0,
            delta,
            logprobs,
            finish_reason: None,
        }];
        lines.data(&self.piece(&choices));
    }
}

/// One chunk as OpenAI writes it. Typed and not a [`Value`]: there is one for each token.
#[derive(Debug, Serialize)]
struct Piece<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// Null in all but the last, where the caller asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Tokens>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terrace: Option<Told<'a>>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Value,
    finish_reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// Null in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<()>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

/// Id, type and name stand in the first piece of a call alone.
#[derive(Debug, Serialize)]
struct Call<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> Call<'a> {
    fn of(call: &'a ToolCallDelta) -> Self {
        let is_first = !call.id.is_empty();
        Self {
            index: call.index,
            id: is_first.then_some(&call.id),
            kind: is_first.then_some("function"),
            function: Function {
                name: is_first.then_some(&call.name),
                arguments: &call.arguments_json,
            },
        }
    }
}

impl Narrator for Chunks {
    fn begin(&mut self, seen: &Seen, lines: &mut Lines) {
        self.id = id(&seen.request_id);
        if let Some(model) = seen.model() {
            model.clone_into(&mut self.model);
        }
        let role = Delta {
            role: Some("assistant"),
            content: Some(""),
            refusal: Some(None),
            tool_calls: None,
        };
        self.delta(role, Value::Null, lines);
    }

    fn chunk(&mut self, chunk: wire::AnswerChunk, lines: &mut Lines) {
        let logprobs = logprobs::json(&chunk.logprobs);
        if !chunk.text.is_empty() || !logprobs.is_null() {
            let text = Delta {
                content: Some(&chunk.text),
                ..Delta::default()
            };
            self.delta(text, logprobs, lines);
        }
        let call = chunk.tool_call.as_ref();
        if let Some(call) = call.filter(|call| !self.one_call_at_most || call.index == 0) {
            let call = Delta {
                tool_calls: Some([Call::of(call)]),
                ..Delta::default()
            };
            self.delta(call, Value::Null, lines);
        }
    }

    fn end(&mut self, response: &wire::RouteResponse, lines: &mut Lines) {
        self.model = match &response.decision {
            Some(decision) => decision.model.clone(),
            None => String::new(),
        };
        let choices = [Choice {
            index: 0,
            delta: Delta::default(),
            logprobs: Value::Null,
            finish_reason: Some(finish(response.finish_reason())),
        }];
        let mut last = self.piece(&choices);
        if self.include_usage {
            lines.data(&last);
            last = self.piece(&[]);
            last.usage = Some(Some(Tokens::of(account::own_usage(response))));
        }
        last.terrace = Some(account::response(response));
        lines.data(&last);
        lines.word("[DONE]");
    }

    fn fail(&mut self, refusal: &Refusal, lines: &mut Lines) {
        lines.data(&error::json(refusal));
    }
}
