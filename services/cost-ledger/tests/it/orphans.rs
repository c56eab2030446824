//! Requests whose orchestrator died: closed as presumed, booked at their worst case, put right
//! when the truth still arrives.

use std::time::Duration;

use terrace_domain::RequestId;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::RequestOutcome;

use crate::sandbox::{Sandbox, closing, ended, hold, settling, spent};

#[tokio::test]
async fn an_orphan_is_settled_at_its_worst_case_and_closed_as_presumed() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    ledger.reserve(hold(id, "attempt/1", 50)).await.unwrap();
    let steps = [spent("attempt/0", 10)];
    ledger.settle(settling(id, steps)).await.unwrap();
    assert_eq!(ledger.app.reap().await, Ok(0), "it has not expired");
    ledger.expire(id);
    assert_eq!(ledger.app.reap().await, Ok(1));
    assert_eq!(ledger.app.reap().await, Ok(0));

    assert_eq!(ledger.standing().await, (60, 0));
    let known = ledger.request(id).await;
    assert_eq!(known.close.unwrap().outcome(), RequestOutcome::Presumed);
    assert_eq!(known.steps[0].outcome(), AttemptOutcome::Accepted);
    assert_eq!(known.steps[1].outcome(), AttemptOutcome::Presumed);
    assert_eq!(known.steps[1].target, hold(id, "attempt/1", 1).target);
    assert_eq!((known.cost_nano_usd, known.held_nano_usd), (60, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_real_settlement_after_a_presumed_one_puts_the_books_right_once() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    ledger.expire(id);
    assert_eq!(ledger.app.reap().await, Ok(1));
    // The day has ended since: the correction goes to the day that was charged.
    ledger.pass_midnight();
    for cost in [30, 30, 99] {
        let ask = closing(
            settling(id, [spent("attempt/0", cost)]),
            RequestOutcome::Passed,
            "api_fallback",
        );
        assert_eq!(ledger.settle(ask).await.unwrap().cost_nano_usd, 30);
    }
    let days = "SELECT spent_nano_usd, reserved_nano_usd FROM budget_periods";
    assert_eq!(ledger.database.query(days), [["30", "0"]]);
    let known = ledger.request(id).await;
    assert_eq!(known.steps[0].outcome(), AttemptOutcome::Accepted);
    assert_eq!(known.close.unwrap().outcome(), RequestOutcome::Passed);
    let trace = "SELECT presumed_nano_usd FROM usage_events WHERE corrected_at IS NOT NULL";
    assert_eq!(ledger.database.number(trace), 100);
    ledger.check_books();
}

#[tokio::test]
async fn a_request_that_holds_nothing_and_is_never_closed_is_not_forgotten() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    let free = ended("attempt/0", "local_fast", AttemptOutcome::Rejected, 0);
    ledger.settle(settling(id, [free])).await.unwrap();
    ledger.expire(id);
    assert_eq!(ledger.app.reap().await, Ok(1));
    let close = ledger.request(id).await.close.unwrap();
    assert_eq!(close.outcome(), RequestOutcome::Presumed);
    assert_eq!(ledger.summary().await.requests, 1);
}

#[tokio::test]
async fn a_sign_of_life_moves_the_expiry() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let mut ask = hold(id, "attempt/0", 100);
    ask.ttl = seconds(60);
    let first = ledger.reserve(ask).await.unwrap().expires_at.unwrap();
    ledger.expire(id);
    ledger
        .settle(settling(id, [spent("attempt/0", 1)]))
        .await
        .unwrap();
    assert_eq!(ledger.app.reap().await, Ok(0));
    let mut longest = hold(id, "attempt/1", 100);
    longest.ttl = seconds(1_000_000);
    let capped = ledger.reserve(longest).await.unwrap().expires_at.unwrap();
    let added = capped.seconds - first.seconds;
    assert!((530..=600).contains(&added), "{added} s, capped at 600");
}

#[tokio::test]
async fn the_reaper_runs_by_itself_and_several_share_the_work() {
    let ledger = Sandbox::start(|settings| {
        settings.reaper_interval = Duration::from_millis(20);
    })
    .await;
    for _ in 0..30 {
        let id = RequestId::generate();
        let mut ask = hold(id, "attempt/0", 7);
        ask.ttl = Some(prost_types::Duration {
            seconds: 0,
            nanos: 1_000_000,
        });
        ledger.reserve(ask).await.unwrap();
    }
    for _ in 0..3 {
        ledger.app.start_background(&ledger.tasks);
    }
    let presumed = "SELECT count(*) FROM requests WHERE outcome = 'presumed'";
    let everything = async {
        while ledger.database.number(presumed) < 30 {
            // Asking blocks this thread, which is the one that the reapers run on.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), everything)
        .await
        .unwrap();
    let events = "SELECT count(*) FROM usage_events WHERE outcome = 'presumed'";
    assert_eq!(ledger.database.number(events), 30);
}
