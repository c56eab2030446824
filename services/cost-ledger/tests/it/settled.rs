//! Reserve, settle, release and lookup of single requests: what they book, and that a repeated
//! call books nothing.

use terrace_domain::{Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{PROJECT, Sandbox, closing, ended, hold, settling, spent};

#[tokio::test]
async fn a_repeated_reserve_adds_nothing_and_says_so() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    let first = ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    assert!(!first.repeated_call);
    assert_eq!(first.held_nano_usd, 100);
    let again = ledger.reserve(hold(id, "attempt/0", 999)).await.unwrap();
    assert!(again.repeated_call);
    assert_eq!(again.held_nano_usd, 100);
    assert_eq!(again.expires_at, first.expires_at);
    // The same step in another spelling.
    let padded = ledger.reserve(hold(id, "attempt/00", 5)).await.unwrap();
    assert!(padded.repeated_call);
    let second = ledger.reserve(hold(id, "attempt/1", 50)).await.unwrap();
    assert_eq!(second.held_nano_usd, 150);
    assert_eq!(ledger.standing().await, (0, 150));
    ledger.check_books();
}

#[tokio::test]
async fn settling_frees_the_hold_and_spends_the_cost_once() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    for _ in 0..2 {
        let ask = settling(id, [spent("attempt/0", 30)]);
        let settled = ledger.settle(ask).await.unwrap();
        assert_eq!((settled.held_nano_usd, settled.cost_nano_usd), (0, 30));
        assert_eq!(ledger.standing().await, (30, 0));
    }
    let other = ledger.settle(settling(id, [spent("attempt/0", 77)])).await;
    assert_eq!(other.unwrap().cost_nano_usd, 30);
    let repeated = ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    assert!(repeated.repeated_call);
    assert_eq!(ledger.standing().await, (30, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_close_frees_what_is_still_held_and_the_first_close_stands() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    for step in ["attempt/0", "attempt/1"] {
        ledger.reserve(hold(id, step, 100)).await.unwrap();
    }
    let ask = closing(
        settling(id, [spent("attempt/0", 30)]),
        RequestOutcome::Passed,
        "api_fallback",
    );
    let settled = ledger.settle(ask).await.unwrap();
    assert_eq!((settled.held_nano_usd, settled.cost_nano_usd), (0, 30));
    assert_eq!(ledger.standing().await, (30, 0));

    let other = closing(settling(id, []), RequestOutcome::Failed, "");
    ledger.settle(other).await.unwrap();
    let close = ledger.request(id).await.close.unwrap();
    assert_eq!(close.outcome(), RequestOutcome::Passed);

    let after = ledger.reserve(hold(id, "attempt/2", 1)).await.unwrap_err();
    assert_eq!(after.reason, Reason::RequestIdUsed);
    ledger.check_books();
}

#[tokio::test]
async fn a_step_that_comes_after_the_close_is_still_booked() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    let close = closing(settling(id, []), RequestOutcome::Cancelled, "");
    ledger.settle(close).await.unwrap();
    assert_eq!(ledger.standing().await, (0, 0));
    let late = ledger.settle(settling(id, [spent("attempt/0", 40)])).await;
    assert_eq!(late.unwrap().cost_nano_usd, 40);
    assert_eq!(ledger.standing().await, (40, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_cost_without_or_above_its_hold_is_booked_whole() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 60)).await.unwrap();
    let steps = [spent("attempt/0", 90), spent("judge/0", 20)];
    ledger.settle(settling(id, steps)).await.unwrap();
    assert_eq!(ledger.standing().await, (110, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_release_frees_once_and_leaves_settled_steps_alone() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    for step in ["attempt/0", "attempt/1", "attempt/2"] {
        ledger.reserve(hold(id, step, 100)).await.unwrap();
    }
    ledger
        .settle(settling(id, [spent("attempt/0", 30)]))
        .await
        .unwrap();
    assert_eq!(ledger.release(id, &["attempt/1", "attempt/0"]).await, 100);
    assert_eq!(ledger.standing().await, (30, 100));
    assert_eq!(ledger.release(id, &[]).await, 100);
    assert_eq!(ledger.release(id, &[]).await, 0);
    assert_eq!(ledger.release(RequestId::generate(), &[]).await, 0);
    assert_eq!(ledger.standing().await, (30, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_free_request_is_booked_without_touching_a_budget() {
    let ledger = Sandbox::with_budget(0).await;
    let id = RequestId::generate();
    let free = ended("attempt/0", "local_fast", AttemptOutcome::Accepted, 0);
    let ask = closing(settling(id, [free]), RequestOutcome::Passed, "local_fast");
    ledger.settle(ask).await.unwrap();
    assert_eq!(ledger.request(id).await.steps.len(), 1);
    let periods = "SELECT count(*) FROM budget_periods";
    assert_eq!(ledger.database.number(periods), 0);
}

#[tokio::test]
async fn a_lookup_tells_all_that_was_written() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/1", 100)).await.unwrap();
    let mut rejected = ended("attempt/0", "local_fast", AttemptOutcome::Rejected, 0);
    rejected.score = Some(0.41);
    let mut failed = ended("attempt/10", "api_fallback", AttemptOutcome::Failed, 7);
    failed.reason = Reason::BackendTimeout.to_string();
    failed.started_at = Some(prost_types::Timestamp {
        seconds: 1_790_000_000,
        nanos: 123_456_000,
    });
    failed.latency = Some(prost_types::Duration {
        seconds: 2,
        nanos: 500_000,
    });
    let steps = [
        failed.clone(),
        spent("judge/0/1", 1),
        spent("judge/0", 2),
        rejected,
    ];
    let mut ask = closing(
        settling(id, steps),
        RequestOutcome::BestEffort,
        "local_fast",
    );
    let close = ask.close.as_mut().unwrap();
    close.baseline_nano_usd = Some(5_000);
    close.score = Some(0.41);
    close.tags.insert("team".to_owned(), "search".to_owned());
    let expected = close.clone();
    ledger.settle(ask).await.unwrap();

    let known = ledger.request(id).await;
    let order: Vec<&str> = known.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(order, ["attempt/0", "judge/0", "judge/0/1", "attempt/10"]);
    assert_eq!(known.steps[3], failed);
    assert_eq!(known.steps[0].score, Some(0.41));
    assert!(known.steps[0].started_at.is_some());
    let close = known.close.unwrap();
    assert_eq!(close.tags, expected.tags);
    assert_eq!(close.baseline_nano_usd, Some(5_000));
    assert_eq!((close.tier, close.model), (expected.tier, expected.model));
    assert_eq!((known.cost_nano_usd, known.held_nano_usd), (10, 0));
    assert_eq!(known.action, "edit_file");
}

#[tokio::test]
async fn an_open_request_has_no_close_and_says_what_it_holds() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    let known = ledger.request(id).await;
    assert_eq!(known.close, None);
    assert_eq!(known.held_nano_usd, 100);
}

#[tokio::test]
async fn another_projects_request_is_neither_found_nor_written() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    let found = ledger.request_of(id, "other").await.unwrap_err();
    assert_eq!(found.reason, Reason::NotFound);
    let unknown = ledger.request_of(RequestId::generate(), PROJECT).await;
    assert_eq!(unknown.unwrap_err().reason, Reason::NotFound);

    let mut stolen = hold(id, "attempt/1", 1);
    stolen.project = "other".to_owned();
    let refused = ledger.reserve(stolen).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestIdUsed);
    let mut stolen = settling(id, [spent("attempt/0", 1)]);
    stolen.project = "other".to_owned();
    let refused = ledger.settle(stolen).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestIdUsed);
    let known: wire::GetRequestResponse = ledger.request(id).await;
    assert_eq!((known.cost_nano_usd, known.held_nano_usd), (0, 100));
}
