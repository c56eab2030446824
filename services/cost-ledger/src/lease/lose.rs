//! Lose: a lease without a sign of life is over, and what is left of it presumed to be spent.
//!
//! Who had it may have died in the middle of calls that are billed. If it was merely cut off, its
//! settlements and its giving back put right what was presumed.

use std::sync::Arc;

use futures::future::join_all;
use sqlx::PgConnection;
use terrace_domain::{Failure, NanoUsd, RequestId};

use crate::commit::{Commits, Desk, Write};
use crate::error::Error;
use crate::store::{Store, Transaction, leases};

/// The most leases that one round ends.
const BATCH: i64 = 100;

/// Ends leases that have expired.
pub(crate) async fn lose_expired(store: &Store, commits: &Commits) -> Result<(), Failure> {
    let expired = store.transact(Arc::new(Expired)).await?;
    let lost = expired.into_iter().map(|id| commits.write(Lose(id)));
    for done in join_all(lost).await {
        done?;
    }
    Ok(())
}

/// Which leases have expired.
struct Expired;

impl Transaction for Expired {
    type Output = Vec<RequestId>;
    const NAME: &'static str = "find expired leases";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        leases::expired(database, BATCH).await
    }
}

/// A lease that nobody has renewed.
struct Lose(RequestId);

impl Write for Lose {
    /// What is presumed to be spent, unless it was renewed meanwhile.
    type Output = Option<NanoUsd>;

    fn request_id(&self) -> RequestId {
        self.0
    }

    fn leases(&self) -> Vec<RequestId> {
        vec![self.0]
    }

    fn decide(&self, desk: &mut Desk) -> Result<Self::Output, Failure> {
        let now = desk.now;
        let lease = desk.lease(self.0).filter(|lease| lease.expires_at <= now);
        let Some(lease) = lease.cloned() else {
            return Ok(None);
        };
        desk.end_lease(self.0);
        if !lease.remaining.is_zero() {
            desk.open(&lease.identity())?;
            desk.enter(self.0, &lease.presumed(now));
        }
        Ok(Some(lease.remaining))
    }

    fn tell(&self, done: &Result<Self::Output, Failure>) {
        match done {
            Ok(Some(presumed)) => tracing::warn!(
                lease.id = %self.0, lease.presumed.nano_usd = presumed.get(),
                "a lease was lost, what was left of it is presumed to be spent"
            ),
            Ok(None) => (),
            Err(failure) => tracing::error!(lease.id = %self.0, %failure, "lost lease left open"),
        }
    }
}
