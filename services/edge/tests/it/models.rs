//! The list of models, health and metrics.

use serde_json::Value;

use crate::world::World;

fn ids(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap();
    data.iter()
        .filter_map(|model| model["id"].as_str())
        .collect()
}

#[tokio::test]
async fn the_list_has_the_router_tiers_aliases_and_models() {
    let world = World::answering(Vec::new()).await;
    let list = world.get("/v1/models", &[]).await.json();
    let expected = [
        "terrace/auto",
        "terrace/local_fast",
        "terrace/api_fallback",
        "gpt-4o",
        "small",
        "org/big",
    ];
    assert_eq!(ids(&list), expected);
    for id in expected {
        let one = world.get(&format!("/v1/models/{id}"), &[]).await;
        assert_eq!((one.status, &one.json()["id"]), (200, &Value::from(id)));
    }
    assert_eq!(world.get("/v1/models/none", &[]).await.status, 404);
}

#[tokio::test]
async fn clients_of_anthropic_get_the_list_in_their_shape() {
    let world = World::answering(Vec::new()).await;
    let headers = [("anthropic-version", "2023-06-01")];
    let list = world.get("/v1/models", &headers).await.json();
    assert_eq!(list["has_more"], false);
    assert_eq!(list["data"][0]["type"], "model");
}

#[tokio::test]
async fn health_and_metrics_are_there_and_health_says_when_the_end_has_begun() {
    let world = World::answering(Vec::new()).await;
    world.get("/v1/models", &[]).await;
    assert_eq!(world.get("/healthz", &[]).await.text(), "ok\n");
    let metrics = world.get("/metrics", &[]).await.text();
    let counted = "http_server_request_duration_seconds_count{http_request_method=\"GET\"";
    assert!(metrics.contains(counted), "{metrics}");
    world.shutdown.request();
}
