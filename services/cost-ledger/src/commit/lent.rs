//! Leases on the desk, and what a batch changes in them.

use std::collections::{BTreeMap, BTreeSet};

use terrace_domain::{NanoUsd, RequestId};

use super::desk::Desk;
use crate::books::{Debit, Lease, Movement, PeriodId};

/// A lease and what has changed in it.
#[derive(Debug, Clone)]
pub(crate) struct Lent {
    pub(crate) lease: Lease,
    /// Whether the database has a row of it.
    pub(crate) stored: bool,
    pub(crate) changed: bool,
    /// Whether it is over: given back in full, or lost.
    pub(crate) ended: bool,
}

impl Lent {
    /// A lease that the database knows.
    pub(crate) const fn stored(lease: Lease) -> Self {
        Self {
            lease,
            stored: true,
            changed: false,
            ended: false,
        }
    }
}

impl Desk {
    /// A lease that is out.
    pub(crate) fn lease(&self, id: RequestId) -> Option<&Lease> {
        let lent = self.leases.get(&id).filter(|lent| !lent.ended)?;
        Some(&lent.lease)
    }

    /// Lends what the lease says.
    pub(crate) fn lend(&mut self, lease: Lease) {
        self.move_lent(&lease.periods, lease.remaining);
        let lent = Lent {
            stored: false,
            changed: true,
            ended: false,
            lease,
        };
        self.leases.insert(lent.lease.lease_id, lent);
    }

    /// Changes a lease that is out; what is left of it moves the sums of its budgets.
    pub(crate) fn change_lease(&mut self, id: RequestId, change: impl FnOnce(&mut Lease)) {
        let Some(lent) = self.leases.get_mut(&id).filter(|lent| !lent.ended) else {
            return;
        };
        let before = lent.lease.remaining;
        change(&mut lent.lease);
        lent.changed = true;
        let more = lent.lease.remaining.minus(before);
        let periods = lent.lease.periods.clone();
        self.move_lent(&periods, more);
    }

    /// Ends a lease that is out: what is left of it is free.
    pub(crate) fn end_lease(&mut self, id: RequestId) {
        self.change_lease(id, |lease| lease.remaining = NanoUsd::ZERO);
        if let Some(lent) = self.leases.get_mut(&id) {
            lent.ended = true;
        }
    }

    /// Takes what steps had been given out of their leases: their cost stands for itself now. Of a
    /// lease that was lost, so much less is presumed.
    pub(crate) fn settle_debits(&mut self, debits: &[Debit]) {
        for Debit { lease_id, amount } in debits.iter().copied() {
            if self.lease(lease_id).is_some() {
                self.change_lease(lease_id, |lease| {
                    lease.remaining = lease.remaining.minus(amount.min(lease.remaining));
                });
                continue;
            }
            let books = self.find(lease_id).map(|page| &page.books);
            match books.and_then(|books| Some((books, books.presumed_lease()?))) {
                Some((books, presumed)) => {
                    let less = books.presume_less(presumed.minus(amount.min(presumed)));
                    self.enter(lease_id, &less);
                }
                None => tracing::warn!(lease.id = %lease_id, "a step was paid from no lease"),
            }
        }
    }

    /// The periods that a step is paid from whose worst case was taken from a lease.
    pub(crate) fn periods_of_lease(&self, id: RequestId) -> Option<Vec<PeriodId>> {
        let out = self.lease(id).map(|lease| lease.periods.clone());
        out.or_else(|| {
            let page = self.find(id)?;
            page.books.presumed_lease()?;
            let periods: BTreeSet<PeriodId> = page.books.periods().collect();
            Some(periods.into_iter().collect())
        })
    }

    fn move_lent(&mut self, periods: &[PeriodId], amount: NanoUsd) {
        let movement = Movement {
            reserved: amount,
            leased: amount,
            spent: NanoUsd::ZERO,
        };
        let movements = periods.iter().map(|period| (*period, movement));
        self.purses.apply(&movements.collect::<BTreeMap<_, _>>());
    }
}
