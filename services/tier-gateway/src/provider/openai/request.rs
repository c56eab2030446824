//! A call as the body of `POST /chat/completions`.
//!
//! Only fields that are set are sent: a server that does not know one may refuse the lot.

use serde::Serialize;
use serde_json::{Value, json};
use terrace_config::{Model, Profile};

use super::message::{Message, messages};
use crate::call::{Call, Format, Tool, ToolChoice, Turn};

/// The body.
#[derive(Serialize)]
pub(super) struct ChatRequest<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> ChatRequest<'a> {
    /// Writes a call in the dialect of `profile`.
    pub(super) fn new(call: &'a Call, model: &Model, profile: Profile) -> Self {
        let params = &call.params;
        let cap = params.max_output_tokens.unwrap_or(model.max_output_tokens);
        // OpenAI's newer models refuse the old name of the cap, other servers the new one.
        let (max_tokens, max_completion_tokens) = match profile {
            Profile::OpenAi => (None, Some(cap)),
            Profile::Generic | Profile::LlamaCpp | Profile::Vllm => (Some(cap), None),
        };
        let logprobs = params.logprobs.filter(|_| model.capabilities.logprobs);
        Self {
            model: call.model.as_str(),
            messages: messages_in(profile, call, model),
            stream: !call.whole,
            stream_options: (!call.whole).then_some(StreamOptions {
                include_usage: true,
            }),
            max_tokens,
            max_completion_tokens,
            temperature: params.temperature,
            top_p: params.top_p,
            top_k: params.top_k,
            stop: &params.stop,
            seed: params.seed,
            frequency_penalty: params.frequency_penalty,
            presence_penalty: params.presence_penalty,
            logprobs: logprobs.map(|_| true),
            top_logprobs: logprobs.filter(|most| *most > 0),
            reasoning_effort: params.reasoning_effort.map(|effort| effort.as_str()),
            response_format: response_format(call.format.as_ref(), model),
            tools: call.tools.iter().map(tool).collect(),
            tool_choice: tool_choice(call),
        }
    }
}

/// The messages. OpenAI refuses to hold a model to JSON when nothing in them speaks of JSON.
fn messages_in<'a>(profile: Profile, call: &'a Call, model: &Model) -> Vec<Message<'a>> {
    let mut messages = messages(&call.turns);
    let is_json = call.format == Some(Format::Json) && model.capabilities.json;
    let speaks_of_json = |turn: &Turn| turn.text().to_lowercase().contains("json");
    if profile == Profile::OpenAi && is_json && !call.turns.iter().any(speaks_of_json) {
        messages.insert(0, Message::instruction("Answer with JSON."));
    }
    messages
}

fn tool(tool: &Tool) -> Value {
    let (name, description) = (&tool.name, &tool.description);
    json!({"type": "function",
        "function": {"name": name, "description": description, "parameters": tool.schema}})
}

/// The choice; servers refuse one without tools, and `auto` is what they do anyway.
fn tool_choice(call: &Call) -> Option<Value> {
    let choice = match &call.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
    };
    (!call.tools.is_empty()).then_some(choice)
}

