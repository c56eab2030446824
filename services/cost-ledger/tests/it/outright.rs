//! What is booked outright: a request that nobody has heard of, free or paid from a lease, is one
//! statement without a look at what is there. Whatever is not as it was thought to be, it is booked as if
//! somebody had looked first.

use futures::future::join_all;
use terrace_domain::{Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};
use terrace_rpc::Link;

use crate::leased::{lending, paid_from};
use crate::sandbox::{DAILY, Sandbox, answer, budget, closing, ended, hold, settling, spent};

/// A ledger that lends, whose database notes whether each request was begun outright.
async fn noting(cap: i64) -> Sandbox {
    let ledger = lending(cap).await;
    ledger.execute("CREATE TABLE beginnings (id bigserial, outright boolean NOT NULL)");
    ledger.execute(
        "CREATE FUNCTION note_beginning() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             -- Who looks first has taken the lock of those who lock rows.
             INSERT INTO beginnings (outright) SELECT NOT EXISTS (
                 SELECT FROM pg_locks WHERE pid = pg_backend_pid()
                    AND relation = 'requests'::regclass AND mode = 'RowShareLock');
             RETURN NULL;
         END $$",
    );
    ledger.execute(
        "CREATE TRIGGER note_beginning BEFORE INSERT ON requests
         FOR EACH STATEMENT EXECUTE FUNCTION note_beginning()",
    );
    ledger
}

impl Sandbox {
    /// How requests were begun since the last question: outright or not.
    fn beginnings(&self) -> Vec<bool> {
        let rows = self
            .database
            .query("SELECT outright FROM beginnings ORDER BY id");
        self.execute("TRUNCATE beginnings");
        rows.iter().map(|row| row[0] == "t").collect()
    }
}

fn free(id: RequestId) -> wire::SettleRequest {
    let step = ended("attempt/0", "local_fast", AttemptOutcome::Accepted, 0);
    closing(settling(id, [step]), RequestOutcome::Passed, "local_fast")
}

fn whole(id: RequestId, lease: RequestId, debit: i64, cost: i64) -> wire::SettleRequest {
    let ask = settling(id, [paid_from(lease, debit, cost)]);
    closing(ask, RequestOutcome::Passed, "api_fallback")
}

/// Gives a lease back to another replica than the one that knows it.
async fn give_back_elsewhere(ledger: &Sandbox, lease: RequestId, outstanding: i64) {
    let mut elsewhere = ledger.another_client(10_000).await;
    let ask = wire::ReturnLeaseRequest {
        lease_id: lease.to_string(),
        outstanding_nano_usd: outstanding,
    };
    answer(elsewhere.return_lease(ask).await).unwrap();
}

#[tokio::test]
async fn what_is_free_or_paid_from_a_lease_is_booked_outright() {
    let ledger = noting(10_000).await;
    ledger.settle(free(RequestId::generate())).await.unwrap();
    assert_eq!(ledger.beginnings(), [true], "free");

    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    let id = RequestId::generate();
    let settled = ledger.settle(whole(id, lease, 30, 12)).await.unwrap();
    assert_eq!(settled.cost_nano_usd, 12);
    assert_eq!(ledger.beginnings(), [true], "paid from a lease");
    assert_eq!(ledger.standing().await, (12, 70));
    let known = ledger.request(id).await;
    assert_eq!(known.cost_nano_usd, 12);
    assert_eq!(known.close.unwrap().outcome(), RequestOutcome::Passed);

    let failed = ended("attempt/0", "api_fallback", AttemptOutcome::Failed, 0);
    let failed = wire::StepSettlement {
        lease_id: lease.to_string(),
        lease_debit_nano_usd: 20,
        ..failed
    };
    let id = RequestId::generate();
    let ask = closing(settling(id, [failed]), RequestOutcome::Failed, "");
    ledger.settle(ask).await.unwrap();
    assert_eq!(ledger.beginnings(), [true], "taken from a lease and free");
    assert_eq!(ledger.standing().await, (12, 50));
    ledger.check_books();
}

#[tokio::test]
async fn what_is_held_stays_open_or_costs_otherwise_is_looked_at() {
    let ledger = noting(10_000).await;
    let held = RequestId::generate();
    ledger.reserve(hold(held, "attempt/0", 30)).await.unwrap();
    let open = settling(RequestId::generate(), []);
    let free_step = ended("attempt/0", "local_fast", AttemptOutcome::Rejected, 0);
    let open = wire::SettleRequest {
        steps: vec![free_step],
        ..open
    };
    ledger.settle(open).await.unwrap();
    let paid = settling(RequestId::generate(), [spent("attempt/0", 5)]);
    let paid = closing(paid, RequestOutcome::Passed, "api_fallback");
    ledger.settle(paid).await.unwrap();
    let failed = ended("attempt/0", "api_fallback", AttemptOutcome::Failed, 0);
    let failed = settling(RequestId::generate(), [failed]);
    ledger
        .settle(closing(failed, RequestOutcome::Failed, ""))
        .await
        .unwrap();
    assert_eq!(ledger.beginnings(), [false; 4]);
    assert_eq!(ledger.standing().await, (5, 30));
    ledger.check_books();
}

