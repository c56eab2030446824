//! Many callers at once: the cap holds at every moment, and callers that leave leave no mess.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1::RequestOutcome;

use crate::sandbox::{Sandbox, closing, hold, settling, spent};

/// Watches the budget until `work` is done; fails when it stands above `cap`.
async fn never_above<T>(ledger: &Sandbox, cap: i64, work: impl Future<Output = T>) -> T {
    let watch = async {
        let mut looks = 0;
        loop {
            let (spent, reserved) = ledger.standing().await;
            assert!(spent + reserved <= cap, "{spent} + {reserved} > {cap}");
            looks += 1;
            if looks % 8 == 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        done = work => done,
        () = watch => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_concurrent_reserves_with_money_for_ten_exactly_ten_succeed() {
    const CAP: i64 = 10_999;
    let ledger = Sandbox::with_budget(CAP).await;
    let ids: Vec<RequestId> = (0..64).map(|_| RequestId::generate()).collect();
    let asks = ids
        .iter()
        .map(|id| ledger.reserve(hold(*id, "attempt/0", 1_000)));
    let answers = never_above(&ledger, CAP, join_all(asks)).await;

    let held: Vec<RequestId> = ids
        .into_iter()
        .zip(&answers)
        .filter_map(|(id, answer)| answer.is_ok().then_some(id))
        .collect();
    assert_eq!(held.len(), 10);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(refused.reason, Reason::BudgetExhausted, "{refused}");
        assert_eq!(refused.quotas.len(), 1);
    }
    assert_eq!(ledger.standing().await, (0, 10_000));

    let settles = held.iter().map(|id| {
        let ask = settling(*id, [spent("attempt/0", 1_000)]);
        ledger.settle(closing(ask, RequestOutcome::Passed, "api_fallback"))
    });
    for settled in never_above(&ledger, CAP, join_all(settles)).await {
        settled.unwrap();
    }
    assert_eq!(ledger.standing().await, (10_000, 0));
    ledger.check_books();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_step_from_many_callers_is_held_and_settled_once() {
    let ledger = Sandbox::with_budget(1_000).await;
    let id = RequestId::generate();
    let asks = (0..16).map(|_| ledger.reserve(hold(id, "attempt/0", 100)));
    let answers = join_all(asks).await;
    let first = answers
        .into_iter()
        .filter(|answer| !answer.as_ref().unwrap().repeated_call);
    assert_eq!(first.count(), 1);
    let settles = (0..16).map(|_| ledger.settle(settling(id, [spent("attempt/0", 40)])));
    for settled in join_all(settles).await {
        assert_eq!(settled.unwrap().cost_nano_usd, 40);
    }
    assert_eq!(ledger.standing().await, (40, 0));
    ledger.check_books();
}

/// Polls a call at most so often, and then leaves it.
async fn leaving_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        let answer = call.as_mut().poll(context).map(Some);
        left = left.saturating_sub(1);
        if left == 0 && answer.is_pending() {
            return Poll::Ready(None);
        }
        answer
    })
    .await
}

/// Each number of polls leaves the call at another place: also between BEGIN and its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_leave_in_the_middle_leave_no_transaction_open() {
    let ledger = Sandbox::with_budget(1_000_000).await;
    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let mut ids = Vec::new();
    let mut left = 0;
    for polls in 1..=10 {
        let callers: Vec<RequestId> = (0..6).map(|_| RequestId::generate()).collect();
        let calls = callers
            .iter()
            .map(|id| leaving_after(polls, ledger.reserve(hold(*id, "attempt/0", 10))));
        let answers = join_all(calls).await;
        left += answers.iter().filter(|answer| answer.is_none()).count();
        ids.extend(callers);
        // What was begun comes to its end.
        while ledger.tasks.running() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ledger.database.number(open), 0, "left after {polls} polls");
    }
    assert!(left >= 6, "only {left} calls were left in the middle");

    // Every call has happened whole or not at all.
    ledger.check_books();
    let held = ledger.database.number("SELECT count(*) FROM holds");
    assert_eq!(ledger.standing().await, (0, held * 10));
    let writes = ids.iter().map(|id| {
        let ask = settling(*id, [spent("attempt/0", 1)]);
        ledger.settle(closing(ask, RequestOutcome::Passed, "api_fallback"))
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    // Seen from outside, so no write vanished in somebody's forgotten transaction.
    let closed = "SELECT count(*) FROM requests WHERE closed_at IS NOT NULL";
    assert_eq!(ledger.database.number(closed), 60);
    ledger.check_books();
}
