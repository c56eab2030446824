use super::*;
use http::HeaderMap;
use terrace_proto::common::v1::{Role, ToolCallDelta, tool_choice::Mode};

use crate::config::Settings;
use crate::stream::{Lines, Narrator as _, Seen};
use request::Asked;

fn settings() -> Settings {
    let yaml = "tiers: {local_fast: {models: [{name: small, backend: ollama}]}}";
    let config = terrace_config::parse(yaml, "a.yaml", []).unwrap().config;
    Settings::from_config(&config, None)
}

fn asked(body: Value) -> Result<Asked, Refusal> {
    let creation: Creation = serde_json::from_value(body).unwrap();
    creation.asked(&HeaderMap::new(), &settings())
}

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({
        "model": "terrace/auto",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "hi"}],
    });
    body[field] = value;
    body
}

#[test]
fn results_of_tools_become_a_message_of_their_own_before_the_rest() {
    let body = with(
        "messages",
        json!([
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "x"},
                {"type": "text", "text": "I look"},
                {"type": "tool_use", "id": "t1", "name": "w", "input": {"city": "Paris"}},
            ]},
            {"role": "user", "content": [
                {"type": "text", "text": "and be quick"},
                {"type": "tool_result", "tool_use_id": "t1", "is_error": true,
                 "content": [{"type": "text", "text": "no"}]},
                {"type": "image", "source":
                    {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            ]},
        ]),
    );
    let mut body = body;
    body["system"] =
        json!([{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]);
    let messages = asked(body).unwrap().wishes.request.messages;
    let roles: Vec<Role> = messages.iter().map(|message| message.role()).collect();
    let expected = [
        Role::System,
        Role::User,
        Role::Assistant,
        Role::Tool,
        Role::User,
    ];
    assert_eq!(roles, expected);
    assert_eq!(messages[2].parts.len(), 2);
    let Some(Kind::ToolResult(result)) = &messages[3].parts[0].kind else {
        panic!("{:?}", messages[3])
    };
    assert_eq!((&*result.content, result.is_error), ("no", true));
    assert_eq!(messages[4].parts.len(), 2);
}

#[test]
fn parameters_tools_and_thinking_arrive() {
    let body = json!({
        "model": "terrace/local_fast", "max_tokens": 9, "top_k": 4, "stop_sequences": ["x"],
        "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"user_id": "u"}, "thinking": {"type": "enabled", "budget_tokens": 5000},
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "output_format": {"type": "json_schema", "schema": {"type": "object"}},
    });
    let asked = asked(body).unwrap();
    assert!(asked.one_call_at_most && !asked.streams);
    let request = asked.wishes.request;
    assert_eq!(request.tags["user_id"], "u");
    assert_eq!(request.tool_choice.unwrap().mode(), Mode::Required);
    assert_eq!(
        request.tools[0].parameters_json_schema,
        r#"{"type":"object"}"#
    );
    assert!(request.response_format.is_some());
    let params = request.params.unwrap();
    assert_eq!((params.max_output_tokens, params.top_k), (Some(9), Some(4)));
    assert_eq!(params.reasoning_effort.as_deref(), Some("medium"));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let turn = |block: Value| json!([{"role": "user", "content": [block]}]);
    for (field, value, named) in [
        ("max_tokens", Value::Null, "max_tokens"),
        ("mcp_servers", json!([{"url": "x"}]), "mcp_servers"),
        (
            "tools",
            json!([{"type": "bash_20250124", "name": "bash"}]),
            "tools[0].type",
        ),
        (
            "tool_choice",
            json!({"type": "perhaps"}),
            "tool_choice.type",
        ),
        ("thinking", json!({"type": "deep"}), "thinking.type"),
        (
            "messages",
            json!([{"role": "system", "content": "x"}]),
            "messages[0].role",
        ),
        (
            "messages",
            turn(json!({"type": "document"})),
            "messages[0].content[0].type",
        ),
        (
            "messages",
            turn(json!({"type": "image", "source": {"type": "url", "url": "http://x"}})),
            "messages[0].content[0].source",
        ),
    ] {
        let refusal = asked(with(field, value)).unwrap_err();
        assert_eq!(refusal.failure.fields[0].field, named);
    }
}

#[test]
fn arguments_that_are_no_object_are_kept_and_told_apart() {
    assert_eq!(input(r#"{"a": 1}"#), json!({"a": 1}));
    assert_eq!(input(""), json!({}));
    assert_eq!(input("{oops"), json!({"_not_an_object": "{oops"}));
}

#[test]
fn blocks_begin_grow_and_end_in_order() {
    let mut blocks = Blocks::new(&asked(with("stream", json!(true))).unwrap());
    let mut lines = Lines::default();
    blocks.begin(&Seen::default(), &mut lines);
    let text = |text: &str| wire::AnswerChunk {
        text: text.to_owned(),
        ..wire::AnswerChunk::default()
    };
    let call = |id: &str, arguments: &str| wire::AnswerChunk {
        tool_call: Some(ToolCallDelta {
            id: id.to_owned(),
            arguments_json: arguments.to_owned(),
            ..ToolCallDelta::default()
        }),
        ..wire::AnswerChunk::default()
    };
    for chunk in [text("a"), text("b"), call("t1", "{"), call("", "}")] {
        blocks.chunk(chunk, &mut lines);
    }
    blocks.end(&wire::RouteResponse::default(), &mut lines);
    let told = lines.told();
    let kinds: Vec<&str> = told
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(told[5]["content_block"]["id"], "t1");
    assert_eq!(
        (&told[2]["index"], &told[6]["index"]),
        (&json!(0), &json!(1))
    );
    assert!(told[10]["terrace"].is_object());
}
