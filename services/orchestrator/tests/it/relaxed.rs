//! Relaxed durability: what costs nothing is answered before the ledger has it, and the ledger gets
//! it all the same.

use std::time::Duration;

use terrace_config::Durability;
use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use terrace_telemetry::capture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::fakes::{Answer, fails};
use crate::world::{ID, World, question, question_for_big};

async fn relaxed() -> World {
    World::with(|stage| stage.settings.durability = Durability::Relaxed).await
}

const ROUTE: &str = "terrace.router.v1.RouterService/Route";

/// As long as no answer takes that does not wait for the ledger.
const SHORT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn what_costs_nothing_is_answered_before_it_is_settled_and_then_settled() {
    let world = relaxed().await;
    let back = CancellationToken::new();
    world.ledger.settle.next([Answer::Waits(back.clone())]);
    let response = timeout(SHORT, world.route(question())).await;
    assert!(response.unwrap().unwrap().passed);
    world.ledger.settle.called(1).await;
    back.cancel();
    world.tasks.wait(SHORT).await.unwrap();
    assert_eq!(
        (world.ledger.rows().len(), world.ledger.closes().len()),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_costs_waits_for_the_ledger() {
    let world = relaxed().await;
    world.ledger.settle.always(Answer::Hangs);
    let answer = timeout(SHORT, world.route(question_for_big())).await;
    assert!(answer.is_err(), "answered before it was settled");
}

#[tokio::test(start_paused = true)]
async fn what_may_be_sent_again_under_its_id_waits_for_the_ledger() {
    let world = relaxed().await;
    world.ledger.settle.always(Answer::Hangs);
    let with_an_id = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let answer = timeout(SHORT, world.route(with_an_id)).await;
    assert!(answer.is_err(), "answered before it was settled");
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_waits_keeps_no_span_of_a_request_open() {
    let world = relaxed().await;
    world.ledger.settle.always(Answer::Hangs);
    let captured = capture::start();
    let (root, trace) = capture::root("request");
    let routed = world.route(question()).instrument(root.clone()).await;
    assert!(routed.unwrap().passed);
    drop(root);
    world.ledger.settle.called(1).await;
    let ended = captured.spans(trace);
    let ended = ended.iter().filter(|span| span.name == ROUTE);
    let tree = captured.tree(trace);
    assert_eq!(ended.count(), 2, "the caller's and the callee's: {tree}");
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_cannot_write_is_sent_again_until_it_can() {
    let world = relaxed().await;
    let away = || fails(Reason::LedgerUnavailable);
    world.ledger.settle.next([away(), away()]);
    world.route(question()).await.unwrap();
    world.ledger.settle.called(3).await;
    world.tasks.wait(SHORT).await.unwrap();
    let sent = world.ledger.settle.seen();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|own| own.message == sent[0].message));
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_refuses_is_not_sent_again() {
    let world = relaxed().await;
    world.ledger.settle.next([fails(Reason::InvalidRequest)]);
    world.route(question()).await.unwrap();
    world.tasks.wait(SHORT).await.unwrap();
    assert_eq!(world.ledger.settle.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_are_sent_together_and_each_once() {
    let world = relaxed().await;
    let answers = (0..20).map(|_| world.route(question()));
    for answer in futures::future::join_all(answers).await {
        answer.unwrap();
    }
    world.tasks.wait(SHORT).await.unwrap();
    let sent = world.ledger.settle.seen().into_iter();
    let ids: std::collections::BTreeSet<_> = sent.map(|own| own.message.request_id).collect();
    assert_eq!((ids.len(), world.ledger.settle.calls()), (20, 20));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_what_is_not_settled_but_not_for_ever() {
    let world = relaxed().await;
    world.ledger.settle.always(fails(Reason::LedgerUnavailable));
    world.route(question()).await.unwrap();
    world.tasks.wait(2 * SHORT).await.unwrap();
    assert!(world.ledger.settle.calls() > 1);
}
