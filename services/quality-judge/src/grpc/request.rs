//! From the wire to a [`Case`], with every wrong field named at once.
//!
//! Of the conversation the checks read what the user asked last; the rest is checked for being one.
//! The model and the request's id say where an answer comes from and are free to be empty.

use terrace_domain::{ActionName, Failure, Score, Violations};
use terrace_proto::common::v1::{
    FinishReason, Message, ResponseFormat, Role, part, response_format::Kind,
};
use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::JudgeRequest;

use crate::answer::{Answer, Case, CodeLanguage, Finish};
use crate::format::{Format, Pattern, Schema};
use crate::language::Language;
use crate::offload::Load;
use crate::second::Subject;

/// Up to this size plain text is judged faster than it is handed over.
const LIGHT_BYTES: usize = 4 * 1024;
/// The longest name of a language, a model, or a request.
const MAX_NAME_BYTES: usize = 256;
/// The most choices, and the most bytes of one.
const MAX_CHOICES: usize = 1000;
const MAX_CHOICE_BYTES: usize = 4096;

/// How much work a request is: code to parse, a form to compile and much text are heavy.
pub(super) fn load(wire: &JudgeRequest) -> Load {
    let parts = wire.output.iter().flat_map(|message| &message.parts);
    let texts = parts.filter_map(|part| match &part.kind {
        Some(part::Kind::Text(text)) => Some(text.as_str()),
        Some(part::Kind::ToolCall(call)) => Some(call.arguments_json.as_str()),
        Some(part::Kind::Image(_) | part::Kind::ToolResult(_)) | None => None,
    });
    let (mut bytes, mut has_code) = (0, wire.code_expected);
    for text in texts {
        bytes += text.len();
        has_code |= text.contains("```") || text.contains("~~~");
    }
    let form = wire.response_format.as_ref();
    let compiles = matches!(
        form.and_then(|form| form.kind.as_ref()),
        Some(Kind::JsonSchema(_) | Kind::Regex(_))
    );
    if has_code || compiles || bytes > LIGHT_BYTES {
        Load::Heavy
    } else {
        Load::Light
    }
}

/// What another model is told of an answer; nothing where it is no text, or has to have a form or code
/// that the checks know better.
pub(super) fn subject(wire: &JudgeRequest) -> Option<Subject> {
    let output = wire.output.as_ref()?;
    let form = wire.response_format.as_ref();
    let is_free = form.is_none_or(|form| form.kind.is_none());
    let answer = text_of_parts(output);
    let is_text = is_free && tool_calls(output).is_empty() && !answer.trim().is_empty();
    is_text.then(|| Subject {
        question: question(&wire.messages),
        messages: wire.messages.clone(),
        answer,
        author: wire.model.clone(),
        request_id: wire.request_id.clone(),
    })
}

/// Checks a request and takes from it what the checks look at.
pub(super) fn from_wire(wire: JudgeRequest, max_messages: usize) -> Result<Case, Failure> {
    let mut violations = Violations::new();
    conversation(&wire.messages, max_messages, &mut violations);
    names(&wire, &mut violations);
    violations.not_built_yet(!wire.logprobs.is_empty(), "logprobs");
    let threshold = Score::new(wire.threshold)
        .map_err(|error| violations.add("threshold", error.to_string()))
        .unwrap_or(Score::ZERO);
    let suffices = suffices(wire.lower_tier_suffices, &mut violations);
    let finish = finish(wire.finish_reason, &mut violations);
    let format = format(wire.response_format.as_ref(), &mut violations);
    output(wire.output.as_ref(), &mut violations);
    violations.finish()?;
    let output = wire.output.unwrap_or_default();
    Ok(Case {
        answer: Answer {
            question: question(&wire.messages),
            text: text_of_parts(&output),
            tool_calls: tool_calls(&output),
            finish,
            format,
            code_expected: wire.code_expected,
            code_language: code_language(&wire.code_language),
            lower_tier_suffices: suffices,
        },
        action: wire.action,
        threshold,
    })
}

/// What the user asked last; empty where no user has said anything.
fn question(messages: &[Message]) -> String {
    let by_user = |message: &&Message| message.role() == Role::User;
    let last = messages.iter().rev().find(by_user);
    last.map(text_of_parts).unwrap_or_default()
}

fn suffices(chance: Option<f64>, violations: &mut Violations) -> Option<Score> {
    let score = Score::new(chance?);
    score
        .map_err(|error| violations.add("lower_tier_suffices", error.to_string()))
        .ok()
}

