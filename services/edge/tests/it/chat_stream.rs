//! Chat completions as a stream.

use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::ToolCallDelta;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{Answer, answer, opening, told};
use crate::http::request;
use crate::world::{World, question};

const PATH: &str = "/v1/chat/completions";

fn streamed(more: Value) -> Value {
    let mut body = question(more);
    body["stream"] = json!(true);
    body
}

fn text(events: &[Value]) -> String {
    let deltas = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["content"]);
    deltas.filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_stream_is_chunks_and_the_last_one_has_the_account() {
    let world = World::answering(vec![told(&["Par", "is."], answer("Paris."))]).await;
    let reply = world.post(PATH, &[], &streamed(json!({}))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("x-terrace-tier"), Some("local_fast"));
    assert!(reply.header("x-request-id").is_some());
    let events = reply.events();
    assert_eq!(text(&events), "Paris.");
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    let ids: Vec<&Value> = events.iter().map(|event| &event["id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]) && events[0]["model"] == "small");
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["terrace"]["tier"], "local_fast");
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn usage_comes_last_where_it_is_asked_for() {
    let world = World::answering(vec![told(&["x"], answer("x"))]).await;
    let body = streamed(json!({"stream_options": {"include_usage": true}}));
    let events = world.post(PATH, &[], &body).await.events();
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 3);
    assert_eq!(last["terrace"]["cost_nano_usd"], 2_000);
}

#[tokio::test]
async fn a_stream_is_held_back_unless_config_or_request_say_otherwise() {
    let world = World::answering(Vec::new()).await;
    world.post(PATH, &[], &streamed(json!({}))).await;
    let prefix = [("x-terrace-commit-mode", "prefix")];
    world.post(PATH, &prefix, &streamed(json!({}))).await;
    let modes: Vec<i32> = world
        .fake
        .asked()
        .iter()
        .map(|asked| asked.commit_mode)
        .collect();
    let (held, prefix) = (wire::CommitMode::HoldBack, wire::CommitMode::Prefix);
    assert_eq!(modes, [held as i32, prefix as i32]);
    let provisional = [("x-terrace-commit-mode", "provisional")];
    let refused = world.post(PATH, &provisional, &streamed(json!({}))).await;
    assert_eq!(refused.status, 400);
    let world = World::with("edge: {commit_mode: prefix}", Vec::new()).await;
    world.post(PATH, &[], &streamed(json!({}))).await;
    assert_eq!(world.fake.asked()[0].commit_mode, prefix as i32);
}

#[tokio::test]
async fn an_error_before_anything_left_has_a_status_of_its_own() {
    let failure = Failure::new(Reason::AllAttemptsFailed, "every model failed");
    let failed = Answer::Events(opening(), Some(failure));
    let world = World::answering(vec![failed]).await;
    let reply = world.post(PATH, &[], &streamed(json!({}))).await;
    assert_eq!(reply.status, 502);
    assert_eq!(reply.json()["error"]["code"], "all_attempts_failed");
}

#[tokio::test]
async fn an_error_after_that_is_an_event_and_no_clean_end() {
    let mut events = opening();
    events.push(Event::Chunk(wire::AnswerChunk {
        text: "Par".to_owned(),
        ..wire::AnswerChunk::default()
    }));
    let failure = Failure::new(Reason::Truncated, "the backend broke off");
    let world = World::answering(vec![Answer::Events(events, Some(failure))]).await;
    let reply = world.post(PATH, &[], &streamed(json!({}))).await;
    assert_eq!(reply.status, 200);
    let last = reply.events().pop().unwrap();
    assert_eq!(last["error"]["code"], "truncated");
    assert!(!reply.text().contains("[DONE]"));
}

#[tokio::test]
async fn calls_of_tools_are_pieces_by_index() {
    let piece = |id: &str, arguments: &str| {
        Event::Chunk(wire::AnswerChunk {
            tool_call: Some(ToolCallDelta {
                id: id.to_owned(),
                name: if id.is_empty() { "" } else { "weather" }.to_owned(),
                arguments_json: arguments.to_owned(),
                ..ToolCallDelta::default()
            }),
            ..wire::AnswerChunk::default()
        })
    };
    let mut events = opening();
    events.extend([piece("c1", "{\"city\":"), piece("", "\"Paris\"}")]);
    events.push(Event::Completed(crate::fake::calls(&["weather"])));
    let world = World::answering(vec![Answer::Events(events, None)]).await;
    let events = world.post(PATH, &[], &streamed(json!({}))).await.events();
    let calls: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| !call.is_null())
        .collect();
    assert_eq!(calls[0]["id"], "c1");
    let arguments: String = calls
        .iter()
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, r#"{"city":"Paris"}"#);
    assert_eq!(
        events.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[tokio::test]
async fn a_silent_stream_gets_its_headers_and_is_kept_open_until_its_reader_leaves() {
    let soon = "edge: {status_patience: 0s, keep_alive: 100ms}";
    let world = World::with(soon, vec![Answer::Hangs]).await;
    let headers = [("content-type", "application/json")];
    let body = streamed(json!({})).to_string();
    let bytes = request("POST", PATH, &headers, body.as_bytes());
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut seen = String::new();
    while seen.matches(": waiting").count() < 2 {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "{seen}");
        seen += &String::from_utf8_lossy(&piece[..read]);
    }
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    drop(stream);
    world
        .fake
        .left
        .subscribe()
        .wait_for(|left| *left)
        .await
        .unwrap();
}
