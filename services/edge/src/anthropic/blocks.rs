//! The turns of a conversation, as Anthropic has them: results of tools stand in a turn of the user,
//! and become a message of their own before the rest of it.

use serde::Deserialize;
use serde_json::Value;
use terrace_domain::Violations;
use terrace_proto::common::v1::{Message, Part, Role, ToolCall, ToolResult, part::Kind};

use crate::pictures;
use crate::text_or::TextOr;

/// One turn.
#[derive(Debug, Deserialize)]
pub(super) struct Turn {
    role: String,
    content: TextOr<Block>,
}

/// One block of a turn.
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    tool_use_id: Option<String>,
    #[serde(default)]
    content: Option<TextOr<Self>>,
    #[serde(default)]
    is_error: Option<bool>,
}

/// Where a picture is.
#[derive(Debug, Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    data: String,
}

/// The messages on the wire; what is wrong in the turns is noted.
pub(super) fn wire(turns: Vec<Turn>, noted: &mut Violations) -> Vec<Message> {
    let mut messages = Vec::new();
    for (index, turn) in turns.into_iter().enumerate() {
        turn.add_to(&mut messages, &format!("messages[{index}]"), noted);
    }
    messages
}

/// The texts of blocks where only text may be.
pub(super) fn texts(blocks: Vec<Block>, place: &str, noted: &mut Violations) -> Vec<String> {
    let blocks = blocks.into_iter().enumerate();
    let texts = blocks.filter_map(|(index, block)| {
        let is_text = block.kind == "text";
        let field = format!("{place}[{index}].type");
        noted.require(is_text, &field, "has to be text here");
        block.text.filter(|_| is_text)
    });
    texts.collect()
}

impl Turn {
    fn add_to(self, messages: &mut Vec<Message>, place: &str, noted: &mut Violations) {
        let role = match self.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => {
                noted.add(format!("{place}.role"), "has to be user or assistant");
                return;
            }
        };
        let blocks = match self.content {
            TextOr::Text(text) => {
                messages.push(message(role, vec![Kind::Text(text)]));
                return;
            }
            TextOr::List(blocks) => blocks.into_iter().enumerate(),
        };
        let (mut results, mut rest) = (Vec::new(), Vec::new());
        for (index, block) in blocks {
            let place = format!("{place}.content[{index}]");
            match block.read(&place, noted) {
                Some(result @ Kind::ToolResult(_)) => results.push(result),
                Some(other) => rest.push(other),
                None => {}
            }
        }
        if !results.is_empty() {
            messages.push(message(Role::Tool, results));
        }
        if !rest.is_empty() {
            messages.push(message(role, rest));
        }
    }
}

fn message(role: Role, kinds: Vec<Kind>) -> Message {
    let parts = kinds.into_iter().map(|kind| Part { kind: Some(kind) });
    Message {
        role: role.into(),
        parts: parts.collect(),
    }
}

impl Block {
    /// The block on the wire; none for one that is passed over, or wrong and noted.
    fn read(self, place: &str, noted: &mut Violations) -> Option<Kind> {
        match self.kind.as_str() {
            "text" => self.text.map(Kind::Text),
            "image" => self.picture(place, noted),
            "tool_use" => Some(Kind::ToolCall(ToolCall {
                id: self.id.unwrap_or_default(),
                name: self.name.unwrap_or_default(),
                arguments_json: self.input.unwrap_or_default().to_string(),
            })),
            "tool_result" => Some(self.result(place, noted)),
            // What a model thought before is of no use to another one.
            "thinking" | "redacted_thinking" => None,
            _ => {
                noted.add(
                    format!("{place}.type"),
                    "has to be text, image, tool_use or tool_result: nothing else is supported",
                );
                None
            }
        }
    }

    fn picture(self, place: &str, noted: &mut Violations) -> Option<Kind> {
        let field = format!("{place}.source");
        let source = self.source.filter(|source| source.kind == "base64");
        let Some(source) = source else {
            let why = "has to hold the picture itself, as base64: Terrace opens no address that a \
                       request names";
            noted.add(field, why);
            return None;
        };
        pictures::of_base64(&source.media_type, &source.data)
            .map(Kind::Image)
            .map_err(|why| noted.add(format!("{field}.data"), why))
            .ok()
    }

    fn result(self, place: &str, noted: &mut Violations) -> Kind {
        let content = match self.content {
            None => String::new(),
            Some(TextOr::Text(text)) => text,
            Some(TextOr::List(blocks)) => {
                texts(blocks, &format!("{place}.content"), noted).join("\n")
            }
        };
        Kind::ToolResult(ToolResult {
            tool_call_id: self.tool_use_id.unwrap_or_default(),
            content,
            is_error: self.is_error.unwrap_or(false),
        })
    }
}
