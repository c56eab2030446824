//! The reaper: ends requests whose orchestrator died.
//!
//! A request without a sign of life for its time to live is closed as presumed; what it holds is
//! booked at its worst case, because the call may well have been made and billed. Several replicas
//! may reap at once: each request is taken by one of them, in a transaction of its own, so that
//! one that cannot be booked does not hold up the others.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use terrace_domain::{Failure, NanoUsd, Reason, RequestId};
use terrace_telemetry::fields;

use crate::books::Entries;
use crate::error::Error;
use crate::store::{Store, Transaction, entries, requests};
use crate::{lookup, metrics};

/// The most requests that one round ends.
const BATCH: i64 = 100;

/// Ends expired requests every `interval`, for as long as the process lives.
pub(crate) async fn run(store: Store, interval: Duration) {
    loop {
        // A failure was logged where it became one; the next round tries again.
        let ended = round(&store).await.unwrap_or_default();
        if let Ok(budgets) = lookup::budgets(&store).await {
            metrics::budgets(&budgets);
        }
        // A full batch means that more are waiting.
        if ended < BATCH {
            tokio::time::sleep(interval).await;
        }
    }
}

/// Ends up to a batch of expired requests and says how many it was.
pub(crate) async fn round(store: &Store) -> Result<i64, Failure> {
    let expired = store.transact(Arc::new(Expired)).await?;
    let mut ended = 0;
    for request_id in expired {
        let orphan = Arc::new(Orphan(request_id));
        match store.transact(orphan).await {
            Ok(Some(presumed)) => {
                ended += 1;
                tell(request_id, &presumed);
            }
            Ok(None) => (),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.reason == Reason::LedgerUnavailable {
                    return Err(failure);
                }
                tracing::error!({ fields::REQUEST_ID } = %request_id, %failure, "orphan left open");
            }
        }
    }
    Ok(ended)
}

fn tell(request_id: RequestId, presumed: &Presumed) {
    metrics::booked(&presumed.written);
    if presumed.alerted {
        metrics::alert();
    }
    let cost: NanoUsd = presumed.written.added_cost;
    tracing::warn!(
        { fields::REQUEST_ID } = %request_id, { fields::COST } = cost.get(),
        "orphaned request closed, its holds booked as presumed"
    );
}

/// Which requests have expired.
struct Expired;

impl Transaction for Expired {
    type Output = Vec<RequestId>;
    const NAME: &'static str = "find expired requests";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        requests::expired(database, BATCH).await
    }
}

/// Ends one request, if it is still expired and nobody else is at it.
struct Orphan(RequestId);

struct Presumed {
    written: Entries,
    alerted: bool,
}

impl Transaction for Orphan {
    type Output = Option<Presumed>;
    const NAME: &'static str = "end an expired request";

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let Some(locked) = requests::lock_expired(database, self.0).await? else {
            return Ok(None);
        };
        let written = locked.books.presume(locked.now);
        let alerted = entries::write(database, self.0, &written).await?;
        Ok(Some(Presumed { written, alerted }))
    }
}
