//! The input of a response: a text, or items of a conversation, each of which becomes a message.

use serde::Deserialize;
use terrace_domain::Violations;
use terrace_proto::common::v1::{Message, Part, Role, ToolCall, ToolResult, part::Kind};
use terrace_proto::convert::text_message;

use crate::pictures;
use crate::text_or::TextOr;

/// One item.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    /// A message has none, or its own.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    content: Option<TextOr<Piece>>,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
    #[serde(default)]
    output: Option<TextOr<Piece>>,
}

/// One piece of an item's content.
#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<String>,
}

/// The messages on the wire; what is wrong in the items is noted.
pub(super) fn wire(input: Option<TextOr<Item>>, noted: &mut Violations) -> Vec<Message> {
    let items = match input {
        None => {
            noted.add("input", "is missing");
            return Vec::new();
        }
        Some(TextOr::Text(text)) => return vec![text_message(Role::User, text)],
        Some(TextOr::List(items)) => items.into_iter().enumerate(),
    };
    let mut messages: Vec<Message> = Vec::new();
    for (index, item) in items {
        let Some(message) = item.wire(&format!("input[{index}]"), noted) else {
            continue;
        };
        match messages.last_mut() {
            // What a model said and the calls it made are one turn, as are the results of those.
            Some(last) if last.role == message.role && belongs_to_the_last(&message) => {
                last.parts.extend(message.parts);
            }
            _ => messages.push(message),
        }
    }
    messages
}

fn belongs_to_the_last(message: &Message) -> bool {
    let kinds = message.parts.iter().map(|part| &part.kind);
    let mut kinds = kinds.flatten();
    kinds.all(|kind| matches!(kind, Kind::ToolCall(_) | Kind::ToolResult(_)))
}

impl Item {
    fn wire(self, place: &str, noted: &mut Violations) -> Option<Message> {
        let (role, kinds) = match self.kind.as_deref() {
            None | Some("message") => {
                let role = role(self.role.as_deref(), place, noted)?;
                (
                    role,
                    kinds(self.content, &format!("{place}.content"), noted),
                )
            }
            Some("function_call") => {
                let call = ToolCall {
                    id: self.call_id.unwrap_or_default(),
                    name: self.name.unwrap_or_default(),
                    arguments_json: self.arguments.unwrap_or_default(),
                };
                (Role::Assistant, vec![Kind::ToolCall(call)])
            }
            Some("function_call_output") => {
                let place = format!("{place}.output");
                let result = ToolResult {
                    tool_call_id: self.call_id.unwrap_or_default(),
                    content: text(kinds(self.output, &place, noted), &place, noted),
                    is_error: false,
                };
                (Role::Tool, vec![Kind::ToolResult(result)])
            }
            // What a model thought before is of no use to another one.
            Some("reasoning") => return None,
            Some(_) => {
                let why = "has to be message, function_call, function_call_output or reasoning";
                noted.add(format!("{place}.type"), why);
                return None;
            }
        };
        let parts = kinds.into_iter().map(|kind| Part { kind: Some(kind) });
        Some(Message {
            role: role.into(),
            parts: parts.collect(),
        })
    }
}

fn role(role: Option<&str>, place: &str, noted: &mut Violations) -> Option<Role> {
    match role {
        Some("system" | "developer") => Some(Role::System),
        Some("user") => Some(Role::User),
        Some("assistant") => Some(Role::Assistant),
        _ => {
            let why = "has to be system, developer, user or assistant";
            noted.add(format!("{place}.role"), why);
            None
        }
    }
}

fn kinds(content: Option<TextOr<Piece>>, place: &str, noted: &mut Violations) -> Vec<Kind> {
    let pieces = match content {
        None => return Vec::new(),
        Some(TextOr::Text(text)) => return vec![Kind::Text(text)],
        Some(TextOr::List(pieces)) => pieces.into_iter().enumerate(),
    };
    let kinds = pieces.filter_map(|(index, piece)| {
        let kind = match piece.kind.as_str() {
            "input_text" | "output_text" | "text" => Ok(Kind::Text(piece.text.unwrap_or_default())),
            "refusal" => Ok(Kind::Text(piece.refusal.unwrap_or_default())),
            "input_image" => {
                let url = piece.image_url.unwrap_or_default();
                pictures::of_data_url(&url).map(Kind::Image)
            }
            _ => Err("has to be text or a picture: files and audio are not supported".to_owned()),
        };
        kind.map_err(|why| noted.add(format!("{place}[{index}]"), why))
            .ok()
    });
    kinds.collect()
}

/// The result of a tool: text alone.
fn text(kinds: Vec<Kind>, place: &str, noted: &mut Violations) -> String {
    let mut whole = String::new();
    for kind in kinds {
        match kind {
            Kind::Text(text) => whole.push_str(&text),
            _ => noted.add(place, "has to be text"),
        }
    }
    whole
}
