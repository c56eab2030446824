//! What a model says, as it comes and as a whole.
//!
//! Tool calls and log-probabilities are carried in wire form, as the prompt is: nobody in the
//! orchestrator looks into them, and nothing of them may be lost on the way.

use terrace_proto::common::v1::{
    Message, Part, Role, TokenLogprob, ToolCall, ToolCallDelta, part::Kind,
};

/// More of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// Text to append.
    pub text: String,
    /// A piece of a tool call.
    pub tool_call: Option<ToolCallDelta>,
    /// Log-probabilities of the tokens in this text.
    pub logprobs: Vec<TokenLogprob>,
}

impl Delta {
    /// More text and nothing else.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tool_call.is_none() && self.logprobs.is_empty()
    }
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// The calls that the model wants made, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// Log-probabilities of the text's tokens, if they were asked for and are to be had.
    pub logprobs: Vec<TokenLogprob>,
    /// Why the model stopped, as its wire number.
    pub finish_reason: i32,
}

impl Answer {
    /// The answer that [`output`](Self::output) was made of, as far as a turn tells it.
    #[must_use]
    pub fn of_output(output: Message) -> Self {
        let mut answer = Self::default();
        for part in output.parts {
            match part.kind {
                Some(Kind::Text(text)) => answer.text.push_str(&text),
                Some(Kind::ToolCall(call)) => answer.tool_calls.push(call),
                _ => {}
            }
        }
        answer
    }

    /// The answer as a turn of the conversation; one of tool calls alone has no text, not an
    /// empty one.
    #[must_use]
    pub fn output(&self) -> Message {
        let has_text = !self.text.is_empty() || self.tool_calls.is_empty();
        let text = has_text.then(|| Kind::Text(self.text.clone()));
        let calls = self.tool_calls.iter().cloned().map(Kind::ToolCall);
        let parts = text.into_iter().chain(calls);
        Message {
            role: Role::Assistant.into(),
            parts: parts.map(|kind| Part { kind: Some(kind) }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_tool_calls_alone_has_no_empty_text() {
        let mut answer = Answer {
            tool_calls: vec![ToolCall::default()],
            ..Answer::default()
        };
        assert_eq!(answer.output().parts.len(), 1);
        answer.text = "I will look".into();
        assert_eq!(answer.output().parts.len(), 2);
        assert_eq!(Answer::default().output().parts.len(), 1);
    }
}
