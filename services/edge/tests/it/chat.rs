//! Chat completions as a whole.

use serde_json::json;

use crate::fake::{Answer, answer, calls};
use crate::world::{World, question};

const PATH: &str = "/v1/chat/completions";

#[tokio::test]
async fn an_answer_has_openais_shape_and_terraces_account() {
    let world = World::answering(vec![Answer::Says(Box::new(answer("Paris.")))]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    let id = "0190a0a0-0000-7000-8000-000000000001";
    assert_eq!(body["id"], format!("chatcmpl-{id}"));
    assert_eq!(
        (&body["object"], &body["model"]),
        (&json!("chat.completion"), &json!("small"))
    );
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["content"], "Paris.");
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(body["usage"]["prompt_tokens"], 12);
    assert_eq!(body["usage"]["total_tokens"], 15);
    let terrace = &body["terrace"];
    assert_eq!(
        (&terrace["tier"], &terrace["score"]),
        (&json!("local_fast"), &json!(0.9))
    );
    assert_eq!(terrace["cost_nano_usd"], 2_000);
    assert_eq!(terrace["savings_nano_usd"], 3_000);
    assert_eq!(terrace["attempts"][0]["outcome"], "accepted");
    for (name, value) in [
        ("x-request-id", id),
        ("x-terrace-request-id", id),
        ("x-terrace-tier", "local_fast"),
        ("x-terrace-model", "small"),
        ("x-terrace-score", "0.9"),
        ("x-terrace-passed", "true"),
        ("x-terrace-cost-usd", "0.000002"),
        ("x-terrace-attempts", "1"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn what_the_caller_wishes_arrives_with_the_key() {
    let world = World::answering(Vec::new()).await;
    let headers = [
        ("authorization", "Bearer tk_secret"),
        ("x-terrace-action", "edit_file"),
        ("x-terrace-quality-threshold", "0.8"),
        ("x-terrace-session-id", "s1"),
    ];
    let body = question(json!({
        "model": "gpt-4o",
        "metadata": {"team": "search"},
        "terrace": {"max_cost_usd": "0.05", "allowed_tiers": ["local_fast"]},
    }));
    let reply = world.post(PATH, &headers, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = world.fake.asked().remove(0);
    assert_eq!(asked.key.as_deref(), Some("Bearer tk_secret"));
    let request = asked.request;
    assert_eq!(
        (&*request.action, &*request.session_id),
        ("edit_file", "s1")
    );
    assert_eq!(request.tags["team"], "search");
    let policy = request.policy.unwrap();
    assert_eq!(policy.quality_threshold, Some(0.8));
    assert_eq!(policy.max_cost_nano_usd, Some(50_000_000));
    assert_eq!(policy.allowed_tiers, ["local_fast"]);
    assert!(policy.tier.is_empty() && policy.model.is_empty());
}

#[tokio::test]
async fn a_model_is_a_tier_a_model_or_an_alias() {
    let world = World::answering(Vec::new()).await;
    for model in ["terrace/local_fast", "org/big", "gpt-4o"] {
        let reply = world
            .post(PATH, &[], &question(json!({"model": model})))
            .await;
        assert_eq!(reply.status, 200, "{model}");
    }
    let policies: Vec<_> = world
        .fake
        .asked()
        .into_iter()
        .map(|asked| asked.request.policy)
        .collect();
    assert_eq!(policies[0].as_ref().unwrap().tier, "local_fast");
    assert_eq!(policies[1].as_ref().unwrap().model, "org/big");
    assert_eq!(policies[2], None);
}

#[tokio::test]
async fn calls_of_tools_come_back_as_openai_has_them() {
    let both = || Answer::Says(Box::new(calls(&["weather", "time"])));
    let world = World::answering(vec![both(), both()]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await.json();
    let message = &reply["choices"][0]["message"];
    assert_eq!(message["content"], serde_json::Value::Null);
    assert_eq!(message["tool_calls"].as_array().unwrap().len(), 2);
    assert_eq!(message["tool_calls"][0]["function"]["name"], "weather");
    assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
    let one = question(json!({"parallel_tool_calls": false}));
    let reply = world.post(PATH, &[], &one).await.json();
    let calls = &reply["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call() {
    use tokio::io::AsyncWriteExt as _;
    let world = World::answering(vec![Answer::Hangs]).await;
    let headers = [("content-type", "application/json")];
    let body = question(json!({})).to_string();
    let bytes = crate::http::request("POST", PATH, &headers, body.as_bytes());
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    world
        .fake
        .waiting
        .subscribe()
        .wait_for(|waiting| *waiting)
        .await
        .unwrap();
    drop(stream);
    world
        .fake
        .left
        .subscribe()
        .wait_for(|left| *left)
        .await
        .unwrap();
}
