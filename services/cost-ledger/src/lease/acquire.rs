//! Acquire: lends a slice, or nothing.

use std::time::Duration;

use terrace_domain::{BudgetName, Failure, NanoUsd, RequestId};

use super::usable;
use crate::books::{Identity, Lease, Target};
use crate::budget::LeaseTerms;
use crate::commit::{Commits, Desk, Page, Write, id_used};

/// What is to be lent, for whom.
#[derive(Debug)]
pub(crate) struct Acquire {
    /// The lease's id stands for a request's.
    pub(crate) identity: Identity,
    pub(crate) target: Target,
    pub(crate) least: NanoUsd,
    pub(crate) most: NanoUsd,
    pub(crate) terms: LeaseTerms,
}

/// What is lent.
#[derive(Debug)]
pub(crate) struct Acquired {
    /// Nothing, if there is no lease.
    pub(crate) granted: NanoUsd,
    pub(crate) usable_for: Duration,
}

/// Lends a slice.
pub(crate) async fn acquire(commits: &Commits, ask: Acquire) -> Result<Acquired, Failure> {
    commits.write(ask).await
}

impl Write for Acquire {
    type Output = Acquired;

    fn request_id(&self) -> RequestId {
        self.identity.request_id
    }

    fn leases(&self) -> Vec<RequestId> {
        vec![self.identity.request_id]
    }

    fn budgets(&self, _page: Option<&Page>) -> Vec<BudgetName> {
        self.identity.budgets()
    }

    fn decide(&self, desk: &mut Desk) -> Result<Acquired, Failure> {
        let lease_id = self.identity.request_id;
        if desk.find(lease_id).is_some_and(|page| page.stored) {
            return Err(id_used(
                lease_id,
                "is a request's, or of a lease that was lost",
            ));
        }
        if let Some(known) = desk.lease(lease_id) {
            return Ok(Acquired {
                granted: known.granted,
                usable_for: usable(desk, self.terms, &known.periods),
            });
        }
        let periods = desk.purses.at_hand(&self.identity.budgets());
        let span = (self.least, self.most);
        let granted = self.terms.slice(desk.purses.of(&periods), span, desk.now);
        let usable_for = usable(desk, self.terms, &periods);
        if granted > NanoUsd::ZERO {
            desk.lend(Lease {
                lease_id,
                project: self.identity.project.clone(),
                key: self.identity.key.clone(),
                periods,
                granted,
                remaining: granted,
                target: self.target.clone(),
                taken_at: desk.now,
                expires_at: desk.now + self.terms.ttl,
            });
        }
        Ok(Acquired {
            granted,
            usable_for,
        })
    }
}
