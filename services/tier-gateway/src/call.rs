//! One call of a model in our own terms: what `grpc.rs` makes of the wire and providers make
//! their backend's request from.
//!
//! It holds only what is honoured; what is not was refused at the door. It has no `Debug`, so
//! that no prompt gets into a log by accident.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use terrace_domain::ModelName;
use terrace_domain::usage::{IMAGE_TOKENS, IMAGE_TOKENS_BOUND, token_upper_bound};

/// What to generate.
pub(crate) struct Call {
    pub(crate) model: ModelName,
    pub(crate) turns: Vec<Turn>,
    pub(crate) params: Params,
    pub(crate) format: Option<Format>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: ToolChoice,
    /// Who pays; empty when nobody is named.
    pub(crate) project: String,
    pub(crate) priority: Priority,
    /// How long text may wait for more of it; none when each piece is wanted as it comes.
    pub(crate) gather: Option<Duration>,
    /// Whether the backend is to give the answer in one piece.
    pub(crate) whole: bool,
}

/// What an image is taken to cost where a backend does not count, in bytes of text.
const IMAGE_AS_BYTES: u64 = 4 * IMAGE_TOKENS;

impl Call {
    /// Bytes of all text that becomes input tokens; an image counts as a fixed length of text.
    pub(crate) fn prompt_bytes(&self) -> u64 {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        let prompt: u64 = parts.map(Part::bytes).sum();
        let tools: u64 = self.tools.iter().map(Tool::bytes).sum();
        prompt + tools
    }

    /// The most input tokens that this can be.
    pub(crate) fn input_bound(&self) -> u64 {
        let parts = || self.turns.iter().flat_map(|turn| &turn.parts);
        let images = parts()
            .filter(|part| matches!(part, Part::Image(_)))
            .count() as u64;
        let wrapped = (self.turns.len() + self.tools.len()) as u64;
        token_upper_bound(self.prompt_bytes(), wrapped)
            .saturating_add(images.saturating_mul(IMAGE_TOKENS_BOUND))
    }
}

/// One message.
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part>,
}

impl Turn {
    /// All of its text, in order.
    pub(crate) fn text(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.as_str().to_owned(),
            Part::Image(_) | Part::ToolCall(_) | Part::ToolResult(_) => String::new(),
        };
        self.parts.iter().map(text).collect()
    }
}

/// One piece of a message.
pub(crate) enum Part {
    Text(String),
    Image(Image),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
}

impl Part {
    fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::Image(_) => return IMAGE_AS_BYTES,
            Self::ToolCall(call) => call.name.len() + call.arguments.len(),
            Self::ToolResult(result) => result.content.len(),
        };
        bytes as u64
    }
}

/// A picture by its bytes.
pub(crate) struct Image {
    /// As `image/png`.
    pub(crate) media_type: String,
    pub(crate) data: Bytes,
}

/// A call of a tool, made by a model.
#[derive(Default, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON text, if the model wrote it so.
    pub(crate) arguments: String,
}

/// What a call of a tool gave.
pub(crate) struct ToolResult {
    pub(crate) id: String,
    pub(crate) content: String,
    pub(crate) is_error: bool,
}

/// A tool that the model may call.
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: String,
    /// JSON Schema of its arguments.
    pub(crate) schema: Value,
}

impl Tool {
    fn bytes(&self) -> u64 {
        let schema = self.schema.to_string().len();
        (self.name.len() + self.description.len() + schema) as u64
    }
}

/// Whether and which tool has to be called.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// Some tool must be called.
    Required,
    /// This one must be called.
    Named(String),
}

/// How urgent a call is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// Nobody waits: it goes behind those.
    Batch,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// The word for it, the same on every wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// How much a model is to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Low,
    Medium,
    High,
}

impl Effort {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A token of an answer and how likely it was.
#[derive(Clone, PartialEq)]
pub(crate) struct TokenLogprob {
    /// Not always text by itself.
    pub(crate) token: Vec<u8>,
    /// Natural logarithm of its probability.
    pub(crate) logprob: f64,
    pub(crate) alternatives: Vec<Self>,
}

impl fmt::Debug for TokenLogprob {
    /// Without the token, which is part of an answer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenLogprob({})", self.logprob)
    }
}

/// A piece of a tool call: pieces with one index belong together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ToolCallDelta {
    /// Which call of the answer, from 0.
    pub(crate) index: u32,
    /// In its first piece.
    pub(crate) id: Option<String>,
    /// In its first piece.
    pub(crate) name: Option<String>,
    /// JSON text to append.
    pub(crate) arguments: String,
}

/// Parameters; what is not set is left to the backend.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Params {
    /// Not set: the model's configured default is sent.
    pub(crate) max_output_tokens: Option<u32>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u32>,
    pub(crate) stop: Vec<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) frequency_penalty: Option<f64>,
    pub(crate) presence_penalty: Option<f64>,
    /// How many alternatives to each token; `None`: no log-probabilities at all.
    pub(crate) logprobs: Option<u32>,
    pub(crate) reasoning_effort: Option<Effort>,
}

/// The form that the output must have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Format {
    /// Any JSON value.
    Json,
    /// JSON that satisfies a schema.
    Schema {
        name: String,
        schema: Value,
        /// The backend must enforce it, or the call is refused.
        strict: bool,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The backend did not say, or said something nobody knows.
    #[default]
    Unknown,
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

impl Finish {
    /// The word for it in conventions of telemetry.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

#[cfg(test)]
pub(crate) mod for_testing {
    //! Calls as unit tests need them.

    use super::*;
    use crate::config::for_testing::model;

    pub(crate) fn turn(role: Role, text: &str) -> Turn {
        Turn {
            role,
            parts: vec![Part::Text(text.to_owned())],
        }
    }

    /// A call of model `m` with one message of the user.
    pub(crate) fn call_of(text: &str) -> Call {
        Call {
            model: model("m").name,
            turns: vec![turn(Role::User, text)],
            params: Params::default(),
            format: None,
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            project: String::new(),
            priority: Priority::Interactive,
            gather: None,
            whole: false,
        }
    }

    /// A tool with one argument.
    pub(crate) fn tool(name: &str) -> Tool {
        Tool {
            name: name.to_owned(),
            description: "Finds it.".to_owned(),
            schema: serde_json::json!({"type": "object", "properties": {"a": {"type": "integer"}}}),
        }
    }
}
