//! Turns as the messages of a chat completion.
//!
//! A turn of the user or the system is one message, its content a plain text where that is all;
//! the results of several tools in one turn are a message each.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::content::{data_url, text_of};
use crate::call::{Part, Role, ToolCall, Turn};

/// One message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(std::borrow::Cow<'a, str>),
    Parts(Vec<Value>),
    Nothing,
}

impl Message<'static> {
    /// A word of ours to the model, before all others.
    pub(super) const fn instruction(text: &'static str) -> Self {
        Self {
            role: Role::System.as_str(),
            content: Content::Text(std::borrow::Cow::Borrowed(text)),
            tool_calls: vec![],
            tool_call_id: None,
        }
    }
}

/// The messages of all turns.
pub(super) fn messages(turns: &[Turn]) -> Vec<Message<'_>> {
    let mut messages = Vec::with_capacity(turns.len());
    for turn in turns {
        messages.extend(turn.parts.iter().filter_map(result));
        if turn.role != Role::Tool {
            messages.push(message(turn));
        }
    }
    messages
}

fn result(part: &Part) -> Option<Message<'_>> {
    let Part::ToolResult(result) = part else {
        return None;
    };
    Some(Message {
        role: "tool",
        content: Content::Text(result.content.as_str().into()),
        tool_calls: vec![],
        tool_call_id: Some(&result.id),
    })
}

fn message(turn: &Turn) -> Message<'_> {
    let calls = turn.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(tool_call(call)),
        Part::Text(_) | Part::Image(_) | Part::ToolResult(_) => None,
    });
    let tool_calls: Vec<Value> = calls.collect();
    let text = text_of(turn);
    let content = if turn.parts.iter().any(|part| matches!(part, Part::Image(_))) {
        Content::Parts(turn.parts.iter().filter_map(content_part).collect())
    } else if text.is_empty() && !tool_calls.is_empty() {
        Content::Nothing
    } else {
        Content::Text(text)
    };
    Message {
        role: turn.role.as_str(),
        content,
        tool_calls,
        tool_call_id: None,
    }
}

fn tool_call(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments}})
}

fn content_part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => {
            Some(json!({"type": "image_url", "image_url": {"url": data_url(image)}}))
        }
        Part::ToolCall(_) | Part::ToolResult(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::turn;
    use crate::call::{Image, ToolResult};

    fn written(turns: &[Turn]) -> Value {
        serde_json::to_value(messages(turns)).unwrap()
    }

    #[test]
    fn an_image_stands_where_it_stood_between_the_texts() {
        let mut user = turn(Role::User, "before");
        user.parts.push(Part::Image(Image {
            media_type: "image/png".into(),
            data: bytes::Bytes::from_static(&[1, 2, 3]),
        }));
        user.parts.push(Part::Text("after".into()));
        let url = "data:image/png;base64,AQID";
        let expected = json!([{"role": "user", "content": [
            {"type": "text", "text": "before"},
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": "after"}]}]);
        assert_eq!(written(&[user]), expected);
    }

    #[test]
    fn a_call_and_its_result_refer_to_each_other() {
        let call = ToolCall {
            id: "t1".into(),
            name: "find".into(),
            arguments: "{}".into(),
        };
        let result = ToolResult {
            id: "t1".into(),
            content: "found".into(),
            is_error: false,
        };
        let turns = [
            Turn {
                role: Role::Assistant,
                parts: vec![Part::ToolCall(call)],
            },
            Turn {
                role: Role::Tool,
                parts: vec![Part::ToolResult(result)],
            },
        ];
        let expected = json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]},
            {"role": "tool", "content": "found", "tool_call_id": "t1"}]);
        assert_eq!(written(&turns), expected);
    }
}
