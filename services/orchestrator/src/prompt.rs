//! What is asked: the conversation with its parameters, carried whole from the caller to the
//! gateway and the judge.
//!
//! The orchestrator never looks into a conversation. It keeps it in wire form, so that nothing is
//! lost or copied on the way, and asks only for its size and for what a model must be able to do.

use terrace_domain::usage::{IMAGE_TOKENS, IMAGE_TOKENS_BOUND, estimate_tokens, token_upper_bound};
use terrace_proto::common::v1::{
    GenerationParams, Message, ResponseFormat, Role, Tool, ToolChoice, part, response_format,
};
use terrace_proto::convert::{PromptSize, text_message};

use crate::answer::Answer;

/// A conversation, the tools it comes with, the parameters of its answer and the form that the
/// answer must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    messages: Vec<Message>,
    params: GenerationParams,
    response_format: Option<ResponseFormat>,
    tools: Vec<Tool>,
    tool_choice: Option<ToolChoice>,
    size: PromptSize,
}

impl Prompt {
    /// Wraps checked wire messages.
    #[must_use]
    pub fn new(
        messages: Vec<Message>,
        params: GenerationParams,
        response_format: Option<ResponseFormat>,
    ) -> Self {
        let size = PromptSize::of(&messages);
        Self {
            messages,
            params,
            response_format,
            tools: Vec::new(),
            tool_choice: None,
            size,
        }
    }

    /// The same with tools that the model may call.
    #[must_use]
    pub fn with_tools(self, tools: Vec<Tool>, tool_choice: Option<ToolChoice>) -> Self {
        Self {
            size: self.size.with_tools(&tools),
            tools,
            tool_choice,
            ..self
        }
    }

    /// The same with an answer and what the caller says to it as further turns.
    #[must_use]
    pub fn answered(&self, answer: &Answer, reply: &str) -> Self {
        let mut messages = self.messages.clone();
        messages.extend([answer.output(), text_message(Role::User, reply)]);
        Self::new(messages, self.params.clone(), self.response_format.clone())
            .with_tools(self.tools.clone(), self.tool_choice.clone())
    }

    /// Whether the last turn is the result of a tool that a model wanted called.
    #[must_use]
    pub fn ends_in_tool_result(&self) -> bool {
        let parts = self.messages.last().map(|message| message.parts.iter());
        let is_result = |part: &terrace_proto::common::v1::Part| {
            matches!(part.kind, Some(part::Kind::ToolResult(_)))
        };
        parts.is_some_and(|mut parts| parts.any(is_result))
    }

    /// Tools that the model may call, for the clients of other services.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Whether and which tool has to be called, for the gateway's client.
    #[must_use]
    pub const fn tool_choice(&self) -> Option<&ToolChoice> {
        self.tool_choice.as_ref()
    }

    /// Whether a model must be able to read pictures.
    #[must_use]
    pub const fn has_images(&self) -> bool {
        self.size.images > 0
    }

    /// Whether a model must be able to call tools.
    #[must_use]
    pub const fn needs_tools(&self) -> bool {
        !self.tools.is_empty()
    }

    /// The conversation, for the clients of other services.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The parameters, for the gateway's client.
    #[must_use]
    pub fn params(&self) -> &GenerationParams {
        &self.params
    }

    /// The form of the answer, for the clients of other services.
    #[must_use]
    pub fn response_format(&self) -> Option<&ResponseFormat> {
        self.response_format.as_ref()
    }

    /// Output cap that the caller asked for.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.params.max_output_tokens
    }

    /// Whether a model must be able to hold itself to a JSON Schema while it generates.
    #[must_use]
    pub fn needs_strict_schema(&self) -> bool {
        let kind = self
            .response_format
            .as_ref()
            .and_then(|format| format.kind.as_ref());
        matches!(kind, Some(response_format::Kind::JsonSchema(schema)) if schema.strict)
    }

    /// Tokens of the conversation, estimated.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        estimate_tokens(self.size.text_bytes) + self.size.images * IMAGE_TOKENS
    }

    /// Tokens that the conversation cannot exceed; what worst cases count with.
    #[must_use]
    pub fn token_bound(&self) -> u64 {
        // Tools are wrapped into markers as messages are.
        let wrapped = (self.messages.len() + self.tools.len()) as u64;
        let images = self.size.images.saturating_mul(IMAGE_TOKENS_BOUND);
        token_upper_bound(self.size.text_bytes, wrapped).saturating_add(images)
    }
}
