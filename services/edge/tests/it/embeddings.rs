//! Texts into vectors.

use serde_json::json;

use crate::world::World;

const PATH: &str = "/v1/embeddings";

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_with_their_cost() {
    let world = World::answering(Vec::new()).await;
    let body = json!({"model": "terrace/local_fast", "input": ["a", "bbb"]});
    let reply = world.post(PATH, &[], &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let list = reply.json();
    assert_eq!(list["data"][0]["embedding"], json!([1.0, 0.5]));
    assert_eq!(list["data"][1]["embedding"], json!([3.0, 0.5]));
    assert_eq!(
        (&list["model"], &list["usage"]["prompt_tokens"]),
        (&json!("vectors"), &json!(4))
    );
    assert_eq!(reply.header("x-terrace-cost-nano-usd"), Some("7"));
    let asked = world.fake.embedded().remove(0);
    assert_eq!((&*asked.tier, &*asked.model), ("local_fast", ""));
}

#[tokio::test]
async fn one_text_and_base64_are_what_the_sdk_sends() {
    let world = World::answering(Vec::new()).await;
    let body = json!({"model": "org/big", "input": "a", "encoding_format": "base64"});
    let list = world.post(PATH, &[], &body).await.json();
    assert_eq!(list["data"][0]["embedding"], "AACAPwAAAD8=");
    assert_eq!(world.fake.embedded()[0].model, "org/big");
    for wrong in [
        json!({"model": "org/big", "input": [[1, 2]]}),
        json!({"model": "org/big", "input": "a", "dimensions": 2}),
        json!({"model": "org/big"}),
    ] {
        assert_eq!(world.post(PATH, &[], &wrong).await.status, 400);
    }
}
