//! The turns of a conversation, as chat completions have them. Each becomes one message, so that a
//! place in one is the place in the other.

use serde::Deserialize;
use terrace_domain::Violations;
use terrace_proto::common::v1::{Message, Part, Role, ToolCall, ToolResult, part::Kind};

use crate::pictures;
use crate::text_or::TextOr;

/// One turn.
#[derive(Debug, Deserialize)]
pub(super) struct Turn {
    role: String,
    #[serde(default)]
    content: Option<TextOr<Piece>>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    function_call: Option<serde_json::Value>,
}

/// One piece of a turn's content.
#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<Picture>,
}

#[derive(Debug, Deserialize)]
struct Picture {
    url: String,
}

/// A call of a tool that the model made.
#[derive(Debug, Deserialize)]
struct Call {
    #[serde(default)]
    id: String,
    function: Called,
}

#[derive(Debug, Deserialize)]
struct Called {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// The messages on the wire; what is wrong in them is noted.
pub(super) fn wire(turns: Vec<Turn>, noted: &mut Violations) -> Vec<Message> {
    let turns = turns.into_iter().enumerate();
    turns
        .map(|(index, turn)| turn.wire(&format!("messages[{index}]"), noted))
        .collect()
}

impl Turn {
    fn wire(self, place: &str, noted: &mut Violations) -> Message {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            _ => {
                let why = "has to be system, developer, user, assistant or tool";
                noted.add(format!("{place}.role"), why);
                Role::Unspecified
            }
        };
        let old = format!("{place}.function_call");
        noted.require(
            self.function_call.is_none(),
            &old,
            "is of the past: use tool_calls",
        );
        let mut kinds = kinds(self.content, place, noted);
        kinds.extend(self.refusal.map(Kind::Text));
        if role == Role::Tool {
            kinds = vec![result(kinds, self.tool_call_id, place, noted)];
        }
        let calls = self.tool_calls.into_iter().flatten();
        kinds.extend(calls.map(|call| {
            Kind::ToolCall(ToolCall {
                id: call.id,
                name: call.function.name,
                arguments_json: call.function.arguments,
            })
        }));
        let parts = kinds.into_iter().map(|kind| Part { kind: Some(kind) });
        Message {
            role: role.into(),
            parts: parts.collect(),
        }
    }
}

/// What a tool gave: text alone.
fn result(kinds: Vec<Kind>, id: Option<String>, place: &str, noted: &mut Violations) -> Kind {
    let mut content = String::new();
    for kind in kinds {
        match kind {
            Kind::Text(text) => content.push_str(&text),
            _ => noted.add(format!("{place}.content"), "of a tool has to be text"),
        }
    }
    let tool_call_id = id.unwrap_or_default();
    let field = format!("{place}.tool_call_id");
    noted.require(!tool_call_id.is_empty(), &field, "must not be empty");
    Kind::ToolResult(ToolResult {
        tool_call_id,
        content,
        is_error: false,
    })
}

fn kinds(content: Option<TextOr<Piece>>, place: &str, noted: &mut Violations) -> Vec<Kind> {
    let pieces = match content {
        None => return Vec::new(),
        Some(TextOr::Text(text)) => return vec![Kind::Text(text)],
        Some(TextOr::List(pieces)) => pieces.into_iter().enumerate(),
    };
    let kinds = pieces.filter_map(|(index, piece)| {
        let place = format!("{place}.content[{index}]");
        piece
            .kind()
            .map_err(|(field, why)| noted.add(format!("{place}.{field}"), why))
            .ok()
    });
    kinds.collect()
}

impl Piece {
    fn kind(self) -> Result<Kind, (&'static str, String)> {
        match self.kind.as_str() {
            "text" => {
                let text = self.text.ok_or_else(|| missing("text"))?;
                Ok(Kind::Text(text))
            }
            "refusal" => Ok(Kind::Text(self.refusal.unwrap_or_default())),
            "image_url" => {
                let picture = self.image_url.ok_or_else(|| missing("image_url"))?;
                let image = pictures::of_data_url(&picture.url);
                image.map(Kind::Image).map_err(|why| ("image_url.url", why))
            }
            _ => Err((
                "type",
                "has to be text or image_url: audio and files are not supported".to_owned(),
            )),
        }
    }
}

fn missing(field: &'static str) -> (&'static str, String) {
    (field, "is missing".to_owned())
}
