//! The stream of `POST /messages`, event by event.
//!
//! Input tokens come first, without those of the prompt cache; output tokens are counted up to the
//! end. A kind of event or block that nobody knows yet is passed over, as Anthropic asks.

use serde::Deserialize;
use serde_json::Value;

use super::super::complaint::Complaint;
use super::super::events::{Events, Said, Wire};
use super::super::sse::Event;
use super::super::{Chunk, Reported};
use super::request::ANSWER_TOOL;
use crate::call::{Finish, ToolCallDelta};
use crate::error::Fault;

/// Decodes the stream.
pub(in crate::provider) type MessageDecoder = Events<Messages>;

impl MessageDecoder {
    /// A decoder of an answer that comes as the input of a tool, or as text.
    pub(in crate::provider) fn for_answer(by_tool: bool) -> Self {
        Self::new(Messages {
            answers_by_tool: by_tool,
            ..Messages::default()
        })
    }
}

/// What the events of a message say.
#[derive(Debug, Default)]
pub(in crate::provider) struct Messages {
    answers_by_tool: bool,
    usage: Counts,
    /// The block of the tool call at hand, and which call it is.
    tool_call: Option<(u32, u32)>,
    tool_calls: u32,
    /// The block whose input is the answer.
    answer_block: Option<u32>,
}

/// Counts as they stand.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    input: Option<u64>,
    cache_read: u64,
    cache_write: u64,
    output: Option<u64>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    index: u32,
    #[serde(default)]
    message: Option<Start>,
    #[serde(default)]
    content_block: Option<Block>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    stop_reason: Option<String>,
}

impl Wire for Messages {
    fn knows(&self, name: &str) -> bool {
        matches!(
            name,
            "" | "message"
                | "message_start"
                | "content_block_start"
                | "content_block_delta"
                | "content_block_stop"
                | "message_delta"
                | "message_stop"
        )
    }

    fn read(&mut self, event: &Event) -> Result<Said, Fault> {
        if event.is_error() {
            return Err(Complaint::read(event.data.as_bytes()).inside_answer());
        }
        let message: Message = serde_json::from_str(&event.data).map_err(|_| Fault::Malformed {
            offset: event.offset,
            what: "an event that is no piece of a message",
        })?;
        Ok(match message.kind.as_str() {
            "message_start" => Said::Chunk(self.start(message)),
            "content_block_start" => Said::Chunk(self.block(message)),
            "content_block_delta" => Said::Chunk(self.piece(message)),
            "message_delta" => Said::Chunk(self.end(message)),
            "message_stop" => Said::End,
            "error" => return Err(Complaint::read(event.data.as_bytes()).inside_answer()),
            _ => Said::Nothing,
        })
    }
}

impl Messages {
    fn start(&mut self, message: Message) -> Chunk {
        let Some(start) = message.message else {
            return Chunk::default();
        };
        self.usage.add(start.usage.as_ref());
        Chunk {
            served_model: start.model.filter(|name| !name.is_empty()),
            response_id: start.id.filter(|id| !id.is_empty()),
            usage: self.usage.reported(),
            ..Chunk::default()
        }
    }

    fn block(&mut self, message: Message) -> Chunk {
        let Some(block) = message.content_block else {
            return Chunk::default();
        };
        if block.kind != "tool_use" {
            return Chunk {
                text: block.text.unwrap_or_default(),
                ..Chunk::default()
            };
        }
        if self.answers_by_tool && block.name.as_deref() == Some(ANSWER_TOOL) {
            self.answer_block = Some(message.index);
            return Chunk::default();
        }
        let index = self.tool_calls;
        self.tool_call = Some((message.index, index));
        self.tool_calls = index.saturating_add(1);
        Chunk {
            tool_calls: vec![ToolCallDelta {
                index,
                id: block.id,
                name: block.name,
                arguments: String::new(),
            }],
            ..Chunk::default()
        }
    }

    fn piece(&mut self, message: Message) -> Chunk {
        let delta = message.delta.unwrap_or_default();
        let mut chunk = Chunk {
            text: delta.text.unwrap_or_default(),
            hidden_bytes: delta.thinking.map_or(0, |text| text.len() as u64),
            ..Chunk::default()
        };
        let Some(json) = delta.partial_json else {
            return chunk;
        };
        match self.tool_call {
            _ if self.answer_block == Some(message.index) => chunk.text = json,
            Some((block, index)) if block == message.index => {
                chunk.tool_calls.push(ToolCallDelta {
                    index,
                    arguments: json,
                    ..ToolCallDelta::default()
                });
            }
            // The input of a kind of block that nobody knows.
            _ => {}
        }
        chunk
    }

    fn end(&mut self, message: Message) -> Chunk {
        self.usage.add(message.usage.as_ref());
        let reason = message.delta.and_then(|delta| delta.stop_reason);
        let finish = reason.as_deref().map(finish);
        let answered = self.answer_block.is_some() && self.tool_calls == 0;
        Chunk {
            finish: finish.map(|finish| match finish {
                Finish::ToolCalls if answered => Finish::Stop,
                finish => finish,
            }),
            usage: self.usage.reported(),
            ..Chunk::default()
        }
    }
}

impl Counts {
    /// Takes what a usage says; counts only grow.
    fn add(&mut self, usage: Option<&Value>) {
        let count = |key: &str| {
            usage
                .and_then(|usage| usage.get(key))
                .and_then(Value::as_u64)
        };
        self.input = count("input_tokens").max(self.input);
        self.output = count("output_tokens").max(self.output);
        let cached = count("cache_read_input_tokens").unwrap_or(0);
        self.cache_read = self.cache_read.max(cached);
        let written = count("cache_creation_input_tokens").unwrap_or(0);
        self.cache_write = self.cache_write.max(written);
    }

    /// In our terms: all input tokens, those of the cache among them.
    fn reported(self) -> Option<Reported> {
        let cached = self.cache_read.saturating_add(self.cache_write);
        self.input.or(self.output)?;
        Some(Reported {
            input: self.input.map(|input| input.saturating_add(cached)),
            output: self.output,
            cached_input: self.cache_read,
            cache_write: self.cache_write,
            reasoning: 0,
        })
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        _ => Finish::Unknown,
    }
}

#[cfg(test)]
mod tests;
