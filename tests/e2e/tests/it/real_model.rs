//! One request on a real model: the server that `make test` starts.

use std::time::Duration;

use terrace_e2e::ask::{question, text, within};
use terrace_e2e::{Placement, Running};
use terrace_proto::common::v1::GenerationParams;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_testkit::postgres::TestDatabase;

const WHY: &str = "run `make test`: it starts a real model server and sets this variable";

#[expect(
    clippy::disallowed_methods,
    reason = "what `make test` tells its tests"
)]
fn told_by_make_test(variable: &str) -> String {
    let told = std::env::var(variable);
    assert!(told.is_ok(), "{variable} is not set: {WHY}");
    told.unwrap()
}

/// A Terrace with nothing but the real model, and its database.
pub(crate) async fn running() -> (Running, TestDatabase) {
    let url = told_by_make_test("TERRACE_TEST_MODEL_SERVER_URL");
    let model = told_by_make_test("TERRACE_TEST_MODEL_SERVER_MODEL");
    let database = TestDatabase::create();
    let yaml = format!(
        "tiers: {{local_fast: {{models: [{{name: {model}, backend: real}}]}}}}\n\
         backends: {{real: {{kind: openai, url: '{url}/v1', profile: llama_cpp}}}}\n"
    );
    let running = Running::up(Placement::InProcess, &yaml, &database).await;
    (running.unwrap(), database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_model_answers_and_its_own_token_count_is_booked() {
    let (running, database) = running().await;
    let mut request = question("Name the capital of France in one short sentence.");
    request.params = Some(GenerationParams {
        max_output_tokens: Some(48),
        temperature: Some(0.0),
        seed: Some(1),
        ..Default::default()
    });
    let mut router = RouterServiceClient::new(running.link());
    let asked = router.route(within(request));
    let asked = tokio::time::timeout(Duration::from_secs(120), asked)
        .await
        .unwrap();
    let response = asked.unwrap().into_inner();
    assert!(!text(&response).trim().is_empty());
    let usage = response.usage.unwrap();
    assert!(
        !usage.estimated && usage.input_tokens > 5 && usage.output_tokens > 0,
        "{usage:?}"
    );
    let booked = "SELECT input_tokens + output_tokens FROM usage_events";
    let counted = i64::try_from(usage.input_tokens + usage.output_tokens).unwrap();
    assert_eq!(database.number(booked), counted);
}
