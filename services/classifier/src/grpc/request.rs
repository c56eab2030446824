//! From the wire to a [`Request`], with every wrong field named at once.
//!
//! What only describes the output (schema, pattern, choices) is a hint here and is not looked
//! into; whoever checks answers does that. `project` says whose traffic it is, for what was learned
//! from that.

use terrace_domain::{ActionName, Failure, ProjectName, Violations};
use terrace_proto::classifier::v1::ClassifyRequest;
use terrace_proto::common::v1::{Message, ResponseFormat, Role, part, response_format};
use terrace_proto::convert::{PromptSize, text_of_parts};

use crate::config::RequestLimits;
use crate::request::{Form, Request, Speaker, Turn};

/// The longest name of a language.
const MAX_LANGUAGE_BYTES: usize = 64;
/// The most models whose accuracy can be asked for.
const MAX_MODELS: usize = 64;

/// Checks a request and takes from it what the use case looks at.
pub(super) fn from_wire(
    wire: ClassifyRequest,
    limits: RequestLimits,
    models: usize,
) -> Result<Request, Failure> {
    let mut violations = Violations::new();
    let turns = turns(&wire.messages, limits, &mut violations);
    let action = name("action", &wire.action, ActionName::new, &mut violations);
    let project = name("project", &wire.project, ProjectName::new, &mut violations);
    violations.require(models <= MAX_MODELS, "models", "must have at most 64 names");
    violations.require(
        wire.code_language.len() <= MAX_LANGUAGE_BYTES,
        "code_language",
        "must have at most 64 bytes, as python",
    );
    violations.finish()?;
    Ok(Request {
        turns,
        action,
        project,
        form: form(wire.response_format.as_ref()),
        tool_count: wire.tool_count,
        code_language: Some(wire.code_language.trim().to_owned()).filter(|name| !name.is_empty()),
    })
}

/// Reads a name that may be left out.
pub(super) fn name<T, E: std::fmt::Display>(
    field: &str,
    text: &str,
    new: impl Fn(String) -> Result<T, E>,
    violations: &mut Violations,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    new(text.to_owned())
        .map_err(|error| violations.add(field, error.to_string()))
        .ok()
}

fn turns(messages: &[Message], limits: RequestLimits, violations: &mut Violations) -> Vec<Turn> {
    if messages.len() > limits.max_messages {
        let most = limits.max_messages;
        violations.add("messages", format!("must be at most {most}"));
        return Vec::new();
    }
    if PromptSize::of(messages).text_bytes > limits.max_prompt_bytes {
        let most = limits.max_prompt_bytes;
        violations.add("messages", format!("must have at most {most} bytes in all"));
        return Vec::new();
    }
    let turns: Vec<_> = messages
        .iter()
        .enumerate()
        .filter_map(|(index, message)| turn(index, message, violations))
        .collect();
    let is_empty = turns
        .iter()
        .all(|turn| turn.images == 0 && turn.text.trim().is_empty());
    // Turns that were refused are named already; this is for those that say nothing.
    if is_empty && turns.len() == messages.len() {
        violations.add("messages", "must have a message with something in it");
    }
    turns
}

fn turn(index: usize, message: &Message, violations: &mut Violations) -> Option<Turn> {
    let field = format!("messages[{index}]");
    for (part_index, part) in message.parts.iter().enumerate() {
        if part.kind.is_none() {
            let part_field = format!("{field}.parts[{part_index}]");
            violations.add(part_field, "must be text, image, tool_call or tool_result");
        }
    }
    if message.parts.is_empty() {
        violations.add(format!("{field}.parts"), "must have at least one part");
    }
    let speaker = match message.role() {
        Role::System => Speaker::System,
        Role::User => Speaker::User,
        Role::Assistant => Speaker::Assistant,
        Role::Tool => Speaker::Tool,
        Role::Unspecified => {
            let roles = "must be one of SYSTEM, USER, ASSISTANT, TOOL";
            violations.add(format!("{field}.role"), roles);
            return None;
        }
    };
    Some(Turn {
        speaker,
        text: text_of(message),
        images: images_of(message),
    })
}

/// The text of a message; results of tools are text too.
fn text_of(message: &Message) -> String {
    let mut text = text_of_parts(message);
    for part in &message.parts {
        if let Some(part::Kind::ToolResult(result)) = &part.kind {
            text.push_str(&result.content);
        }
    }
    text
}

fn images_of(message: &Message) -> usize {
    let is_image =
        |part: &&terrace_proto::common::v1::Part| matches!(part.kind, Some(part::Kind::Image(_)));
    message.parts.iter().filter(is_image).count()
}

fn form(format: Option<&ResponseFormat>) -> Form {
    match format.and_then(|format| format.kind.as_ref()) {
        None => Form::Free,
        Some(response_format::Kind::Json(_)) => Form::Json,
        Some(response_format::Kind::JsonSchema(_)) => Form::Schema,
        Some(response_format::Kind::Regex(_)) => Form::Pattern,
        Some(response_format::Kind::Choice(_)) => Form::Choice,
    }
}
