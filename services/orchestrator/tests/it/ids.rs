//! Ids that clients bring: answered once, however often and however they are sent.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::ledger::v1::{GetRequestResponse, RequestClose};
use terrace_proto::router::v1 as wire;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fakes::{Answer, Step, fails};
use crate::world::{ID, World, failed, question};

fn asked_as(id: &str) -> wire::RouteRequest {
    wire::RouteRequest {
        request_id: id.to_owned(),
        ..question()
    }
}

/// What the ledger knows of a request that cost a cent.
fn known(close: Option<RequestClose>) -> Answer<GetRequestResponse> {
    Answer::Says(GetRequestResponse {
        request_id: ID.to_owned(),
        cost_nano_usd: 10_000_000,
        close,
        ..GetRequestResponse::default()
    })
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_used_before_is_refused_with_what_became_of_it() {
    let world = World::start().await;
    let answered = RequestClose {
        tier: "api_fallback".to_owned(),
        ..RequestClose::default()
    };
    let stories = [
        (
            known(Some(answered)),
            "it was answered by api_fallback and cost $0.010000",
        ),
        (
            known(Some(RequestClose::default())),
            "it ended without an answer and cost $0.010000",
        ),
        (
            known(None),
            "it is still open and has cost $0.010000 so far",
        ),
    ];
    for (known, story) in stories {
        world.ledger.find.next([known]);
        let failed = failed(&world.route(asked_as(ID)).await.unwrap_err());
        assert_eq!(
            (failed.code, failed.reason()),
            (Code::AlreadyExists, Reason::RequestIdUsed)
        );
        let expected = format!("request_id {ID} was used before: {story}");
        assert_eq!(failed.failure.message, expected);
        assert_eq!(failed.trail.unwrap().request_id, ID);
    }
    assert_eq!(world.classifier.classify.calls(), 0);
    assert_eq!(
        world.ledger.settle.calls(),
        0,
        "the books of the first stay as they are"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_id_twice_at_once_is_answered_once() {
    let world = World::start().await;
    let go_on = CancellationToken::new();
    world
        .classifier
        .classify
        .next([Answer::Waits(go_on.clone())]);
    let others = async {
        world.classifier.classify.called(1).await;
        let shouted = asked_as(&ID.to_uppercase());
        let braced = asked_as(&format!("{{{ID}}}"));
        let both = futures::future::join(world.route(shouted), world.route(braced));
        let (both, ()) = tokio::join!(both, async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            go_on.cancel();
        });
        [both.0, both.1]
    };
    let (first, others) = tokio::join!(world.route(asked_as(ID)), others);
    let first = first.unwrap();
    assert!(first.passed);
    for shared in others {
        assert_eq!(shared.unwrap(), first, "with its attempts and its cost");
    }
    assert_eq!(world.calls(), [1, 0, 0]);
    assert_eq!(world.ledger.closes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_id_is_free_again_once_its_request_has_ended_in_whatever_way() {
    let world = World::start().await;
    world.route(asked_as(ID)).await.unwrap();
    for gateway in [&world.small, &world.middle, &world.big] {
        gateway.next([Step::fails(Reason::BackendFailed)]);
    }
    world.route(asked_as(ID)).await.unwrap_err();
    world.classifier.classify.next([Answer::Hangs]);
    let classified = world.classifier.classify.called(3);
    world.leave_at(asked_as(ID), classified).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    // The ledger decides about the second use, not a leftover in memory.
    let finds = world.ledger.find.calls();
    world.route(asked_as(ID)).await.unwrap();
    assert_eq!(world.ledger.find.calls(), finds + 1);
}

#[tokio::test(start_paused = true)]
async fn an_id_stays_in_flight_until_a_gone_callers_books_are_closed() {
    let world = World::start().await;
    world.small.next([Step::text("x"), Step::Hangs]);
    world.ledger.settle.next([
        fails(Reason::LedgerUnavailable),
        fails(Reason::LedgerUnavailable),
    ]);
    world.leave_at(asked_as(ID), world.small.called(1)).await;
    world.ledger.settle.called(1).await;
    // The second waits until the first one's books are closed; then the ledger decides.
    world
        .ledger
        .find
        .next([known(Some(RequestClose::default()))]);
    let failed = failed(&world.route(asked_as(ID)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::RequestIdUsed);
    assert_eq!(world.ledger.settle.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_id_in_flight_is_refused_to_another_body() {
    let world = World::start().await;
    let go_on = CancellationToken::new();
    let waits = Answer::Waits(go_on.clone());
    world.classifier.classify.next([waits]);
    let other = async {
        world.classifier.classify.called(1).await;
        let mut other = asked_as(ID);
        other.action = "another".to_owned();
        let refused = world.route(other).await;
        go_on.cancel();
        refused
    };
    let (first, other) = tokio::join!(world.route(asked_as(ID)), other);
    assert!(first.unwrap().passed);
    let failed = failed(&other.unwrap_err());
    assert_eq!(failed.reason(), Reason::RequestIdUsed);
    assert!(failed.failure.message.contains("for another request"));
}

#[tokio::test(start_paused = true)]
async fn requests_without_an_id_get_one_each_and_never_meet() {
    let world = World::start().await;
    let calls = (0..32).map(|_| world.route(question()));
    let answered = futures::future::join_all(calls).await;
    let mut ids: Vec<_> = answered
        .into_iter()
        .map(|answer| answer.unwrap().request_id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 32);
    assert_eq!(world.ledger.closes().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_looked_up_is_not_answered() {
    let world = World::start().await;
    world.ledger.find.next([fails(Reason::LedgerUnavailable)]);
    let failed = failed(&world.route(asked_as(ID)).await.unwrap_err());
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::Unavailable, Reason::LedgerUnavailable)
    );
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_ledger_gives_to_somebody_else_is_refused_at_once() {
    let world = World::start().await;
    world.ledger.settle.next([fails(Reason::RequestIdUsed)]);
    let failed = failed(&world.route(asked_as(ID)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::RequestIdUsed);
    assert_eq!(world.ledger.settle.calls(), 1, "and not tried again");
}
