//! Rules for conversations and tools on the wire, the same at every service that takes them.
//!
//! Every broken rule is noted under the field's path, and none stops the others.

use terrace_domain::Violations;

use crate::common::v1::part::Kind;
use crate::common::v1::tool_choice::Mode;
use crate::common::v1::{Image, Message, Part, Role, Tool, ToolCall, ToolChoice};

/// Pictures that all vendors read.
const MEDIA_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// The most tools in one call: what the vendors accept.
const MAX_TOOLS: usize = 128;
/// The longest name of a tool, in bytes: what the vendors accept.
const MAX_NAME_BYTES: usize = 64;

/// Checks one message at `place`, as `messages[3]`.
pub fn message(message: &Message, place: &str, noted: &mut Violations) {
    let role = Role::try_from(message.role).unwrap_or(Role::Unspecified);
    if role == Role::Unspecified {
        let why = "must be one of SYSTEM, USER, ASSISTANT, TOOL";
        noted.add(format!("{place}.role"), why);
    }
    if message.parts.is_empty() {
        noted.add(format!("{place}.parts"), "must not be empty");
    }
    for (index, part) in message.parts.iter().enumerate() {
        one_part(part, role, &format!("{place}.parts[{index}]"), noted);
    }
}

fn one_part(part: &Part, role: Role, place: &str, noted: &mut Violations) {
    let Some(kind) = &part.kind else {
        noted.add(place, "is empty: set text, image, tool_call or tool_result");
        return;
    };
    let home = match kind {
        Kind::Text(_) => &[Role::System, Role::User, Role::Assistant][..],
        Kind::Image(_) => &[Role::User],
        Kind::ToolCall(_) => &[Role::Assistant],
        Kind::ToolResult(_) => &[Role::Tool],
    };
    if role != Role::Unspecified && !home.contains(&role) {
        let roles: Vec<&str> = home.iter().map(|role| short(*role)).collect();
        let why = format!("belongs into a message of {}", roles.join(" or "));
        noted.add(place, why);
    }
    match kind {
        Kind::Text(_) => {}
        Kind::Image(image) => one_image(image, place, noted),
        Kind::ToolCall(call) => one_call(call, place, noted),
        Kind::ToolResult(result) => {
            let field = format!("{place}.tool_result.tool_call_id");
            noted.require(!result.tool_call_id.is_empty(), &field, "must not be empty");
        }
    }
}

fn short(role: Role) -> &'static str {
    role.as_str_name().trim_start_matches("ROLE_")
}

fn one_image(image: &Image, place: &str, noted: &mut Violations) {
    let known = MEDIA_TYPES.contains(&image.media_type.as_str());
    let why = format!("must be one of {}", MEDIA_TYPES.join(", "));
    noted.require(known, &format!("{place}.image.media_type"), &why);
    let field = format!("{place}.image.data");
    noted.require(!image.data.is_empty(), &field, "must not be empty");
}

fn one_call(call: &ToolCall, place: &str, noted: &mut Violations) {
    let field = |name: &str| format!("{place}.tool_call.{name}");
    noted.require(!call.id.is_empty(), &field("id"), "must not be empty");
    noted.require(!call.name.is_empty(), &field("name"), "must not be empty");
}

/// Checks the tools at `place`, as `tools`. Their schemas have to be JSON objects, or empty for a
/// tool without arguments; whether they are sound JSON Schemas, the backend says.
pub fn tools(tools: &[Tool], place: &str, noted: &mut Violations) {
    if tools.len() > MAX_TOOLS {
        noted.add(place, format!("has more than {MAX_TOOLS} tools"));
        return;
    }
    for (index, tool) in tools.iter().enumerate() {
        let field = |name: &str| format!("{place}[{index}].{name}");
        if !is_name(&tool.name) {
            let why = format!("must be 1 to {MAX_NAME_BYTES} letters, digits, `_` or `-`");
            noted.add(field("name"), why);
        }
        let twice = tools
            .iter()
            .take(index)
            .any(|other| other.name == tool.name);
        noted.require(!twice, &field("name"), "must be unique");
        let schema = &tool.parameters_json_schema;
        let is_object = schema.is_empty()
            || serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(schema).is_ok();
        noted.require(
            is_object,
            &field("parameters_json_schema"),
            "must be a JSON object",
        );
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

/// Checks the choice between `tools` at `place`, as `tool_choice`.
pub fn tool_choice(choice: &ToolChoice, tools: &[Tool], place: &str, noted: &mut Violations) {
    match Mode::try_from(choice.mode) {
        Ok(Mode::Unspecified | Mode::Auto | Mode::None) => {}
        Ok(Mode::Required) => {
            noted.require(!tools.is_empty(), place, "needs tools to choose from");
        }
        Ok(Mode::Named) => {
            let known = tools.iter().any(|tool| tool.name == choice.tool_name);
            let why = "must be the name of one of the tools";
            noted.require(known, &format!("{place}.tool_name"), why);
        }
        Err(_) => noted.add(format!("{place}.mode"), "is no value of Mode"),
    }
}
