//! Errors: the right status, each API's own shape, and when to come back.

use std::time::Duration;

use serde_json::json;
use terrace_domain::{Failure, QuotaViolation, Reason};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::router::v1 as wire;

use crate::fake::{Answer, attempt};
use crate::world::{World, question};

const PATH: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_budget_that_is_used_up_says_when_it_opens_and_not_to_try_by_oneself() {
    let failure = Failure::new(Reason::BudgetExhausted, "the daily budget is spent")
        .retry_after(Duration::from_secs(3600))
        .quota(QuotaViolation {
            subject: "budget:installation/daily".to_owned(),
            description: "allows $5.00".to_owned(),
        });
    let world = World::answering(vec![Answer::Fails(failure)]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.header("retry-after"), Some("3600"));
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let error = &reply.json()["error"];
    assert_eq!(error["code"], "insufficient_quota");
    assert_eq!(
        error["terrace"]["budgets"][0]["budget"],
        "installation/daily"
    );
}

#[tokio::test]
async fn an_error_still_names_the_attempts_and_what_they_cost() {
    let trail = wire::RouteFailure {
        request_id: "r1".to_owned(),
        attempts: vec![wire::Attempt {
            outcome: AttemptOutcome::Failed.into(),
            reason: "BACKEND_FAILED".to_owned(),
            ..attempt()
        }],
        cost_nano_usd: 2_000,
    };
    let failure = Failure::new(Reason::AllAttemptsFailed, "every model failed");
    let world = World::answering(vec![Answer::FailsAfter(failure, trail)]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await;
    assert_eq!(
        (reply.status, reply.header("x-request-id")),
        (502, Some("r1"))
    );
    let terrace = &reply.json()["error"]["terrace"];
    assert_eq!(terrace["attempts"][0]["reason"], "BACKEND_FAILED");
    assert_eq!(terrace["cost_usd"], "0.000002");
}

#[tokio::test]
async fn every_kind_of_failure_has_its_status() {
    for (reason, status) in [
        (Reason::InvalidRequest, 400),
        (Reason::Unauthenticated, 401),
        (Reason::PermissionDenied, 403),
        (Reason::RequestIdUsed, 409),
        (Reason::NoCandidate, 422),
        (Reason::Overloaded, 429),
        (Reason::Internal, 500),
        (Reason::ServiceUnavailable, 503),
        (Reason::DeadlineExceeded, 504),
    ] {
        let failure = Failure::new(reason, "x");
        let world = World::answering(vec![Answer::Fails(failure)]).await;
        let reply = world.post(PATH, &[], &question(json!({}))).await;
        assert_eq!(reply.status, status, "{reason}");
        assert!(reply.json()["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn a_model_that_does_not_exist_is_404_with_the_nearest_name() {
    let world = World::answering(Vec::new()).await;
    let body = question(json!({"model": "terrace/local_fasst"}));
    let reply = world.post(PATH, &[], &body).await;
    assert_eq!(reply.status, 404);
    let error = &reply.json()["error"];
    assert_eq!(error["code"], "model_not_found");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("`terrace/local_fast`")
    );
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_call_without_a_key_reaches_nothing_where_one_is_needed() {
    let world = World::with("auth: {required: true}", Vec::new()).await;
    let bodyless = crate::http::request("POST", PATH, &[("content-length", "1000")], b"");
    let reply = world.raw(&bodyless).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
    assert_eq!(world.get("/v1/models", &[]).await.status, 401);
    let with_key = [("x-api-key", "tk_1")];
    let reply = world.post(PATH, &with_key, &question(json!({}))).await;
    assert_eq!(reply.status, 200);
    let asked = world.fake.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].key.as_deref(), Some("Bearer tk_1"));
}

#[tokio::test]
async fn a_time_that_is_over_is_504() {
    let world = World::answering(vec![Answer::Hangs]).await;
    let headers = [("x-terrace-timeout", "200ms")];
    let reply = world.post(PATH, &headers, &question(json!({}))).await;
    assert_eq!(reply.status, 504);
}
