use super::*;
use http::HeaderMap;
use terrace_proto::common::v1::{Role, ToolCallDelta, response_format};

use crate::config::Settings;
use crate::stream::{Lines, Narrator as _, Seen};

fn asked(body: Value) -> Result<Asked, Refusal> {
    let yaml = "tiers: {local_fast: {models: [{name: small, backend: ollama}]}}";
    let config = terrace_config::parse(yaml, "a.yaml", []).unwrap().config;
    let creation: Creation = serde_json::from_value(body).unwrap();
    creation.asked(&HeaderMap::new(), &Settings::from_config(&config, None))
}

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({"model": "terrace/auto", "input": "hi"});
    body[field] = value;
    body
}

#[test]
fn items_become_the_turns_of_a_conversation() {
    let body = json!({
        "model": "terrace/auto",
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk="}]},
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "I do", "annotations": []}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
            {"type": "function_call_output", "call_id": "c2", "output": [
                {"type": "input_text", "text": "2"}]},
        ],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    });
    let request = asked(body).unwrap().wishes.request;
    let roles: Vec<Role> = request
        .messages
        .iter()
        .map(|message| message.role())
        .collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::Tool]
    );
    assert_eq!(request.messages[2].parts.len(), 3);
    assert_eq!(request.messages[3].parts.len(), 2);
    assert_eq!(request.tools[0].name, "f");
    let format = request.response_format.unwrap().kind.unwrap();
    assert!(matches!(format, response_format::Kind::JsonSchema(schema) if schema.strict));
}

#[test]
fn what_refers_to_something_stored_is_refused_by_name() {
    for (field, value, named) in [
        (
            "previous_response_id",
            json!("resp_1"),
            "previous_response_id",
        ),
        ("conversation", json!("c"), "conversation"),
        ("background", json!(true), "background"),
        ("include", json!(["file_search_call.results"]), "include[0]"),
        (
            "input",
            json!([{"type": "item_reference", "id": "x"}]),
            "input[0].type",
        ),
        ("tools", json!([{"type": "web_search"}]), "tools[0].type"),
    ] {
        let refusal = asked(with(field, value)).unwrap_err();
        assert_eq!(refusal.failure.fields[0].field, named);
    }
}

#[test]
fn events_are_numbered_and_the_last_one_holds_everything() {
    let mut items = Items::new(asked(with("stream", json!(true))).unwrap());
    let mut lines = Lines::default();
    items.begin(&Seen::default(), &mut lines);
    items.chunk(
        wire::AnswerChunk {
            text: "Paris".to_owned(),
            ..wire::AnswerChunk::default()
        },
        &mut lines,
    );
    for (id, arguments) in [("c1", "{"), ("", "}")] {
        let piece = ToolCallDelta {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments_json: arguments.to_owned(),
            ..ToolCallDelta::default()
        };
        items.chunk(
            wire::AnswerChunk {
                tool_call: Some(piece),
                ..wire::AnswerChunk::default()
            },
            &mut lines,
        );
    }
    items.end(&wire::RouteResponse::default(), &mut lines);
    let told = lines.told();
    let kinds: Vec<&str> = told
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expected);
    let numbers: Vec<u64> = told
        .iter()
        .filter_map(|event| event["sequence_number"].as_u64())
        .collect();
    assert!(numbers.iter().copied().eq(0..14));
    let response = &told[13]["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "Paris");
    assert_eq!(response["output"][1]["arguments"], "{}");
    assert!(response["terrace"].is_object());
}