/// The format, for a model that can be held to one. For another one it is left out, and the
/// judge sees whether the model keeps to it by itself; a strict one was refused before.
fn response_format(format: Option<&Format>, model: &Model) -> Option<Value> {
    if !model.capabilities.json {
        return None;
    }
    Some(match format? {
        Format::Json => json!({"type": "json_object"}),
        Format::Schema {
            name,
            schema,
            strict,
        } => json!({"type": "json_schema",
            "json_schema": {"name": name, "schema": schema, "strict": strict}}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::{call_of, tool as find, turn};
    use crate::call::{Effort, Params, Role};
    use crate::config::for_testing::model;

    fn call() -> Call {
        let mut call = call_of("Hi");
        call.turns.insert(0, turn(Role::System, "Be brief."));
        call
    }

    fn body(call: &Call, model: &Model, profile: Profile) -> Value {
        serde_json::to_value(ChatRequest::new(call, model, profile)).unwrap()
    }

    #[test]
    fn a_plain_call_sends_the_models_cap_and_nothing_that_was_not_set() {
        let body = body(&call(), &model("m"), Profile::Generic);
        let expected = json!({"model": "m", "stream": true,
            "stream_options": {"include_usage": true}, "max_tokens": 1024,
            "messages": [{"role": "system", "content": "Be brief."},
                         {"role": "user", "content": "Hi"}]});
        assert_eq!(body, expected);
    }

    #[test]
    fn all_parameters_are_sent() {
        let mut call = call();
        call.params = Params {
            max_output_tokens: Some(7),
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            stop: vec!["END".into()],
            seed: Some(1),
            frequency_penalty: Some(0.1),
            presence_penalty: Some(-0.1),
            logprobs: Some(2),
            reasoning_effort: Some(Effort::Low),
        };
        let mut able = model("m");
        able.capabilities.logprobs = true;
        let body = body(&call, &able, Profile::Vllm);
        for (key, value) in [
            ("max_tokens", json!(7)),
            ("temperature", json!(0.5)),
            ("top_p", json!(0.9)),
            ("top_k", json!(40)),
            ("stop", json!(["END"])),
            ("seed", json!(1)),
            ("frequency_penalty", json!(0.1)),
            ("presence_penalty", json!(-0.1)),
            ("logprobs", json!(true)),
            ("top_logprobs", json!(2)),
            ("reasoning_effort", json!("low")),
        ] {
            assert_eq!(body[key], value, "{key}");
        }
    }

    #[test]
    fn openai_itself_gets_the_new_name_of_the_cap() {
        let sent = body(&call(), &model("m"), Profile::OpenAi);
        assert_eq!(sent["max_completion_tokens"], 1024);
        assert_eq!(sent.get("max_tokens"), None);
    }

    #[test]
    fn openai_is_told_of_json_where_nobody_has() {
        let mut able = model("m");
        able.capabilities.json = true;
        let mut call = call();
        call.format = Some(Format::Json);
        let first = |call: &Call, profile| body(call, &able, profile)["messages"][0].clone();
        let ours = json!({"role": "system", "content": "Answer with JSON."});
        assert_eq!(first(&call, Profile::OpenAi), ours);
        assert_ne!(first(&call, Profile::Vllm), ours);
        call.turns[1] = turn(Role::User, "Give me a Json object.");
        assert_ne!(first(&call, Profile::OpenAi), ours);
    }

    #[test]
    fn tools_are_sent_with_the_choice_between_them() {
        let mut call = call();
        call.tools = vec![find("find")];
        let sent = body(&call, &model("m"), Profile::Generic);
        assert_eq!(sent["tools"][0]["function"]["name"], "find");
        assert_eq!(sent.get("tool_choice"), None);
        call.tool_choice = ToolChoice::Named("find".into());
        let sent = body(&call, &model("m"), Profile::Generic);
        assert_eq!(sent["tool_choice"]["function"]["name"], "find");
        call.tool_choice = ToolChoice::Required;
        let sent = body(&call, &model("m"), Profile::Generic);
        assert_eq!(sent["tool_choice"], "required");
    }

    #[test]
    fn a_schema_goes_to_models_that_can_alone() {
        let mut able = model("m");
        able.capabilities.json = true;
        let mut call = call();
        call.format = Some(Format::Schema {
            name: "answer".into(),
            schema: json!({"type": "object"}),
            strict: true,
        });
        let sent = body(&call, &able, Profile::Generic);
        assert_eq!(sent["response_format"]["json_schema"]["name"], "answer");
        call.format = Some(Format::Json);
        let sent = body(&call, &model("m"), Profile::Generic);
        assert_eq!(sent.get("response_format"), None);
    }
}
