//! Leases: what is lent is reserved, comes back when it is given back, is presumed to be spent when
//! nobody is heard of any more, and is asked back when somebody else is short of it.

use std::time::Duration;

use terrace_config::Leases;
use terrace_domain::{Failure, NanoUsd, Reason, RequestId};
use terrace_proto::ledger::v1 as wire;

use crate::sandbox::{DAILY, PROJECT, Sandbox, answer, budget, hold, settling, spent, target};

/// Leases of up to a hundred, out of up to three hundred.
pub(crate) const LEASES: Leases = Leases {
    enabled: true,
    slice: NanoUsd::new(100),
    ttl: Duration::from_secs(4),
    max_stranded: NanoUsd::new(300),
};

pub(crate) async fn lending(cap: i64) -> Sandbox {
    Sandbox::start(|settings| {
        settings.budgets = vec![budget(DAILY, cap)];
        settings.leases = LEASES;
    })
    .await
}

/// A step for which `debit` was taken from a lease.
pub(crate) fn paid_from(lease_id: RequestId, debit: i64, cost: i64) -> wire::StepSettlement {
    wire::StepSettlement {
        lease_id: lease_id.to_string(),
        lease_debit_nano_usd: debit,
        ..spent("attempt/0", cost)
    }
}

impl Sandbox {
    /// Asks for a lease of at least one nano-USD; says what was lent.
    pub(crate) async fn acquire(&self, lease_id: RequestId, most: i64) -> i64 {
        self.try_acquire(lease_id, most).await.unwrap()
    }

    pub(crate) async fn try_acquire(&self, lease_id: RequestId, most: i64) -> Result<i64, Failure> {
        let ask = wire::AcquireLeaseRequest {
            lease_id: lease_id.to_string(),
            project: PROJECT.to_owned(),
            key_id: String::new(),
            least_nano_usd: 1,
            most_nano_usd: most,
            target: Some(target("api_fallback")),
        };
        let acquired = answer(self.ledger.clone().acquire_lease(ask).await)?;
        Ok(acquired.granted_nano_usd)
    }

    pub(crate) async fn renew(
        &self,
        lease_id: RequestId,
        more: i64,
    ) -> Result<wire::RenewLeaseResponse, Failure> {
        let ask = wire::RenewLeaseRequest {
            lease_id: lease_id.to_string(),
            more_nano_usd: more,
        };
        answer(self.ledger.clone().renew_lease(ask).await)
    }

    /// Gives a lease back but for `outstanding`; says what came free.
    pub(crate) async fn give_back(&self, lease_id: RequestId, outstanding: i64) -> i64 {
        let ask = wire::ReturnLeaseRequest {
            lease_id: lease_id.to_string(),
            outstanding_nano_usd: outstanding,
        };
        let returned = answer(self.ledger.clone().return_lease(ask).await).unwrap();
        returned.freed_nano_usd
    }

    /// Settles a step for which `debit` was taken from a lease.
    pub(crate) async fn settle_from(
        &self,
        lease_id: RequestId,
        debit: i64,
        cost: i64,
    ) -> RequestId {
        let id = RequestId::generate();
        let step = paid_from(lease_id, debit, cost);
        self.settle(settling(id, [step])).await.unwrap();
        id
    }

    /// Makes a lease look as if nobody had renewed it for long.
    pub(crate) fn expire_lease(&self, lease_id: RequestId) {
        self.execute(&format!(
            "UPDATE leases SET expires_at = now() - interval '1 second' WHERE lease_id = '{lease_id}'"
        ));
    }

    async fn leased(&self) -> i64 {
        self.budgets().await[0].leased_nano_usd
    }
}

#[tokio::test]
async fn what_is_lent_is_reserved_and_what_is_paid_from_it_is_spent() {
    let ledger = lending(10_000).await;
    let lease = RequestId::generate();
    assert_eq!(ledger.acquire(lease, 1_000).await, 100);
    assert_eq!(ledger.acquire(lease, 1_000).await, 100, "repeated");
    assert_eq!(
        (ledger.standing().await, ledger.leased().await),
        ((0, 100), 100)
    );
    let id = ledger.settle_from(lease, 30, 12).await;
    assert_eq!(
        (ledger.standing().await, ledger.leased().await),
        ((12, 70), 70)
    );
    assert_eq!(ledger.request(id).await.cost_nano_usd, 12);
    assert_eq!(ledger.renew(lease, 50).await.unwrap().granted_nano_usd, 150);
    assert_eq!(ledger.give_back(lease, 0).await, 120);
    assert_eq!(ledger.give_back(lease, 0).await, 0);
    assert_eq!(
        (ledger.standing().await, ledger.leased().await),
        ((12, 0), 0)
    );
    let ended = ledger.renew(lease, 0).await.unwrap_err();
    assert_eq!(ended.reason, Reason::NotFound);
    ledger.check_books();
}

