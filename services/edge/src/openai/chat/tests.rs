use super::*;
use terrace_domain::Reason;
use terrace_proto::common::v1::tool_choice::Mode;
use terrace_proto::common::v1::{Role, ToolCallDelta, response_format};

use crate::config::Settings;
use crate::stream::{Lines, Narrator as _, Seen};
use request::Asked;

fn settings() -> Settings {
    let yaml = "tiers: {local_fast: {models: [{name: small, backend: ollama}]}}";
    let config = terrace_config::parse(yaml, "a.yaml", []).unwrap().config;
    Settings::from_config(&config, None)
}

fn asked(body: Value) -> Result<Asked, Refusal> {
    let completion: Completion = serde_json::from_value(body).unwrap();
    completion.asked(&HeaderMap::new(), &settings())
}

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({
        "model": "terrace/auto",
        "messages": [{"role": "user", "content": "hi"}],
    });
    body[field] = value;
    body
}

fn refused(field: &str, value: Value) -> String {
    let refusal = asked(with(field, value)).unwrap_err();
    assert_eq!(refusal.status(), 400);
    refusal.failure.fields[0].field.clone()
}

#[test]
fn a_conversation_with_tools_and_pictures_is_the_same_on_the_wire() {
    let body = with(
        "messages",
        json!([
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "42"}]},
        ]),
    );
    let messages = asked(body).unwrap().wishes.request.messages;
    let roles: Vec<Role> = messages.iter().map(|message| message.role()).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::Tool]
    );
    let Some(Kind::ToolResult(result)) = &messages[3].parts[0].kind else {
        panic!("{:?}", messages[3])
    };
    assert_eq!((&*result.tool_call_id, &*result.content), ("c1", "42"));
    assert!(matches!(&messages[1].parts[1].kind, Some(Kind::Image(image)) if image.data == b"hi"));
    assert!(
        matches!(&messages[2].parts[..], [part] if matches!(part.kind, Some(Kind::ToolCall(_))))
    );
}

#[test]
fn parameters_format_and_tools_arrive() {
    let body = json!({
        "model": "terrace/local_fast",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "stop": "x", "seed": 3,
        "logprobs": true, "top_logprobs": 2, "reasoning_effort": "low", "user": "u1",
        "response_format": {"type": "json_schema", "json_schema":
            {"name": "n", "strict": true, "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "stream": true, "stream_options": {"include_usage": true}, "parallel_tool_calls": false,
        "store": false, "service_tier": "auto", "a_field_of_tomorrow": 1,
    });
    let mut asked = asked(body).unwrap();
    assert!(asked.streams && asked.include_usage && asked.one_call_at_most);
    let streamed = asked.wishes.streamed(&settings());
    assert_eq!(streamed.commit_mode(), wire::CommitMode::HoldBack);
    let request = streamed.request.unwrap();
    assert_eq!(request.policy.unwrap().tier, "local_fast");
    assert_eq!(request.tags["user"], "u1");
    let params = request.params.unwrap();
    assert_eq!(params.max_output_tokens, Some(7));
    assert_eq!((params.stop, params.seed), (vec!["x".to_owned()], Some(3)));
    let format = request.response_format.unwrap().kind.unwrap();
    let response_format::Kind::JsonSchema(schema) = format else {
        panic!("{format:?}")
    };
    assert_eq!(
        (&*schema.schema_json, schema.strict),
        (r#"{"type":"object"}"#, true)
    );
    assert_eq!(
        request.tools[0].parameters_json_schema,
        r#"{"type":"object"}"#
    );
    let choice = request.tool_choice.unwrap();
    assert_eq!((choice.mode(), &*choice.tool_name), (Mode::Named, "f"));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (field, value) in [
        ("n", json!(2)),
        ("audio", json!({"voice": "x"})),
        ("modalities", json!(["audio"])),
        ("logit_bias", json!({"1": 2})),
        ("functions", json!([])),
        ("web_search_options", json!({})),
        ("model", json!("")),
    ] {
        assert_eq!(refused(field, value), field);
    }
    let remote = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]}]);
    assert_eq!(
        refused("messages", remote),
        "messages[0].content[0].image_url.url"
    );
    let odd = json!([{"role": "critic", "content": "x"}]);
    assert_eq!(refused("messages", odd), "messages[0].role");
    let hosted = json!([{"type": "web_search"}]);
    assert_eq!(refused("tools", hosted), "tools[0].type");
    assert_eq!(refused("tool_choice", json!("perhaps")), "tool_choice");
    assert_eq!(
        refused("response_format", json!({"type": "xml"})),
        "response_format"
    );
}

#[test]
fn a_model_that_does_not_exist_is_not_found() {
    let refusal = asked(with("model", json!("gpt-9"))).unwrap_err();
    assert_eq!(refusal.failure.reason, Reason::NotFound);
    assert_eq!(refusal.status(), 404);
}

fn chunks(include_usage: bool, one_call_at_most: bool) -> Chunks {
    Chunks::new(&Asked {
        include_usage,
        one_call_at_most,
        ..asked(with("stream", json!(true))).unwrap()
    })
}

fn call(index: u32, id: &str, arguments: &str) -> wire::AnswerChunk {
    wire::AnswerChunk {
        tool_call: Some(ToolCallDelta {
            index,
            id: id.to_owned(),
            name: if id.is_empty() { "" } else { "f" }.to_owned(),
            arguments_json: arguments.to_owned(),
        }),
        ..wire::AnswerChunk::default()
    }
}

#[test]
fn the_last_chunk_has_usage_and_account_and_then_it_is_done() {
    let (mut chunks, mut lines) = (chunks(true, false), Lines::default());
    chunks.begin(&Seen::default(), &mut lines);
    let text = wire::AnswerChunk {
        text: "line\nbreak".to_owned(),
        ..wire::AnswerChunk::default()
    };
    chunks.chunk(text, &mut lines);
    chunks.end(&wire::RouteResponse::default(), &mut lines);
    let told = lines.told();
    assert_eq!(told.len(), 4);
    assert_eq!(told[1]["choices"][0]["delta"]["content"], "line\nbreak");
    assert_eq!(told[1]["usage"], Value::Null);
    assert_eq!(told[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(told[3]["choices"], json!([]));
    assert_eq!(told[3]["usage"]["total_tokens"], 0);
    assert!(told[3]["terrace"].is_object() && told[2].get("terrace").is_none());
    assert!(lines.text().ends_with("data: [DONE]\n\n"));
}

#[test]
fn calls_of_tools_come_in_pieces_and_one_alone_where_only_one_is_wanted() {
    for (one_at_most, expected) in [(false, 3), (true, 2)] {
        let (mut chunks, mut lines) = (chunks(false, one_at_most), Lines::default());
        for chunk in [call(0, "c1", "{"), call(0, "", "}"), call(1, "c2", "{}")] {
            chunks.chunk(chunk, &mut lines);
        }
        let told = lines.told();
        assert_eq!(told.len(), expected);
        let pieces: Vec<&Value> = told
            .iter()
            .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0])
            .collect();
        assert_eq!(pieces[0]["function"]["name"], "f");
        assert!(pieces[1].get("id").is_none());
    }
}
