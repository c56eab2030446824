//! A call as the body of `POST /api/chat`.
//!
//! `num_ctx` is always sent, and always the same for a model: Ollama reloads a model whose window
//! changes.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use terrace_config::Model;

use super::super::content::{base64_of, text_of};
use crate::call::{Call, Effort, Format, Part, Role, Tool, ToolCall, ToolChoice, ToolResult, Turn};

/// The body.
#[derive(Serialize)]
pub(super) struct ChatRequest<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    options: Options<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Options<'a> {
    num_predict: u32,
    num_ctx: u32,
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
}

impl<'a> ChatRequest<'a> {
    /// Writes a call.
    pub(super) fn new(call: &'a Call, model: &Model) -> Self {
        let params = &call.params;
        let options = Options {
            num_predict: params.max_output_tokens.unwrap_or(model.max_output_tokens),
            num_ctx: model.context_window,
            temperature: params.temperature,
            top_p: params.top_p,
            top_k: params.top_k,
            stop: &params.stop,
            seed: params.seed,
            frequency_penalty: params.frequency_penalty,
            presence_penalty: params.presence_penalty,
        };
        let logprobs = params.logprobs.filter(|_| model.capabilities.logprobs);
        Self {
            model: call.model.as_str(),
            messages: messages(&call.turns),
            stream: true,
            options,
            format: format(call.format.as_ref(), model),
            tools: tools(call),
            think: params.reasoning_effort.map(Effort::as_str),
            logprobs: logprobs.map(|_| true),
            top_logprobs: logprobs.filter(|most| *most > 0),
        }
    }
}

/// The tools. Ollama knows no choice: `none` is to send none, and a choice that forces a call was
/// refused before.
fn tools(call: &Call) -> Vec<Value> {
    let tool = |tool: &Tool| {
        let (name, description) = (&tool.name, &tool.description);
        json!({"type": "function",
            "function": {"name": name, "description": description, "parameters": tool.schema}})
    };
    if call.tool_choice == ToolChoice::None {
        return vec![];
    }
    call.tools.iter().map(tool).collect()
}

/// The messages of all turns; results of tools are a message each and go by the tool's name.
fn messages(turns: &[Turn]) -> Vec<Message<'_>> {
    let mut messages = Vec::with_capacity(turns.len());
    for turn in turns {
        let results = turn.parts.iter().filter_map(|part| match part {
            Part::ToolResult(found) => Some(result(found, turns)),
            Part::Text(_) | Part::Image(_) | Part::ToolCall(_) => None,
        });
        messages.extend(results);
        if turn.role != Role::Tool {
            messages.push(message(turn));
        }
    }
    messages
}

fn message(turn: &Turn) -> Message<'_> {
    let mut message = Message {
        role: turn.role.as_str(),
        content: text_of(turn),
        images: vec![],
        tool_calls: vec![],
        tool_name: None,
    };
    for part in &turn.parts {
        match part {
            Part::Image(image) => message.images.push(base64_of(image)),
            Part::ToolCall(call) => message.tool_calls.push(tool_call(call)),
            Part::Text(_) | Part::ToolResult(_) => {}
        }
    }
    message
}

/// A call; its arguments are an object here, and an empty one if the model wrote no JSON.
fn tool_call(call: &ToolCall) -> Value {
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    json!({"function": {"name": call.name, "arguments": arguments}})
}

fn result<'a>(result: &'a ToolResult, turns: &'a [Turn]) -> Message<'a> {
    let mut parts = turns.iter().flat_map(|turn| &turn.parts);
    let name = parts.find_map(|part| match part {
        Part::ToolCall(call) if call.id == result.id => Some(call.name.as_str()),
        _ => None,
    });
    Message {
        role: "tool",
        content: Cow::Borrowed(&result.content),
        images: vec![],
        tool_calls: vec![],
        tool_name: name,
    }
}

/// The format, for a model that can be held to one; see the other wire for why.
fn format(format: Option<&Format>, model: &Model) -> Option<Value> {
    if !model.capabilities.json {
        return None;
    }
    Some(match format? {
        Format::Json => json!("json"),
        Format::Schema { schema, .. } => schema.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::{call_of, tool as find};
    use crate::call::{Image, Params};
    use crate::config::for_testing::model;

    fn call(format: Option<Format>) -> Call {
        let mut call = call_of("Hi");
        call.params = Params {
            temperature: Some(0.0),
            ..Params::default()
        };
        call.format = format;
        call
    }

    #[test]
    fn cap_and_window_are_always_sent() {
        let call = call(None);
        let body = serde_json::to_value(ChatRequest::new(&call, &model("m"))).unwrap();
        let expected = json!({"model": "m", "stream": true,
            "messages": [{"role": "user", "content": "Hi"}],
            "options": {"num_predict": 1024, "num_ctx": 8192, "temperature": 0.0}});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_schema_is_sent_as_it_is() {
        let mut able = model("m");
        able.capabilities.json = true;
        let schema = json!({"type": "object"});
        let call = call(Some(Format::Schema {
            name: "answer".into(),
            schema: schema.clone(),
            strict: true,
        }));
        let body = serde_json::to_value(ChatRequest::new(&call, &able)).unwrap();
        assert_eq!(body["format"], schema);
    }

    #[test]
    fn pictures_tools_and_calls_are_sent_as_ollama_wants_them() {
        let mut call = call(None);
        call.tools = vec![find("find")];
        call.turns[0].parts.push(Part::Image(Image {
            media_type: "image/png".into(),
            data: bytes::Bytes::from_static(&[1, 2, 3]),
        }));
        let asked = ToolCall {
            id: "call-0".into(),
            name: "find".into(),
            arguments: r#"{"a":1}"#.into(),
        };
        let found = ToolResult {
            id: "call-0".into(),
            content: "found".into(),
            is_error: false,
        };
        call.turns.push(Turn {
            role: Role::Assistant,
            parts: vec![Part::ToolCall(asked)],
        });
        call.turns.push(Turn {
            role: Role::Tool,
            parts: vec![Part::ToolResult(found)],
        });
        let body = serde_json::to_value(ChatRequest::new(&call, &model("m"))).unwrap();
        assert_eq!(body["tools"][0]["function"]["name"], "find");
        let expected = json!([
            {"role": "user", "content": "Hi", "images": ["AQID"]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "find", "arguments": {"a": 1}}}]},
            {"role": "tool", "content": "found", "tool_name": "find"}]);
        assert_eq!(body["messages"], expected);
    }
}