#[tokio::test]
async fn a_settlement_that_is_repeated_takes_from_its_lease_once() {
    let ledger = lending(10_000).await;
    let (lease, id) = (RequestId::generate(), RequestId::generate());
    ledger.acquire(lease, 100).await;
    for _ in 0..3 {
        let step = paid_from(lease, 30, 20);
        ledger.settle(settling(id, [step])).await.unwrap();
    }
    assert_eq!(ledger.standing().await, (20, 70));
    ledger.check_books();
}

#[tokio::test]
async fn what_is_taken_and_not_settled_stays_when_a_lease_is_given_back() {
    let ledger = lending(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    assert_eq!(ledger.give_back(lease, 30).await, 70);
    assert_eq!(ledger.standing().await, (0, 30));
    ledger.settle_from(lease, 30, 25).await;
    assert_eq!(ledger.standing().await, (25, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_lost_lease_is_presumed_to_be_spent_and_put_right_when_its_holder_is_back() {
    let ledger = lending(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    ledger.settle_from(lease, 10, 10).await;
    ledger.app.reap().await.unwrap();
    assert_eq!(ledger.standing().await, (10, 90), "it has not expired");
    ledger.expire_lease(lease);
    ledger.app.reap().await.unwrap();
    assert_eq!(ledger.standing().await, (100, 0));
    let known = ledger.request(lease).await;
    assert_eq!(
        known.close.unwrap().outcome(),
        wire::RequestOutcome::Presumed
    );
    assert_eq!(
        (known.steps[0].step.as_str(), known.cost_nano_usd),
        ("lease", 90)
    );
    ledger.check_books();

    ledger.settle_from(lease, 40, 15).await;
    assert_eq!(
        ledger.standing().await,
        (75, 0),
        "25 less than was presumed"
    );
    assert_eq!(ledger.give_back(lease, 20).await, 30);
    assert_eq!(ledger.give_back(lease, 0).await, 20);
    assert_eq!(ledger.standing().await, (25, 0));
    assert_eq!(ledger.request(lease).await.cost_nano_usd, 0);
    ledger.check_books();
}

#[tokio::test]
async fn no_more_is_lent_than_may_be_stranded_and_little_near_the_cap() {
    let ledger = lending(10_000).await;
    let mut lent = Vec::new();
    for _ in 0..4 {
        lent.push(ledger.acquire(RequestId::generate(), 100).await);
    }
    assert_eq!(lent, [100, 100, 100, 0]);
    let near = lending(160).await;
    assert_eq!(near.acquire(RequestId::generate(), 100).await, 10);
}

#[tokio::test]
async fn a_hold_that_finds_no_room_waits_for_what_is_lent() {
    let ledger = lending(160).await;
    let lease = RequestId::generate();
    assert_eq!(ledger.acquire(lease, 100).await, 10);
    let holder = async {
        loop {
            if ledger.renew(lease, 0).await.unwrap().recalled {
                break ledger.give_back(lease, 0).await;
            }
            tokio::task::yield_now().await;
        }
    };
    let all = hold(RequestId::generate(), "attempt/0", 160);
    let (held, freed) = tokio::join!(ledger.reserve(all), holder);
    assert_eq!((held.unwrap().held_nano_usd, freed), (160, 10));
    assert_eq!(ledger.acquire(RequestId::generate(), 100).await, 0);
    assert_eq!(ledger.standing().await, (0, 160));
    ledger.check_books();
}

#[tokio::test]
async fn a_hold_is_refused_in_the_end_when_nothing_comes_back() {
    let ledger = lending(160).await;
    ledger.acquire(RequestId::generate(), 100).await;
    let all = hold(RequestId::generate(), "attempt/0", 160);
    let refused = ledger.reserve(all).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    assert_eq!(ledger.standing().await, (0, 10));
}

#[tokio::test]
async fn a_paused_budget_asks_its_leases_back() {
    let ledger = lending(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    assert!(!ledger.renew(lease, 10).await.unwrap().recalled);
    ledger.execute("UPDATE budgets SET paused = true");
    let renewed = ledger.renew(lease, 10).await.unwrap();
    assert!(renewed.recalled);
    assert_eq!(renewed.granted_nano_usd, 110, "it does not grow");
}

#[tokio::test]
async fn nobody_pays_from_the_lease_of_another_project() {
    let ledger = lending(10_000).await;
    let lease = RequestId::generate();
    ledger.acquire(lease, 100).await;
    let step = wire::StepSettlement {
        lease_id: lease.to_string(),
        lease_debit_nano_usd: 30,
        ..spent("attempt/0", 20)
    };
    let mut ask = settling(RequestId::generate(), [step]);
    ask.project = "other".to_owned();
    let refused = ledger.settle(ask).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRequest);
    assert_eq!(ledger.standing().await, (0, 100));
}

#[tokio::test]
async fn where_leases_are_off_nothing_is_lent() {
    let ledger = Sandbox::with_budget(10_000).await;
    assert_eq!(ledger.acquire(RequestId::generate(), 100).await, 0);
    assert_eq!(ledger.standing().await, (0, 0));
}
