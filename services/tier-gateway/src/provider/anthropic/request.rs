//! A call as the body of `POST /messages`.
//!
//! `max_tokens` has to be sent; system turns stand apart from the others; the results of tools are
//! content of the user.

use serde::Serialize;
use serde_json::{Value, json};
use terrace_config::Model;

use super::super::content::base64_of;
use crate::call::{Call, Effort, Format, Part, Role, Tool, ToolChoice, Turn};
use crate::error::Fault;

/// The tool whose input is the answer, where a schema is to be kept.
pub(super) const ANSWER_TOOL: &str = "terrace_answer";

/// The least that a model may be told to think, by Anthropic's documents.
const MIN_THINKING: u32 = 1024;

/// The body.
#[derive(Serialize)]
pub(super) struct MessagesRequest<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
}

impl<'a> MessagesRequest<'a> {
    /// Writes a call.
    pub(super) fn new(call: &'a Call, model: &Model) -> Result<Self, Fault> {
        let params = &call.params;
        let cap = params.max_output_tokens.unwrap_or(model.max_output_tokens);
        let schema = enforced_schema(call, model)?;
        let thinking = params
            .reasoning_effort
            .and_then(|effort| budget(effort, cap));
        // A model that thinks cannot be made to call a tool.
        let thinking = thinking.filter(|_| schema.is_none());
        let (tools, tool_choice) = match schema {
            Some(schema) => (vec![answer_tool(schema)], Some(named(ANSWER_TOOL))),
            None => (call.tools.iter().map(tool).collect(), tool_choice(call)),
        };
        let others = call.turns.iter().filter(|turn| turn.role != Role::System);
        Ok(Self {
            model: call.model.as_str(),
            max_tokens: cap,
            stream: true,
            system: system(&call.turns),
            messages: others.map(message).collect(),
            // Thinking goes with the default temperature alone.
            temperature: params.temperature.filter(|_| thinking.is_none()),
            top_p: params.top_p,
            top_k: params.top_k.filter(|_| thinking.is_none()),
            stop_sequences: &params.stop,
            tools,
            tool_choice,
            thinking: thinking.map(|most| json!({"type": "enabled", "budget_tokens": most})),
        })
    }

    /// Whether the answer comes as the input of a tool.
    pub(super) fn answers_by_tool(&self) -> bool {
        self.tools.iter().any(|tool| tool["name"] == ANSWER_TOOL)
    }
}

/// The schema to enforce: one of an object, for a model that can, and not beside other tools.
fn enforced_schema<'a>(call: &'a Call, model: &Model) -> Result<Option<&'a Value>, Fault> {
    let Some(Format::Schema { schema, strict, .. }) = &call.format else {
        return Ok(None);
    };
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    let can = model.capabilities.json && is_object && call.tools.is_empty();
    match (can, strict) {
        (true, _) => Ok(Some(schema)),
        (false, false) => Ok(None),
        (false, true) => Err(Fault::CapabilityMissing {
            what: "a strict JSON Schema of anything but an object, or one beside tools",
        }),
    }
}

/// How much a model may think of `cap` tokens; `None` when that leaves too little.
fn budget(effort: Effort, cap: u32) -> Option<u32> {
    let wanted = match effort {
        Effort::Low => MIN_THINKING,
        Effort::Medium => 4 * MIN_THINKING,
        Effort::High => 16 * MIN_THINKING,
    };
    Some(wanted.min(cap / 2)).filter(|budget| *budget >= MIN_THINKING)
}

fn system(turns: &[Turn]) -> String {
    let turns = turns.iter().filter(|turn| turn.role == Role::System);
    let texts: Vec<String> = turns.map(Turn::text).collect();
    texts.join("\n\n")
}

fn message(turn: &Turn) -> Value {
    let role = match turn.role {
        Role::Assistant => "assistant",
        Role::User | Role::Tool | Role::System => "user",
    };
    let content = match turn.parts.as_slice() {
        [Part::Text(text)] => json!(text),
        // An empty text between others is refused there.
        parts => parts
            .iter()
            .filter(|part| !is_empty(part))
            .map(block)
            .collect(),
    };
    json!({"role": role, "content": content})
}

fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.is_empty())
}

