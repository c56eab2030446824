//! The reaper: ends requests whose orchestrator died.
//!
//! A request without a sign of life for its time to live is closed as presumed; what it holds is
//! booked at its worst case, because the call may well have been made and billed. Several replicas
//! may reap at once: who comes second finds the request closed.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sqlx::PgConnection;
use terrace_domain::{Failure, Reason, RequestId};
use terrace_telemetry::fields;

use crate::books::Entries;
use crate::commit::{Commits, Desk, Page, Write};
use crate::error::Error;
use crate::store::{Store, Transaction, requests};
use crate::{lease, lookup, metrics};

/// The most requests that one round ends.
const BATCH: i64 = 100;

/// Ends expired requests every `interval`, for as long as the process lives.
pub(crate) async fn run(store: Store, commits: Commits, interval: Duration) {
    loop {
        // A failure was logged where it became one; the next round tries again.
        let ended = round(&store, &commits).await.unwrap_or_default();
        if let Err(failure) = lease::lose_expired(&store, &commits).await {
            tracing::warn!(%failure, "expired leases are not looked for");
        }
        if let Ok(budgets) = lookup::budgets(&store, None).await {
            metrics::budgets(&budgets);
        }
        // A full batch means that more are waiting.
        if ended < BATCH {
            tokio::time::sleep(interval).await;
        }
    }
}

/// Ends up to a batch of expired requests and says how many it was.
pub(crate) async fn round(store: &Store, commits: &Commits) -> Result<i64, Failure> {
    let expired = store.transact(Arc::new(Expired)).await?;
    let orphans = expired.into_iter().map(|id| commits.write(Orphan(id)));
    let mut ended = 0;
    for done in join_all(orphans).await {
        match done {
            Ok(Some(_)) => ended += 1,
            Ok(None) => (),
            Err(failure) if failure.reason == Reason::LedgerUnavailable => return Err(failure),
            // It was told where it failed, and does not hold up the others.
            Err(_) => (),
        }
    }
    Ok(ended)
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

/// Ends one request, if it still is open and expired.
struct Orphan(RequestId);

impl Write for Orphan {
    type Output = Option<Entries>;

    fn request_id(&self) -> RequestId {
        self.0
    }

    fn decide(&self, desk: &mut Desk) -> Result<Self::Output, Failure> {
        let now = desk.now;
        let page = desk.find(self.0);
        let expired = |page: &&Page| page.books.closed.is_none() && page.expires_at <= now;
        let Some(page) = page.filter(expired) else {
            return Ok(None);
        };
        let written = page.books.presume(now);
        desk.enter(self.0, &written);
        Ok(Some(written))
    }

    fn tell(&self, done: &Result<Self::Output, Failure>) {
        match done {
            Ok(Some(written)) => {
                metrics::booked(written);
                tracing::warn!(
                    { fields::REQUEST_ID } = %self.0, { fields::COST } = written.added_cost.get(),
                    "orphaned request closed, its holds booked as presumed"
                );
            }
            Ok(None) => (),
            Err(failure) => {
                tracing::error!({ fields::REQUEST_ID } = %self.0, %failure, "orphan left open");
            }
        }
    }
}
