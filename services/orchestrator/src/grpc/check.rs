//! Rules for the fields of a request; every broken one is noted, none stops the others.

use terrace_domain::Violations;
use terrace_proto::check as wire_check;
use terrace_proto::common::v1::{GenerationParams, Message, Part, part, response_format};
use terrace_proto::convert::{PromptSize, duration};
use terrace_proto::router::v1 as wire;

use crate::config::RequestLimits;

/// The most texts in one call: what the vendors accept.
const MAX_TEXTS: usize = 2048;

/// Checks texts that are to become vectors.
pub(super) fn texts(texts: &[String], limits: &RequestLimits, noted: &mut Violations) {
    noted.require(!texts.is_empty(), "inputs", "must not be empty");
    if texts.len() > MAX_TEXTS {
        noted.add("inputs", format!("has more than {MAX_TEXTS} texts"));
    }
    for (index, text) in texts.iter().enumerate() {
        noted.require(
            !text.is_empty(),
            &format!("inputs[{index}]"),
            "must not be empty",
        );
    }
    let most = limits.max_prompt_bytes;
    if texts.iter().map(|text| text.len() as u64).sum::<u64>() > most {
        noted.add("inputs", format!("has more than {most} bytes of text"));
    }
}

/// Checks the conversation.
pub(super) fn messages(messages: &[Message], limits: &RequestLimits, noted: &mut Violations) {
    noted.require(
        !messages.is_empty(),
        "messages",
        "must not be empty: say what is to be answered",
    );
    let count = messages.len();
    if count > limits.max_messages {
        let most = limits.max_messages;
        noted.add(
            "messages",
            format!("has {count} messages, {most} are allowed"),
        );
    }
    let bytes = PromptSize::of(messages).text_bytes;
    if bytes > limits.max_prompt_bytes {
        let most = limits.max_prompt_bytes;
        noted.add(
            "messages",
            format!("has {bytes} bytes of text, {most} are allowed"),
        );
    }
    for (index, message) in messages.iter().enumerate().take(limits.max_messages) {
        wire_check::message(message, &format!("messages[{index}]"), noted);
    }
    if let Some(last) = messages.last() {
        let field = format!("messages[{}]", messages.len() - 1);
        let says_something = last.parts.iter().any(says_something);
        noted.require(
            says_something,
            &field,
            "the last message has nothing to answer",
        );
    }
}

fn says_something(part: &Part) -> bool {
    match &part.kind {
        Some(part::Kind::Text(text)) => !text.trim().is_empty(),
        Some(part::Kind::Image(_) | part::Kind::ToolResult(_)) => true,
        Some(part::Kind::ToolCall(_)) | None => false,
    }
}

/// Checks the parameters of the generation.
pub(super) fn params(params: &GenerationParams, limits: &RequestLimits, noted: &mut Violations) {
    if let Some(tokens) = params.max_output_tokens {
        let most = limits.max_output_tokens;
        let fits = (1..=most).contains(&tokens);
        noted.require(
            fits,
            "params.max_output_tokens",
            &format!("must be 1 to {most}"),
        );
    }
    within(params.temperature, 0.0, 2.0, "params.temperature", noted);
    within(
        params.frequency_penalty,
        -2.0,
        2.0,
        "params.frequency_penalty",
        noted,
    );
    within(
        params.presence_penalty,
        -2.0,
        2.0,
        "params.presence_penalty",
        noted,
    );
    if let Some(top_p) = params.top_p {
        let fits = top_p > 0.0 && top_p <= 1.0;
        noted.require(fits, "params.top_p", "must be above 0 and at most 1");
    }
    noted.require(
        params.top_k != Some(0),
        "params.top_k",
        "must be at least 1",
    );
    let (stops, most) = (params.stop.len(), limits.max_stop_sequences);
    noted.require(
        stops <= most,
        "params.stop",
        &format!("has {stops} texts, {most} are allowed"),
    );
    for (index, stop) in params.stop.iter().enumerate().take(most) {
        let fits = !stop.is_empty() && stop.len() <= limits.max_stop_sequence_bytes;
        let rule = format!("must have 1 to {} bytes", limits.max_stop_sequence_bytes);
        noted.require(fits, &format!("params.stop[{index}]"), &rule);
    }
    noted.require(
        params.top_logprobs <= 20,
        "params.top_logprobs",
        "must be 0 to 20",
    );
    if let Some(effort) = &params.reasoning_effort {
        let known = ["low", "medium", "high"].contains(&effort.as_str());
        noted.require(
            known,
            "params.reasoning_effort",
            "must be low, medium or high",
        );
    }
}

/// Checks the form of the answer; whether a schema or pattern is sound, the judge says.
pub(super) fn format(kind: &response_format::Kind, noted: &mut Violations) {
    match kind {
        response_format::Kind::Json(_) => {}
        response_format::Kind::JsonSchema(schema) => {
            let field = "response_format.json_schema.schema_json";
            noted.require(
                !schema.schema_json.trim().is_empty(),
                field,
                "must be a JSON Schema",
            );
        }
        response_format::Kind::Regex(pattern) => {
            noted.require(
                !pattern.is_empty(),
                "response_format.regex",
                "must not be empty",
            );
        }
        response_format::Kind::Choice(choice) => {
            let field = "response_format.choice.options";
            noted.require(!choice.options.is_empty(), field, "must not be empty");
        }
    }
}

/// Checks the numbers of the policy and refuses what nothing honours yet.
pub(super) fn policy(policy: &wire::RoutePolicy, noted: &mut Violations) {
    within(
        policy.quality_threshold,
        0.0,
        1.0,
        "policy.quality_threshold",
        noted,
    );
    if let Some(attempts) = policy.max_attempts {
        let fits = (1..=16).contains(&attempts);
        noted.require(fits, "policy.max_attempts", "must be 1 to 16");
    }
    if let Some(repairs) = policy.max_repairs {
        noted.require(repairs <= 15, "policy.max_repairs", "must be at most 15");
    }
    if let Some(target) = &policy.latency_target {
        let is_span = duration(target).is_some_and(|target| !target.is_zero());
        noted.require(
            is_span,
            "policy.latency_target",
            "must be more than nothing",
        );
    }
    if let Some(nanos) = policy.max_cost_nano_usd {
        noted.require(
            nanos >= 0,
            "policy.max_cost_nano_usd",
            "must not be negative",
        );
    }
    let known = wire::OnExhausted::try_from(policy.on_exhausted).is_ok();
    noted.require(known, "policy.on_exhausted", "is no value of OnExhausted");
}

/// Checks the free tags.
pub(super) fn tags<'a>(
    tags: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
    limits: &RequestLimits,
    noted: &mut Violations,
) {
    let (count, most) = (tags.len(), limits.max_tags);
    noted.require(
        count <= most,
        "tags",
        &format!("has {count} tags, {most} are allowed"),
    );
    for (name, value) in tags.take(most) {
        let most = limits.max_tag_bytes;
        let fits = !name.is_empty() && name.len() <= most && value.len() <= most;
        let printable = !name.contains('\0') && !value.contains('\0');
        let rule = format!("names must have 1 to {most} bytes, values at most {most}, no NUL");
        noted.require(fits && printable, "tags", &rule);
    }
}

/// Notes a number that is set and outside its range; NaN is outside of every range.
fn within(value: Option<f64>, low: f64, high: f64, field: &str, noted: &mut Violations) {
    if let Some(value) = value {
        let fits = (low..=high).contains(&value);
        noted.require(fits, field, &format!("must be {low} to {high}"));
    }
}
