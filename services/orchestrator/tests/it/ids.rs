//! Ids that clients bring: answered once, however often and however they are sent.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::ledger::v1::{GetRequestResponse, RequestClose, RequestOutcome};
use terrace_proto::router::v1 as wire;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fakes::{Answer, Step, fails};
use crate::world::{ID, World, failed, question, question_for_big};

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

fn ended(outcome: RequestOutcome) -> RequestClose {
    let answers = matches!(outcome, RequestOutcome::Passed | RequestOutcome::BestEffort);
    RequestClose {
        outcome: outcome.into(),
        tier: if answers { "api_fallback" } else { "" }.to_owned(),
        ..RequestClose::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_ledger_knows_is_refused_with_what_became_of_it() {
    let world = World::start().await;
    let stories = [
        (
            Some(RequestOutcome::Passed),
            "it was answered by api_fallback, passed, and cost $0.010000",
        ),
        (
            Some(RequestOutcome::BestEffort),
            "it was answered by api_fallback, did not pass, and cost $0.010000",
        ),
        (
            Some(RequestOutcome::Failed),
            "it ended without an answer and cost $0.010000",
        ),
        (
            Some(RequestOutcome::Cancelled),
            "its caller left or its deadline passed, and it cost $0.010000",
        ),
        (
            Some(RequestOutcome::Presumed),
            "its orchestrator died, and its cost is presumed to be $0.010000",
        ),
        (None, "it is still open and has cost $0.010000 so far"),
    ];
    for (outcome, story) in stories {
        world.ledger.find.next([known(outcome.map(ended))]);
        let failed = failed(&world.route(asked_as(ID)).await.unwrap_err());
        assert_eq!(
            (failed.code, failed.reason()),
            (Code::AlreadyExists, Reason::RequestIdUsed)
        );
        let expected =
            format!("request_id {ID} was used before: {story}. To ask anew, give it a new id");
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
async fn another_body_is_told_apart_by_the_ledger_alone() {
    let first = World::start().await;
    first.route(asked_as(ID)).await.unwrap();
    let settled = first.ledger.settle.last();
    assert_eq!(settled.body_fingerprint.len(), 32);

    // Another orchestrator: it knows what the ledger tells it.
    let second = World::start().await;
    second.ledger.find.always(Answer::Says(GetRequestResponse {
        request_id: ID.to_owned(),
        close: Some(ended(RequestOutcome::Passed)),
        body_fingerprint: settled.body_fingerprint,
        ..GetRequestResponse::default()
    }));
    let mut other = asked_as(ID);
    other.action = "another".to_owned();
    let other = failed(&second.route(other).await.unwrap_err());
    assert_eq!(other.reason(), Reason::RequestIdUsed);
    let expected = format!(
        "request_id {ID} was used before for another request: give this one an id of its own"
    );
    assert_eq!(other.failure.message, expected);
    let same = failed(&second.route(asked_as(ID)).await.unwrap_err());
    assert!(same.failure.message.contains("answered by api_fallback"));
    assert_eq!(second.calls(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_an_id_of_terrace_leaves_no_fingerprint() {
    let world = World::start().await;
    world.route(question_for_big()).await.unwrap();
    assert!(world.ledger.reserve.last().body_fingerprint.is_empty());
    assert!(world.ledger.settle.last().body_fingerprint.is_empty());
    let paid = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question_for_big()
    };
    world.route(paid).await.unwrap();
    assert_eq!(
        world.ledger.reserve.last().body_fingerprint,
        world.ledger.settle.last().body_fingerprint
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
async fn an_id_is_out_of_flight_once_its_request_has_ended_in_whatever_way() {
    let world = World::start().await;
    for gateway in [&world.small, &world.middle, &world.big] {
        gateway.next([Step::fails(Reason::BackendFailed)]);
    }
    world.route(asked_as(ID)).await.unwrap_err();
    world.classifier.classify.next([Answer::Hangs]);
    let classified = world.classifier.classify.called(2);
    world.leave_at(asked_as(ID), classified).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    // The ledger decides about the third use, not a leftover in memory.
    let finds = world.ledger.find.calls();
    world.route(asked_as(ID)).await.unwrap();
    assert_eq!(world.ledger.find.calls(), finds + 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_id_for_a_day_also_without_the_cache() {
    let world = World::start().await;
    let first = world.route(asked_as(ID)).await.unwrap();
    tokio::time::advance(Duration::from_hours(23)).await;
    let again = world.route(asked_as(ID)).await.unwrap();
    let cached = again.cached.clone().unwrap();
    assert_eq!(cached.request_id, ID);
    assert_eq!(cached.age.unwrap().seconds, 23 * 3600);
    let as_it_was = wire::RouteResponse {
        cached: None,
        ..again
    };
    assert_eq!(as_it_was, first, "with its attempts and its cost");
    let mut other = asked_as(ID);
    other.tags.insert("team".to_owned(), "red".to_owned());
    let refused = failed(&world.route(other).await.unwrap_err());
    assert!(refused.failure.message.contains("for another request"));
    assert_eq!((world.calls(), world.ledger.find.calls()), ([1, 0, 0], 1));
    // After a day it is the ledger that knows.
    tokio::time::advance(Duration::from_hours(2)).await;
    let passed = known(Some(ended(RequestOutcome::Passed)));
    world.ledger.find.next([passed]);
    let refused = failed(&world.route(asked_as(ID)).await.unwrap_err());
    assert_eq!(refused.reason(), Reason::RequestIdUsed);
    assert_eq!(world.calls(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_did_not_pass_is_kept_for_its_id_too() {
    let world = World::start().await;
    world.judge.scores(&[0.1, 0.2, 0.3]);
    let first = world.route(asked_as(ID)).await.unwrap();
    assert!(!first.passed);
    let again = world.route(asked_as(ID)).await.unwrap();
    assert_eq!(again.attempts, first.attempts);
    assert_eq!(world.calls(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_wants_nothing_kept_is_not_answered_again() {
    let world = World::start().await;
    let no_write = wire::CachePolicy {
        no_write: true,
        ..wire::CachePolicy::default()
    };
    let unkept = wire::RouteRequest {
        policy: Some(wire::RoutePolicy {
            cache: Some(no_write),
            ..wire::RoutePolicy::default()
        }),
        ..asked_as(ID)
    };
    world.route(unkept.clone()).await.unwrap();
    let passed = known(Some(ended(RequestOutcome::Passed)));
    world.ledger.find.next([passed]);
    let refused = failed(&world.route(unkept).await.unwrap_err());
    assert_eq!(refused.reason(), Reason::RequestIdUsed);
}

#[tokio::test(start_paused = true)]
async fn a_reused_answer_is_told_again_as_it_was_told() {
    let world = World::with_a_cache().await;
    let made = world.route(question()).await.unwrap();
    let first = world.route(asked_as(ID)).await.unwrap();
    let again = world.route(asked_as(ID)).await.unwrap();
    for told in [&first, &again] {
        assert_eq!(told.request_id, ID);
        assert!(told.attempts.is_empty() && told.cost_nano_usd == 0);
        assert_eq!(told.cached.as_ref().unwrap().request_id, made.request_id);
    }
    let other = wire::RouteRequest {
        action: "another".to_owned(),
        ..asked_as(ID)
    };
    let refused = failed(&world.route(other).await.unwrap_err());
    assert!(refused.failure.message.contains("for another request"));
    assert_eq!(world.calls(), [1, 0, 0]);
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
