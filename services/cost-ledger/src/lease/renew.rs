//! Renew: a lease lives on, and may grow.

use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, Reason, RequestId};

use super::usable;
use crate::budget::LeaseTerms;
use crate::commit::{Commits, Desk, Write};

/// Which lease, and by how much it is to grow.
#[derive(Debug)]
pub(crate) struct Renew {
    pub(crate) lease_id: RequestId,
    pub(crate) more: NanoUsd,
    pub(crate) terms: LeaseTerms,
}

/// The lease as it is now.
#[derive(Debug)]
pub(crate) struct Renewed {
    pub(crate) granted: NanoUsd,
    pub(crate) usable_for: Duration,
    /// Somebody is short of what is lent.
    pub(crate) recalled: bool,
}

/// Renews a lease.
pub(crate) async fn renew(commits: &Commits, ask: Renew) -> Result<Renewed, Failure> {
    commits.write(ask).await
}

impl Write for Renew {
    type Output = Renewed;

    fn request_id(&self) -> RequestId {
        self.lease_id
    }

    fn leases(&self) -> Vec<RequestId> {
        vec![self.lease_id]
    }

    fn decide(&self, desk: &mut Desk) -> Result<Renewed, Failure> {
        let lease = desk.lease(self.lease_id).ok_or_else(|| {
            let message = format!("the lease {} is given back or lost", self.lease_id);
            Failure::new(Reason::NotFound, message)
        })?;
        let periods = lease.periods.clone();
        let span = (NanoUsd::ZERO, self.more);
        let purses = || desk.purses.of(&periods);
        let grown = self
            .terms
            .slice(purses(), span, desk.now)
            .max(NanoUsd::ZERO);
        let recalled =
            purses().any(|purse| purse.standing.paused || self.terms.is_recalling(purse, desk.now));
        let (granted, usable_for) = (
            lease.granted.plus(grown),
            usable(desk, self.terms, &periods),
        );
        let expires_at = desk.now + self.terms.ttl;
        desk.change_lease(self.lease_id, |lease| {
            lease.granted = granted;
            lease.remaining = lease.remaining.plus(grown);
            lease.expires_at = expires_at;
        });
        Ok(Renewed {
            granted,
            usable_for,
            recalled,
        })
    }
}