fn block(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image(image) => json!({"type": "image", "source": {"type": "base64",
            "media_type": image.media_type, "data": base64_of(image)}}),
        Part::ToolCall(call) => {
            let input: Option<Value> = serde_json::from_str(&call.arguments).ok();
            let input = input.filter(Value::is_object).unwrap_or_else(|| json!({}));
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
        }
        Part::ToolResult(result) => json!({"type": "tool_result", "tool_use_id": result.id,
            "content": result.content, "is_error": result.is_error}),
    }
}

fn tool(tool: &Tool) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema})
}

fn answer_tool(schema: &Value) -> Value {
    json!({"name": ANSWER_TOOL, "description": "Gives the answer.", "input_schema": schema})
}

fn named(name: &str) -> Value {
    json!({"type": "tool", "name": name})
}

fn tool_choice(call: &Call) -> Option<Value> {
    let choice = match &call.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Named(name) => named(name),
    };
    (!call.tools.is_empty()).then_some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::{call_of, tool as find, turn};
    use crate::call::{Image, ToolCall, ToolResult};
    use crate::config::for_testing::model;

    fn body(call: &Call, model: &Model) -> Value {
        serde_json::to_value(MessagesRequest::new(call, model).unwrap()).unwrap()
    }

    #[test]
    fn system_turns_stand_apart_and_the_cap_is_always_sent() {
        let mut call = call_of("Hi");
        call.turns.insert(0, turn(Role::System, "Be brief."));
        call.params.stop = vec!["END".into()];
        let expected = json!({"model": "m", "max_tokens": 1024, "stream": true,
            "system": "Be brief.", "stop_sequences": ["END"],
            "messages": [{"role": "user", "content": "Hi"}]});
        assert_eq!(body(&call, &model("m")), expected);
    }

    #[test]
    fn pictures_calls_and_results_are_blocks() {
        let mut call = call_of("Look");
        call.turns[0].parts.push(Part::Image(Image {
            media_type: "image/png".into(),
            data: bytes::Bytes::from_static(&[1, 2, 3]),
        }));
        call.turns.push(Turn {
            role: Role::Assistant,
            parts: vec![Part::ToolCall(ToolCall {
                id: "t1".into(),
                name: "find".into(),
                arguments: r#"{"a":1}"#.into(),
            })],
        });
        call.turns.push(Turn {
            role: Role::Tool,
            parts: vec![Part::ToolResult(ToolResult {
                id: "t1".into(),
                content: "gone".into(),
                is_error: true,
            })],
        });
        call.tools = vec![find("find")];
        call.tool_choice = ToolChoice::Required;
        let body = body(&call, &model("m"));
        assert_eq!(body["messages"][0]["content"][1]["source"]["data"], "AQID");
        let used = json!({"type": "tool_use", "id": "t1", "name": "find", "input": {"a": 1}});
        assert_eq!(body["messages"][1]["content"][0], used);
        let result = &body["messages"][2];
        assert_eq!(result["role"], "user");
        assert_eq!(result["content"][0]["is_error"], true);
        assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
        assert_eq!(body["tool_choice"], json!({"type": "any"}));
    }

    #[test]
    fn a_schema_becomes_a_tool_that_has_to_be_called() {
        let mut able = model("m");
        able.capabilities.json = true;
        let mut call = call_of("Hi");
        let schema = json!({"type": "object"});
        call.format = Some(Format::Schema {
            name: "answer".into(),
            schema,
            strict: true,
        });
        let sent = body(&call, &able);
        assert_eq!(sent["tool_choice"]["name"], ANSWER_TOOL);
        call.tools = vec![find("find")];
        let refused = MessagesRequest::new(&call, &able);
        assert!(matches!(refused, Err(Fault::CapabilityMissing { .. })));
    }

    #[test]
    fn thinking_takes_at_most_half_of_the_cap_and_no_temperature() {
        let mut call = call_of("Hi");
        call.params.reasoning_effort = Some(Effort::High);
        call.params.max_output_tokens = Some(8192);
        call.params.temperature = Some(0.5);
        let sent = body(&call, &model("m"));
        assert_eq!(sent["thinking"]["budget_tokens"], 4096);
        assert_eq!(sent.get("temperature"), None);
        call.params.max_output_tokens = Some(1024);
        assert_eq!(body(&call, &model("m")).get("thinking"), None);
    }
}
