//! OpenAI's responses: whole, as a stream, refused.

use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::FinishReason;

use crate::fake::{Answer, answer, calls, opening, text, told};
use crate::world::World;

const PATH: &str = "/v1/responses";

fn question(more: Value) -> Value {
    let mut body = json!({"model": "terrace/auto", "input": "Name the capital of France."});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_response_has_its_output_usage_and_account() {
    let world = World::answering(vec![Answer::Says(Box::new(answer("Paris.")))]).await;
    let reply = world
        .post(PATH, &[], &question(json!({"instructions": "be brief"})))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert_eq!(
        (&body["object"], &body["status"]),
        (&json!("response"), &json!("completed"))
    );
    assert_eq!(body["output"][0]["content"][0]["text"], "Paris.");
    assert_eq!(body["instructions"], "be brief");
    assert_eq!(body["usage"]["total_tokens"], 15);
    assert_eq!(body["terrace"]["score"], 0.9);
}

#[tokio::test]
async fn calls_of_tools_and_cut_answers_say_so() {
    let mut cut = answer("Par");
    cut.finish_reason = FinishReason::Length.into();
    let answers = [calls(&["weather"]), cut].map(|answer| Answer::Says(Box::new(answer)));
    let world = World::answering(answers.to_vec()).await;
    let body = world.post(PATH, &[], &question(json!({}))).await.json();
    let call = &body["output"][0];
    assert_eq!(
        (&call["type"], &call["call_id"]),
        (&json!("function_call"), &json!("call_0"))
    );
    let body = world.post(PATH, &[], &question(json!({}))).await.json();
    assert_eq!(body["status"], "incomplete");
    assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test]
async fn a_stream_ends_with_the_whole_response_or_with_its_failure() {
    let mut broken = opening();
    broken.push(text("Par"));
    let failure = Failure::new(Reason::Truncated, "the backend broke off");
    let answers = vec![
        told(&["Par", "is."], answer("Paris.")),
        Answer::Events(broken, Some(failure)),
    ];
    let world = World::answering(answers).await;
    let body = question(json!({"stream": true}));
    let reply = world.post(PATH, &[], &body).await;
    assert_eq!(
        reply.names().first().map(String::as_str),
        Some("response.created")
    );
    let last = reply.events().pop().unwrap();
    assert_eq!(last["type"], "response.completed");
    let response = &last["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "Paris.");
    assert_eq!(response["terrace"]["tier"], "local_fast");
    let last = world.post(PATH, &[], &body).await.events().pop().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"]["code"], "truncated");
}
