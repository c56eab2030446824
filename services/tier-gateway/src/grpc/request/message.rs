//! The conversation.

use terrace_domain::Violations;
use terrace_proto::check;
use terrace_proto::common::v1 as common;
use terrace_proto::common::v1::part::Kind;
use terrace_proto::convert::PromptSize;

use super::Limits;
use crate::call::{Image, Part, Role, ToolCall, ToolResult, Turn};

/// Reads the messages.
pub(super) fn turns(
    messages: Vec<common::Message>,
    limits: Limits,
    wrong: &mut Violations,
) -> Vec<Turn> {
    check_size(&messages, limits, wrong);
    for (index, message) in messages.iter().enumerate() {
        check::message(message, &format!("generation.messages[{index}]"), wrong);
    }
    messages.into_iter().filter_map(turn).collect()
}

/// A checked message; what is wrong in it was noted and is left out.
fn turn(message: common::Message) -> Option<Turn> {
    let role = match message.role() {
        common::Role::System => Role::System,
        common::Role::User => Role::User,
        common::Role::Assistant => Role::Assistant,
        common::Role::Tool => Role::Tool,
        common::Role::Unspecified => return None,
    };
    let parts = message.parts.into_iter().filter_map(|part| part.kind);
    let parts = parts.map(one_part).collect();
    Some(Turn { role, parts })
}

fn one_part(kind: Kind) -> Part {
    match kind {
        Kind::Text(text) => Part::Text(text),
        Kind::Image(image) => Part::Image(Image {
            media_type: image.media_type,
            data: image.data.into(),
        }),
        Kind::ToolCall(call) => Part::ToolCall(ToolCall {
            id: call.id,
            name: call.name,
            arguments: call.arguments_json,
        }),
        Kind::ToolResult(result) => Part::ToolResult(ToolResult {
            id: result.tool_call_id,
            content: result.content,
            is_error: result.is_error,
        }),
    }
}

fn check_size(messages: &[common::Message], Limits(limits): Limits, wrong: &mut Violations) {
    let field = "generation.messages";
    wrong.require(!messages.is_empty(), field, "must not be empty");
    if messages.len() > limits.max_messages {
        let most = limits.max_messages;
        wrong.add(field, format!("has more than {most} messages"));
    }
    let most = limits.max_prompt_bytes.get();
    if PromptSize::of(messages).text_bytes > most {
        wrong.add(field, format!("has more than {most} bytes"));
    }
}