fn names(wire: &JudgeRequest, violations: &mut Violations) {
    if !wire.action.is_empty()
        && let Err(error) = ActionName::new(wire.action.clone())
    {
        violations.add("action", error.to_string());
    }
    let named = [
        ("code_language", &wire.code_language),
        ("model", &wire.model),
        ("request_id", &wire.request_id),
    ];
    for (field, name) in named {
        let fits = name.len() <= MAX_NAME_BYTES;
        violations.require(fits, field, "must have at most 256 bytes");
    }
}

fn conversation(messages: &[Message], max_messages: usize, violations: &mut Violations) {
    if messages.is_empty() {
        violations.add(
            "messages",
            "must not be empty: the answer answers something",
        );
    }
    if messages.len() > max_messages {
        violations.add("messages", format!("must be at most {max_messages}"));
        return;
    }
    for (index, message) in messages.iter().enumerate() {
        let field = format!("messages[{index}]");
        if message.parts.is_empty() {
            violations.add(format!("{field}.parts"), "must have at least one part");
        }
        if message.role() == Role::Unspecified {
            let roles = "must be one of SYSTEM, USER, ASSISTANT, TOOL";
            violations.add(format!("{field}.role"), roles);
        }
        parts(&field, message, violations);
    }
}

fn parts(field: &str, message: &Message, violations: &mut Violations) {
    for (index, part) in message.parts.iter().enumerate() {
        if part.kind.is_none() {
            let words = "must be text, image, tool_call or tool_result";
            violations.add(format!("{field}.parts[{index}]"), words);
        }
    }
}

/// An output may be empty, that is for the judge to say; but it has to be there.
fn output(output: Option<&Message>, violations: &mut Violations) {
    let Some(output) = output else {
        violations.add("output", "must be set: there is nothing to judge");
        return;
    };
    if output.role() != Role::Assistant {
        violations.add("output.role", "must be ASSISTANT");
    }
    parts("output", output, violations);
}

fn tool_calls(output: &Message) -> Vec<String> {
    let calls = output.parts.iter().filter_map(|part| match &part.kind {
        Some(part::Kind::ToolCall(call)) => Some(call.arguments_json.clone()),
        Some(part::Kind::Text(_) | part::Kind::Image(_) | part::Kind::ToolResult(_)) | None => None,
    });
    calls.collect()
}

fn finish(reason: i32, violations: &mut Violations) -> Finish {
    match FinishReason::try_from(reason) {
        Ok(FinishReason::Unspecified) => Finish::Unknown,
        Ok(FinishReason::Stop) => Finish::Stop,
        Ok(FinishReason::Length) => Finish::Length,
        Ok(FinishReason::ToolCalls) => Finish::ToolCalls,
        Ok(FinishReason::ContentFilter) => Finish::ContentFilter,
        Err(_) => {
            violations.add("finish_reason", "is not one that this version knows");
            Finish::Unknown
        }
    }
}

fn code_language(name: &str) -> CodeLanguage {
    if name.trim().is_empty() {
        return CodeLanguage::Any;
    }
    Language::of_name(name).map_or(CodeLanguage::Unknown, CodeLanguage::Known)
}

fn format(format: Option<&ResponseFormat>, violations: &mut Violations) -> Format {
    let mut refuse = |field: &str, words: String| {
        violations.add(format!("response_format.{field}"), words);
        Format::Free
    };
    match format.and_then(|format| format.kind.as_ref()) {
        None => Format::Free,
        Some(Kind::Json(_)) => Format::Json,
        Some(Kind::JsonSchema(schema)) => match Schema::compile(&schema.schema_json) {
            Ok(schema) => Format::Schema(schema),
            Err(error) => refuse("json_schema.schema_json", error.to_string()),
        },
        Some(Kind::Regex(pattern)) => match Pattern::compile(pattern) {
            Ok(pattern) => Format::Pattern(pattern),
            Err(error) => refuse("regex", error.to_string()),
        },
        Some(Kind::Choice(choice)) => {
            let options = &choice.options;
            let fits =
                |option: &String| !option.trim().is_empty() && option.len() <= MAX_CHOICE_BYTES;
            if options.is_empty() || options.len() > MAX_CHOICES || !options.iter().all(fits) {
                let words = "must be 1 to 1000 texts of 1 to 4096 bytes that are not blank";
                return refuse("choice.options", words.to_owned());
            }
            Format::Choice(options.clone())
        }
    }
}
