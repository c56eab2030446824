//! Money that this orchestrator decides over by itself: slices of hot budgets, on lease from the
//! ledger.
//!
//! A step whose payer has a lease is not asked for: its worst case is taken here, in memory, and
//! what it was comes to the ledger with its settlement, as that of any step.

mod wallet;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use terrace_domain::{NanoUsd, Reason, RequestId, Step};
use terrace_proto::convert;
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;
use terrace_runtime::Shutdown;
use tokio::time::Instant;

pub use self::wallet::{Ask, Payer};
use self::wallet::{Errand, Taken, Told, Wallet};

/// How long leases are given back at the end of the process.
const FAREWELL: Duration = Duration::from_secs(5);
/// Between two looks then.
const SHORTLY: Duration = Duration::from_millis(50);

/// The leases in hand.
#[derive(Debug)]
pub struct Leases {
    ledger: LedgerServiceClient<Link>,
    /// As long as the ledger keeps a lease without a sign of life.
    ttl: Duration,
    wallet: Mutex<Wallet>,
}

impl Leases {
    /// None in hand. A step that is not settled within `patience` never will be.
    #[must_use]
    pub fn new(ledger: Link, ttl: Duration, patience: Duration) -> Self {
        Self {
            ledger: LedgerServiceClient::new(ledger),
            ttl,
            wallet: Mutex::new(Wallet::new(ttl, patience)),
        }
    }

    /// Takes the worst case of a step from a lease; says whether that could be.
    #[must_use]
    pub fn take(&self, ask: Ask) -> bool {
        self.wallet(|wallet| wallet.take(ask, Instant::now()))
    }

    /// Says in its settlement what a step was paid from.
    pub fn sign(&self, request_id: RequestId, step: Step, message: &mut wire::StepSettlement) {
        if let Some(Taken {
            lease_id, amount, ..
        }) = self.wallet(|wallet| wallet.taken(request_id, step))
        {
            message.lease_id = lease_id.to_string();
            message.lease_debit_nano_usd = amount.get();
        }
    }

    /// The ledger has these steps; with `is_over` there will be no other.
    pub fn settled(&self, request: RequestId, steps: impl Iterator<Item = Step>, is_over: bool) {
        self.wallet(|wallet| {
            steps.for_each(|step| wallet.settled(request, step));
            if is_over {
                wallet.over(request);
            }
        });
    }

    /// Keeps leases as long as they are of use, and gives all back at shutdown.
    pub async fn keep(self: Arc<Self>, shutdown: Shutdown) {
        while !shutdown.is_requested() {
            self.look().await;
            tokio::select! {
                () = shutdown.requested() => {}
                () = tokio::time::sleep(self.ttl / 8) => {}
            }
        }
        let give_up = Instant::now() + FAREWELL;
        loop {
            self.wallet(Wallet::retire_all);
            self.look().await;
            if self.wallet(|wallet| wallet.is_empty()) || Instant::now() >= give_up {
                return;
            }
            tokio::time::sleep(SHORTLY).await;
        }
    }

    async fn look(&self) {
        let errands = self.wallet(|wallet| wallet.errands(Instant::now()));
        join_all(errands.into_iter().map(|errand| self.run(errand))).await;
    }

    async fn run(&self, errand: Errand) {
        let done = match errand {
            Errand::Acquire {
                payer,
                least,
                most,
                target,
            } => self.acquire(payer, (least, most), target).await,
            Errand::Renew { lease_id, more } => self.renew(lease_id, more).await,
            Errand::GiveBack {
                lease_id,
                outstanding,
            } => self.give_back(lease_id, outstanding).await,
        };
        // The next look tries again.
        if let Err(status) = done {
            tracing::warn!(reason = %to_failure(&status).reason, "the ledger did not hear of a lease");
        }
    }

    async fn acquire(
        &self,
        payer: Payer,
        (least, most): (NanoUsd, NanoUsd),
        target: wire::StepTarget,
    ) -> Result<(), tonic::Status> {
        let (lease_id, sent) = (RequestId::generate(), Instant::now());
        let message = wire::AcquireLeaseRequest {
            lease_id: lease_id.to_string(),
            project: payer.project.to_string(),
            key_id: payer.key_id.clone(),
            least_nano_usd: least.get(),
            most_nano_usd: most.get(),
            target: Some(target),
        };
        let ask = request_within(message, self.soon());
        let lent = match self.ledger.clone().acquire_lease(ask).await {
            Ok(lent) => lent.into_inner(),
            Err(status) => {
                self.wallet(|wallet| wallet.unheard_of(&payer, lease_id, sent));
                return Err(status);
            }
        };
        let told = Told {
            sent,
            granted: NanoUsd::new(lent.granted_nano_usd),
            usable_until: sent + span(lent.usable_for),
            recalled: false,
        };
        self.wallet(|wallet| wallet.acquired(&payer, lease_id, told));
        Ok(())
    }

    async fn renew(&self, lease_id: RequestId, more: NanoUsd) -> Result<(), tonic::Status> {
        let sent = Instant::now();
        let message = wire::RenewLeaseRequest {
            lease_id: lease_id.to_string(),
            more_nano_usd: more.get(),
        };
        let ask = request_within(message, self.soon());
        let lease = match self.ledger.clone().renew_lease(ask).await {
            Ok(renewed) => renewed.into_inner(),
            Err(status) if to_failure(&status).reason == Reason::NotFound => {
                self.wallet(|wallet| wallet.lost(lease_id, sent));
                return Ok(());
            }
            Err(status) => return Err(status),
        };
        let told = Told {
            sent,
            granted: NanoUsd::new(lease.granted_nano_usd),
            usable_until: sent + span(lease.usable_for),
            recalled: lease.recalled,
        };
        self.wallet(|wallet| wallet.renewed(lease_id, told));
        Ok(())
    }

    async fn give_back(
        &self,
        lease_id: RequestId,
        outstanding: NanoUsd,
    ) -> Result<(), tonic::Status> {
        let message = wire::ReturnLeaseRequest {
            lease_id: lease_id.to_string(),
            outstanding_nano_usd: outstanding.get(),
        };
        let ask = request_within(message, self.soon());
        self.ledger.clone().return_lease(ask).await?;
        self.wallet(|wallet| wallet.given_back(lease_id, outstanding));
        Ok(())
    }

    /// Later than this an answer tells nothing that the next one will not.
    fn soon(&self) -> Deadline {
        Deadline::within(self.ttl / 4)
    }

    fn wallet<T>(&self, work: impl FnOnce(&mut Wallet) -> T) -> T {
        // No change panics half-way.
        work(&mut self.wallet.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn span(message: Option<prost_types::Duration>) -> Duration {
    let span = message.as_ref().and_then(convert::duration);
    span.unwrap_or_default()
}