#[tokio::test]
async fn a_request_that_is_known_is_booked_once_and_told_as_it_is() {
    let ledger = noting(10_000).await;
    let (lease, id) = (RequestId::generate(), RequestId::generate());
    ledger.acquire(lease, 100).await;
    for _ in 0..3 {
        let settled = ledger.settle(whole(id, lease, 30, 20)).await.unwrap();
        assert_eq!(settled.cost_nano_usd, 20);
    }
    assert_eq!(ledger.standing().await, (20, 70));

    let other = wire::SettleRequest {
        project: "other".to_owned(),
        ..free(id)
    };
    let refused = ledger.settle(other).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestIdUsed);

    let held = RequestId::generate();
    ledger.reserve(hold(held, "attempt/0", 30)).await.unwrap();
    ledger.settle(free(held)).await.unwrap();
    assert_eq!(ledger.standing().await, (20, 70), "its hold is free again");
    ledger.check_books();
}

#[tokio::test]
async fn a_lease_that_has_ended_elsewhere_is_looked_for() {
    let ledger = noting(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    give_back_elsewhere(&ledger, lease, 0).await;
    ledger
        .settle(whole(RequestId::generate(), lease, 30, 12))
        .await
        .unwrap();
    assert_eq!(ledger.beginnings(), [false]);
    assert_eq!(ledger.standing().await, (12, 0), "spent all the same");
    ledger.check_books();
}

#[tokio::test]
async fn no_more_is_taken_from_a_lease_than_is_left_of_it() {
    let ledger = noting(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    give_back_elsewhere(&ledger, lease, 10).await;
    ledger
        .settle(whole(RequestId::generate(), lease, 30, 12))
        .await
        .unwrap();
    assert_eq!(ledger.beginnings(), [false]);
    assert_eq!(ledger.standing().await, (12, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_replica_that_has_not_heard_of_a_lease_looks_once() {
    let ledger = noting(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    let mut elsewhere = ledger.another_client(10_000).await;
    for outright in [false, true, true] {
        let ask = whole(RequestId::generate(), lease, 10, 1);
        answer(elsewhere.settle(ask).await).unwrap();
        assert_eq!(ledger.beginnings(), [outright]);
    }
    assert_eq!(ledger.standing().await, (3, 70));
    ledger.check_books();
}

#[tokio::test]
async fn a_period_that_was_cleared_away_keeps_no_settlement_out() {
    let ledger = noting(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    ledger.execute("DELETE FROM budget_periods");
    let id = RequestId::generate();
    ledger.settle(whole(id, lease, 30, 12)).await.unwrap();
    assert_eq!(ledger.request(id).await.cost_nano_usd, 12);
}

#[tokio::test]
async fn an_alert_is_given_once_and_at_its_moment() {
    let ledger = noting(125).await;
    let alerts = || ledger.database.number("SELECT count(*) FROM alerts");
    let lease = RequestId::generate();
    // Eighty percent of 125 are 100.
    ledger.acquire(lease, 100).await;
    ledger.execute("UPDATE leases SET granted_nano_usd = 200, remaining_nano_usd = 200");
    ledger.execute("UPDATE budget_periods SET reserved_nano_usd = 200, leased_nano_usd = 200");
    for (cost, given, outright) in [
        (99, 0, true),
        (0, 0, true),
        (1, 1, false),
        (1, 1, true),
        (20, 1, true),
    ] {
        let ask = whole(RequestId::generate(), lease, cost.max(1), cost);
        ledger.settle(ask).await.unwrap();
        assert_eq!(
            (alerts(), ledger.beginnings()),
            (given, vec![outright]),
            "{cost} more"
        );
    }
    let spent = "SELECT spent_nano_usd FROM alerts WHERE kind = 'threshold'";
    assert_eq!(ledger.database.number(spent), 100);
    ledger.check_books();
}

/// Settles requests of several leases at once, through a replica each, in orders of their own.
async fn settle_all(client: LedgerServiceClient<Link>, leases: &[RequestId], times: usize) {
    for _ in 0..times {
        let calls = leases.iter().map(|lease| {
            let ask = whole(RequestId::generate(), *lease, 3, 2);
            let mut client = client.clone();
            async move { answer(client.settle(ask).await).unwrap() }
        });
        join_all(calls).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_book_outright_at_once_lose_nothing() {
    let budgets = [(DAILY, 100_000), ("project/default/daily", 100_000)];
    let ledger = Sandbox::start(|settings| {
        settings.budgets = budgets.map(|(name, cap)| budget(name, cap)).to_vec();
        settings.leases = crate::leased::LEASES;
    })
    .await;
    let leases: Vec<RequestId> = (0..3).map(|_| RequestId::generate()).collect();
    for lease in &leases {
        assert_eq!(ledger.acquire(*lease, 100).await, 100);
    }
    let elsewhere = ledger.another_client(100_000).await;
    let here = ledger.ledger.clone();
    let there: Vec<RequestId> = leases.iter().rev().copied().collect();
    tokio::join!(
        settle_all(here, &leases, 10),
        settle_all(elsewhere, &there, 10)
    );
    for (_, spent, reserved) in ledger.standings().await {
        assert_eq!((spent, reserved), (120, 300 - 180));
    }
    ledger.check_books();
    for lease in leases {
        assert_eq!(ledger.give_back(lease, 0).await, 40);
    }
}
