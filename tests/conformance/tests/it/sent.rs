//! Where each wire says what a call asks for.

use serde_json::{Value, json};
use terrace_config::BackendKind;
use terrace_conformance::Kind;

use crate::features::Feature;

/// A value in the body that the backend gets.
pub(crate) struct Sent {
    /// As a JSON pointer.
    pub(crate) at: &'static str,
    pub(crate) value: Value,
}

/// What a call for `feature` has to send; `None` where the wire has no word of its own for it.
pub(crate) fn expected(feature: Feature, kind: Kind) -> Option<Sent> {
    let (at, value) = match kind.backend() {
        BackendKind::OpenAi => openai(feature, kind)?,
        BackendKind::Ollama => ollama(feature)?,
        BackendKind::Anthropic => anthropic(feature)?,
    };
    Some(Sent { at, value })
}

fn openai(feature: Feature, kind: Kind) -> Option<(&'static str, Value)> {
    Some(match feature {
        Feature::Streamed => ("/stream", json!(true)),
        Feature::Conversation => ("/messages/0/role", json!("system")),
        Feature::Picture => ("/messages/0/content/1/type", json!("image_url")),
        Feature::ToolCall => ("/tools/0/function/name", json!("get_weather")),
        Feature::ToolChoice => ("/tool_choice", json!("required")),
        Feature::ToolResult => ("/messages/2/tool_call_id", json!("call_1")),
        Feature::Json => ("/response_format/type", json!("json_object")),
        Feature::Schema => ("/response_format/type", json!("json_schema")),
        Feature::Reasoning => ("/reasoning_effort", json!("low")),
        Feature::OutputCap if kind == Kind::OpenAi => ("/max_completion_tokens", json!(3)),
        Feature::OutputCap => ("/max_tokens", json!(3)),
        Feature::Stop => ("/stop/0", json!("e")),
        Feature::Seed => ("/seed", json!(7)),
        Feature::Sampling => ("/top_p", json!(0.9)),
        Feature::TopK => ("/top_k", json!(5)),
        Feature::Penalties => ("/frequency_penalty", json!(0.5)),
        Feature::Logprobs => ("/top_logprobs", json!(2)),
        Feature::CountedUsage => ("/stream_options/include_usage", json!(true)),
        _ => return None,
    })
}

fn ollama(feature: Feature) -> Option<(&'static str, Value)> {
    Some(match feature {
        Feature::Streamed => ("/stream", json!(true)),
        Feature::Conversation => ("/messages/0/role", json!("system")),
        Feature::ToolCall => ("/tools/0/function/name", json!("get_weather")),
        Feature::ToolResult => ("/messages/2/tool_name", json!("get_weather")),
        Feature::Json => ("/format", json!("json")),
        Feature::Schema => ("/format/type", json!("object")),
        Feature::Reasoning => ("/think", json!("low")),
        Feature::OutputCap => ("/options/num_predict", json!(3)),
        Feature::Stop => ("/options/stop/0", json!("e")),
        Feature::Seed => ("/options/seed", json!(7)),
        Feature::Sampling => ("/options/top_p", json!(0.9)),
        Feature::TopK => ("/options/top_k", json!(5)),
        Feature::Penalties => ("/options/frequency_penalty", json!(0.5)),
        Feature::Logprobs => ("/top_logprobs", json!(2)),
        _ => return None,
    })
}

fn anthropic(feature: Feature) -> Option<(&'static str, Value)> {
    Some(match feature {
        Feature::Streamed => ("/stream", json!(true)),
        Feature::Conversation => ("/system", json!("You are brief.")),
        Feature::Picture => ("/messages/0/content/1/type", json!("image")),
        Feature::ToolCall => ("/tools/0/name", json!("get_weather")),
        Feature::ToolChoice => ("/tool_choice/type", json!("any")),
        Feature::ToolResult => ("/messages/2/content/0/type", json!("tool_result")),
        Feature::Schema => ("/tool_choice/type", json!("tool")),
        Feature::Reasoning => ("/thinking/type", json!("enabled")),
        Feature::OutputCap => ("/max_tokens", json!(3)),
        Feature::Stop => ("/stop_sequences/0", json!("e")),
        Feature::Sampling => ("/top_p", json!(0.9)),
        Feature::TopK => ("/top_k", json!(5)),
        _ => return None,
    })
}
