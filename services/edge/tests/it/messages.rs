//! Anthropic's messages: whole, as a stream, counted, refused.

use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};

use crate::fake::{Answer, answer, calls, opening, told};
use crate::world::World;

const PATH: &str = "/v1/messages";
const KEY: (&str, &str) = ("x-api-key", "tk_1");

fn question(more: Value) -> Value {
    let mut body = json!({
        "model": "terrace/auto",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Name the capital of France."}],
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_answer_has_anthropics_shape_and_terraces_account() {
    let world = World::answering(vec![Answer::Says(Box::new(answer("Paris.")))]).await;
    let reply = world.post(PATH, &[KEY], &question(json!({}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert_eq!(
        (&body["type"], &body["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(body["content"], json!([{"type": "text", "text": "Paris."}]));
    assert_eq!(body["stop_reason"], "end_turn");
    // Of twelve input tokens two came from a cache.
    assert_eq!(body["usage"]["input_tokens"], 10);
    assert_eq!(body["usage"]["cache_read_input_tokens"], 2);
    assert_eq!(body["terrace"]["tier"], "local_fast");
    assert_eq!(reply.header("request-id"), Some(&*answer("").request_id));
    let asked = world.fake.asked().remove(0);
    assert_eq!(asked.key.as_deref(), Some("Bearer tk_1"));
    assert_eq!(asked.request.params.unwrap().max_output_tokens, Some(100));
}

#[tokio::test]
async fn calls_of_tools_are_blocks_with_an_object() {
    let world = World::answering(vec![Answer::Says(Box::new(calls(&["weather"])))]).await;
    let body = world.post(PATH, &[], &question(json!({}))).await.json();
    let block = &body["content"][0];
    assert_eq!(
        (&block["type"], &block["name"]),
        (&json!("tool_use"), &json!("weather"))
    );
    assert_eq!(block["input"], json!({"city": "Paris"}));
    assert_eq!(body["stop_reason"], "tool_use");
}

#[tokio::test]
async fn a_stream_is_named_events_and_the_last_one_has_the_account() {
    let world = World::answering(vec![told(&["Par", "is."], answer("Paris."))]).await;
    let body = question(json!({"stream": true}));
    let reply = world.post(PATH, &[], &body).await;
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(reply.names(), expected);
    let events = reply.events();
    assert_eq!(events[0]["message"]["model"], "small");
    assert_eq!(events[5]["usage"]["output_tokens"], 3);
    assert_eq!(events[6]["terrace"]["cost_nano_usd"], 2_000);
}

#[tokio::test]
async fn errors_have_anthropics_shape_and_status() {
    let broke = Failure::new(Reason::BudgetExhausted, "the daily budget is spent");
    let world = World::answering(vec![Answer::Fails(broke)]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await;
    assert_eq!(reply.status, 402);
    let body = reply.json();
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "billing_error");
    let reply = world
        .post(PATH, &[], &question(json!({"model": "none"})))
        .await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    let reply = world
        .post(PATH, &[], &question(json!({"max_tokens": null})))
        .await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("max_tokens")
    );
}

#[tokio::test]
async fn an_error_in_a_stream_is_an_event() {
    let mut events = opening();
    events.push(crate::fake::text("Par"));
    let broke = Failure::new(Reason::Truncated, "the backend broke off");
    let world = World::answering(vec![Answer::Events(events, Some(broke))]).await;
    let reply = world
        .post(PATH, &[], &question(json!({"stream": true})))
        .await;
    assert_eq!(reply.names().last().map(String::as_str), Some("error"));
    assert_eq!(reply.events().last().unwrap()["error"]["type"], "api_error");
}

#[tokio::test]
async fn tokens_are_counted_without_a_call_of_a_model() {
    let world = World::answering(Vec::new()).await;
    let mut body = question(json!({"system": "x".repeat(400)}));
    body.as_object_mut().unwrap().remove("max_tokens");
    let reply = world.post("/v1/messages/count_tokens", &[], &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let tokens = reply.json()["input_tokens"].as_u64().unwrap();
    assert!((100..120).contains(&tokens), "{tokens}");
    assert!(world.fake.asked().is_empty());
}
