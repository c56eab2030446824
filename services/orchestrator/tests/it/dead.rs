//! Links that lead to nobody: over a real socket, so with a real clock.

use std::net::TcpListener;
use std::time::Duration;

use terrace_domain::Reason;
use terrace_orchestrator::route::{OnClassifierUnavailable, OnJudgeUnavailable};
use terrace_rpc::Link;

use crate::world::{ID, World, failed, question, question_for_big, told};
use terrace_proto::router::v1 as wire;

/// A link to a port that nobody listens on.
fn nobody(peer: &'static str) -> Link {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    Link::network(peer, &format!("http://{address}")).unwrap()
}

#[tokio::test]
async fn without_a_classifier_it_starts_low_or_fails_as_configured() {
    let lenient = World::with(|stage| stage.links.classifier = nobody("classifier")).await;
    let response = lenient.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    let classification = response.decision.unwrap().classification.unwrap();
    let why = &classification.evidence[0].detail;
    assert!(
        why.starts_with("cannot reach the classifier at http://127.0.0.1:"),
        "{why}"
    );

    let strict = World::with(|stage| {
        stage.links.classifier = nobody("classifier");
        stage.settings.route.on_classifier_unavailable = OnClassifierUnavailable::Fail;
    })
    .await;
    let failed = failed(&strict.route(question()).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::ServiceUnavailable);
    assert!(failed.failure.message.ends_with("is it running?"));
    assert_eq!(strict.ledger.settle.calls(), 0);
}

#[tokio::test]
async fn without_a_judge_every_tier_is_tried_and_the_highest_answer_returned_marked() {
    let world = World::with(|stage| stage.links.judge = nobody("judge")).await;
    let response = world.route(question()).await.unwrap();
    assert!(!response.passed);
    let expected = [
        "small REJECTED 0",
        "middle REJECTED 0",
        "big REJECTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(response.decision.unwrap().model, "big");
    assert!(
        response.attempts[0]
            .detail
            .starts_with("not judged: cannot reach the judge")
    );

    let marked = World::with(|stage| {
        stage.links.judge = nobody("judge");
        stage.settings.route.on_judge_unavailable = OnJudgeUnavailable::AcceptMarked;
    })
    .await;
    let response = marked.route(question()).await.unwrap();
    assert!(!response.passed && response.verdict.is_none());
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
}

#[tokio::test]
async fn without_a_ledger_nothing_that_costs_is_called_and_nothing_is_answered() {
    let world = World::with(|stage| stage.links.ledger = nobody("ledger")).await;
    let short = Duration::from_millis(1500);
    let error = world.route_within(question_for_big(), short).await;
    let refused = failed(&error.unwrap_err());
    assert_eq!(refused.reason(), Reason::LedgerUnavailable);
    assert_eq!(refused.told(), ["big SKIPPED LEDGER_UNAVAILABLE 0"]);
    assert_eq!(world.calls(), [0, 0, 0]);

    let error = world.route_within(question(), short).await;
    let unsettled = failed(&error.unwrap_err());
    assert_eq!(unsettled.reason(), Reason::LedgerUnavailable);
    assert_eq!(unsettled.told(), ["small ACCEPTED 0"]);

    let with_id = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let error = world.route_within(with_id, short).await;
    let unknown = failed(&error.unwrap_err());
    assert_eq!(unknown.reason(), Reason::ServiceUnavailable);
    assert!(
        unknown.told().is_empty(),
        "an id that may be used is not tried"
    );
}

#[tokio::test]
async fn without_a_gateway_its_models_are_unknown_and_the_others_answer() {
    let world = World::with(|stage| stage.links.gateways[0].1 = nobody("gateway")).await;
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["middle ACCEPTED 0"]);
    assert_eq!(world.models().await.models.len(), 2);

    let alone = World::with(|stage| {
        for (_, link) in &mut stage.links.gateways {
            *link = nobody("gateway");
        }
    })
    .await;
    let failed = failed(&alone.route(question()).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::NoCandidate);
    assert!(failed.failure.message.contains("are the gateways running?"));
}
