//! The stream of `POST /chat/completions`, event by event.
//!
//! Servers differ in which fields they fill; whatever is missing is taken as not said. Usage may
//! come in an event of its own or together with text, and both are read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::super::complaint::Complaint;
use super::super::events::{Events, Said, Wire};
use super::super::logprobs::tokens;
use super::super::sse::Event;
use super::super::{Chunk, Reported};
use crate::call::{Finish, TokenLogprob, ToolCallDelta};
use crate::error::Fault;

/// What the last event says.
const TERMINATOR: &str = "[DONE]";

/// Decodes the stream.
pub(in crate::provider) type ChatDecoder = Events<Chat>;

/// What the events of a chat say. All of them have the names of the answer and of its model; what was
/// told before is not told again.
#[derive(Debug, Default)]
pub(in crate::provider) struct Chat {
    told: Names,
}

/// What an answer and its model are called; empty while that is not said.
#[derive(Debug, Default)]
struct Names {
    id: String,
    model: String,
}

impl Wire for Chat {
    fn knows(&self, name: &str) -> bool {
        matches!(name, "" | "message")
    }

    fn read(&mut self, event: &Event) -> Result<Said, Fault> {
        if event.data.trim() == TERMINATOR {
            return Ok(Said::End);
        }
        chunk(event, &mut self.told).map(Said::Chunk)
    }
}

/// The fault of an answer that is one JSON object where events were asked for.
pub(super) fn not_a_stream(body: &[u8]) -> Fault {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    match value.get("error") {
        Some(error) if !error.is_null() => Complaint::of(&value).inside_answer(),
        _ => Fault::Malformed {
            offset: 0,
            what: "no event stream",
        },
    }
}

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow, default)]
    id: Option<Name<'a>>,
    #[serde(borrow, default)]
    model: Option<Name<'a>>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

/// A text that is most often read where it stands.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Option<Delta>,
    /// All of it, where the answer comes in one piece.
    #[serde(default)]
    message: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    /// What a model says instead of what was asked; the judge has to see it.
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    /// Servers that send whole calls leave it out.
    #[serde(default)]
    index: Option<u32>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

impl ToolCall {
    /// `place` is where it stands in its list: its index when it has none.
    fn delta(self, place: usize) -> ToolCallDelta {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        ToolCallDelta {
            index: self.index.unwrap_or(place),
            id: self.id.filter(|id| !id.is_empty()),
            name: self.function.name.filter(|name| !name.is_empty()),
            arguments: self.function.arguments.unwrap_or_default(),
        }
    }
}

fn chunk(event: &Event, told: &mut Names) -> Result<Chunk, Fault> {
    let completion: Completion<'_> = match serde_json::from_str(&event.data) {
        Ok(completion) if !event.is_error() => completion,
        // An event that calls itself an error is one, whatever it looks like.
        _ if event.is_error() => return Err(complaint(&event.data)),
        _ => {
            return Err(Fault::Malformed {
                offset: event.offset,
                what: "an event that is no chunk of a chat",
            });
        }
    };
    if completion.error.is_some() {
        return Err(complaint(&event.data));
    }
    Ok(completion.into_chunk(told))
}

/// An answer that came in one piece.
pub(super) fn whole(body: &[u8]) -> Result<Chunk, Fault> {
    let malformed = |what| Fault::Malformed { offset: 0, what };
    let completion: Completion<'_> =
        serde_json::from_slice(body).map_err(|_| malformed("no answer of a chat"))?;
    if completion.error.is_some() {
        return Err(Complaint::read(body).inside_answer());
    }
    let chunk = completion.into_chunk(&mut Names::default());
    match chunk.is_said() {
        true => Ok(chunk),
        false => Err(malformed("an answer of a chat that says nothing")),
    }
}

/// The name, if it is not the one that was told before.
fn news(name: Option<Name<'_>>, told: &mut String) -> Option<String> {
    let Name(name) = name?;
    if name.is_empty() || name == told.as_str() {
        return None;
    }
    name.as_ref().clone_into(told);
    Some(name.into_owned())
}

impl Completion<'_> {
    fn into_chunk(self, told: &mut Names) -> Chunk {
        let mut chunk = Chunk {
            served_model: news(self.model, &mut told.model),
            response_id: news(self.id, &mut told.id),
            usage: self.usage.as_ref().and_then(reported),
            ..Chunk::default()
        };
        let mut choices = self.choices.unwrap_or_default().into_iter();
        if let Some(choice) = choices.find(|choice| choice.index == 0) {
            let delta = choice.delta.or(choice.message).unwrap_or_default();
            chunk.text = delta.content.or(delta.refusal).unwrap_or_default();
            let hidden = delta.reasoning_content.or(delta.reasoning);
            chunk.hidden_bytes = hidden.map_or(0, |text| text.len() as u64);
            let calls = delta.tool_calls.unwrap_or_default();
            let calls = calls.into_iter().enumerate();
            chunk.tool_calls = calls.map(|(place, call)| call.delta(place)).collect();
            chunk.logprobs = choice.logprobs.as_ref().map(logprobs).unwrap_or_default();
            chunk.finish = choice.finish_reason.as_deref().map(finish);
        }
        chunk
    }
}

fn logprobs(value: &Value) -> Vec<TokenLogprob> {
    value.get("content").map(tokens).unwrap_or_default()
}

fn complaint(data: &str) -> Fault {
    Complaint::read(data.as_bytes()).inside_answer()
}

/// Reads counts one by one: a field of the wrong type must not cost the others.
pub(super) fn reported(usage: &Value) -> Option<Reported> {
    let count = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64);
    let input = count(usage, "prompt_tokens");
    let output = count(usage, "completion_tokens");
    if input.is_none() && output.is_none() {
        return None;
    }
    let inner = |outer: &str, key: &str| usage.get(outer).and_then(|value| count(value, key));
    Some(Reported {
        input,
        output,
        cached_input: inner("prompt_tokens_details", "cached_tokens")
            .or_else(|| count(usage, "prompt_cache_hit_tokens"))
            .unwrap_or(0),
        cache_write: inner("prompt_tokens_details", "cache_creation_tokens").unwrap_or(0),
        reasoning: inner("completion_tokens_details", "reasoning_tokens").unwrap_or(0),
    })
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "eos" | "end_turn" => Finish::Stop,
        "length" | "max_tokens" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Unknown,
    }
}

#[cfg(test)]
mod tests;
