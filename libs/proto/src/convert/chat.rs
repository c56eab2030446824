//! Conversations: the text in them, and their size.

use crate::common::v1::{Message, Part, Role, Tool, part};

/// What a message is made of, as far as text goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOf {
    /// Text parts only, joined in order.
    Plain(String),
    /// Some part is not text: its position and its kind in words.
    Other {
        /// Position of the first part that is not text.
        index: usize,
        /// Kind of that part, as `image`.
        kind: &'static str,
    },
}

/// A message of one text.
#[must_use]
pub fn text_message(role: Role, text: impl Into<String>) -> Message {
    Message {
        role: role.into(),
        parts: vec![Part {
            kind: Some(part::Kind::Text(text.into())),
        }],
    }
}

/// The text of a message, or what in it is not text.
#[must_use]
pub fn text_of(message: &Message) -> TextOf {
    let mut text = String::new();
    for (index, part) in message.parts.iter().enumerate() {
        let kind = match &part.kind {
            Some(part::Kind::Text(piece)) => {
                text.push_str(piece);
                continue;
            }
            Some(part::Kind::Image(_)) => "image",
            Some(part::Kind::ToolCall(_)) => "tool_call",
            Some(part::Kind::ToolResult(_)) => "tool_result",
            None => "empty",
        };
        return TextOf::Other { index, kind };
    }
    TextOf::Plain(text)
}

/// The text parts of a message, joined; other parts are passed over.
#[must_use]
pub fn text_of_parts(message: &Message) -> String {
    message
        .parts
        .iter()
        .filter_map(|part| match &part.kind {
            Some(part::Kind::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// How large a prompt is: the base of every token bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptSize {
    /// Bytes of all text: what is said, tools called, results of tools.
    pub text_bytes: u64,
    /// Pictures. Their tokens hang on their size in pixels, not in bytes.
    pub images: u64,
}

impl PromptSize {
    /// Of these messages.
    #[must_use]
    pub fn of(messages: &[Message]) -> Self {
        let parts = messages.iter().flat_map(|message| &message.parts);
        parts.fold(Self::default(), Self::with)
    }

    /// Of these messages and the tools that a model is offered with them.
    #[must_use]
    pub fn with_tools(self, tools: &[Tool]) -> Self {
        let bytes = |tool: &Tool| {
            tool.name.len() + tool.description.len() + tool.parameters_json_schema.len()
        };
        let tools: usize = tools.iter().map(bytes).sum();
        Self {
            text_bytes: self.text_bytes + tools as u64,
            ..self
        }
    }

    fn with(mut self, part: &Part) -> Self {
        self.text_bytes += match &part.kind {
            Some(part::Kind::Text(text)) => text.len() as u64,
            Some(part::Kind::ToolCall(call)) => {
                (call.name.len() + call.arguments_json.len()) as u64
            }
            Some(part::Kind::ToolResult(result)) => result.content.len() as u64,
            Some(part::Kind::Image(_)) => {
                self.images += 1;
                0
            }
            None => 0,
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::v1::Image;

    #[test]
    fn text_parts_are_joined_in_order() {
        let mut message = text_message(Role::User, "one ");
        message.parts.extend(text_message(Role::User, "two").parts);
        assert_eq!(text_of(&message), TextOf::Plain("one two".into()));
        assert_eq!(PromptSize::of(&[message]).text_bytes, 7);
    }

    #[test]
    fn a_part_that_is_not_text_is_named() {
        let mut message = text_message(Role::User, "look: ");
        message.parts.push(Part {
            kind: Some(part::Kind::Image(Image::default())),
        });
        let expected = TextOf::Other {
            index: 1,
            kind: "image",
        };
        assert_eq!(text_of(&message), expected);
        assert_eq!(text_of_parts(&message), "look: ");
    }

    #[test]
    fn a_picture_counts_as_one_and_not_by_its_bytes() {
        let mut message = text_message(Role::User, "look");
        message.parts.push(Part {
            kind: Some(part::Kind::Image(Image {
                data: vec![0; 1_000_000],
                media_type: "image/png".into(),
            })),
        });
        let tool = Tool {
            name: "find".into(),
            ..Tool::default()
        };
        let size = PromptSize::of(&[message]).with_tools(&[tool]);
        assert_eq!((size.text_bytes, size.images), (8, 1));
    }
}
