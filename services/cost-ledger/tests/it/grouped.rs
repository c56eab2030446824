//! Writes that are committed together: nobody fails for another, and several processes agree.

use std::time::Duration;

use futures::future::join_all;
use sqlx::Executor as _;
use terrace_domain::{Failure, Reason, RequestId};
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};
use terrace_rpc::Link;

use crate::sandbox::{Sandbox, answer, closing, hold, settling, spent};

/// Waits until a lock in the database is waited for, so that what is called next has to gather.
async fn until_somebody_waits(ledger: &Sandbox) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while ledger.database.number(waiting) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_gather_are_written_by_one_transaction() {
    let ledger = Sandbox::with_budget(1_000).await;
    ledger
        .reserve(hold(RequestId::generate(), "attempt/0", 1))
        .await
        .unwrap();
    let ids: Vec<RequestId> = (0..40).map(|_| RequestId::generate()).collect();
    // Somebody from outside holds the row of the budget: the first one waits, the others gather.
    let mut outside = ledger.connect().await;
    outside
        .execute("BEGIN; SELECT 1 FROM budget_periods FOR UPDATE")
        .await
        .unwrap();
    let first = ledger.reserve(hold(RequestId::generate(), "attempt/0", 1));
    let others = async {
        until_somebody_waits(&ledger).await;
        join_all(
            ids.iter()
                .map(|id| ledger.reserve(hold(*id, "attempt/0", 1))),
        )
        .await
    };
    let release = async {
        until_somebody_waits(&ledger).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        outside.execute("COMMIT").await.unwrap();
    };
    let (first, others, ()) = tokio::join!(first, others, release);
    first.unwrap();
    assert!(others.iter().all(Result::is_ok));
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    let transactions = format!(
        "SELECT count(DISTINCT xmin::text) FROM holds WHERE request_id IN ({})",
        ids.join(",")
    );
    let transactions = ledger.database.number(&transactions);
    assert!(
        transactions < 10,
        "{transactions} transactions for 40 writes"
    );
    ledger.check_books();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_cannot_be_written_fails_alone() {
    let ledger = Sandbox::with_budget(10_000).await;
    ledger.execute("ALTER TABLE holds ADD CONSTRAINT unlucky CHECK (step <> 'attempt/13')");
    let id = RequestId::generate();
    let asks = (0..20).map(|index| ledger.reserve(hold(id, &format!("attempt/{index}"), 10)));
    for (index, answer) in join_all(asks).await.into_iter().enumerate() {
        match index {
            13 => assert_eq!(answer.unwrap_err().reason, Reason::Internal),
            _ => assert!(!answer.unwrap().repeated_call),
        }
    }
    assert_eq!(ledger.standing().await, (0, 190));
    ledger.check_books();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_may_be_reserved_settled_and_closed_in_any_company() {
    let ledger = Sandbox::with_budget(100_000).await;
    let ids: Vec<RequestId> = (0..30).map(|_| RequestId::generate()).collect();
    let whole = ids.iter().map(|id| async {
        for step in ["attempt/0", "attempt/1"] {
            ledger.reserve(hold(*id, step, 100)).await?;
            ledger.settle(settling(*id, [spent(step, 60)])).await?;
        }
        let end = closing(settling(*id, []), RequestOutcome::Passed, "api_fallback");
        ledger.settle(end).await
    });
    for settled in join_all(whole).await {
        assert_eq!(settled.unwrap().cost_nano_usd, 120);
    }
    assert_eq!(ledger.standing().await, (30 * 120, 0));
    ledger.check_books();
}

async fn reserve(
    ledger: &LedgerServiceClient<Link>,
    ask: wire::ReserveRequest,
) -> Result<wire::ReserveResponse, Failure> {
    answer(ledger.clone().reserve(ask).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_never_pass_the_cap_and_spend_all_of_it() {
    const CAP: i64 = 10_000;
    let ledger = Sandbox::with_budget(CAP).await;
    let processes = [
        ledger.ledger.clone(),
        ledger.another_client(CAP).await,
        ledger.another_client(CAP).await,
    ];
    let asks = (0..150).map(|index| {
        let ask = hold(RequestId::generate(), "attempt/0", 100);
        reserve(&processes[index % 3], ask)
    });
    let answers = join_all(asks).await;
    let held = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(held, 100, "every affordable hold, and no other");
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(refused.reason, Reason::BudgetExhausted, "{refused}");
    }
    assert_eq!(ledger.standing().await, (0, CAP));
    ledger.check_books();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_step_at_two_processes_is_held_once() {
    let ledger = Sandbox::with_budget(10_000).await;
    let other = ledger.another_client(10_000).await;
    for _ in 0..10 {
        let id = RequestId::generate();
        let (one, two) = tokio::join!(
            ledger.reserve(hold(id, "attempt/0", 100)),
            reserve(&other, hold(id, "attempt/0", 100)),
        );
        assert_ne!(one.unwrap().repeated_call, two.unwrap().repeated_call);
    }
    assert_eq!(ledger.standing().await, (0, 1_000));
    ledger.check_books();
}
