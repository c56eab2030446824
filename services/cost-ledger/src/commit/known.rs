//! Leases that are known without a look: who they were lent to and which periods they came from, which
//! never changes. What is left of them only the database can say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use terrace_domain::{NanoUsd, RequestId};

use super::lent::Lent;

/// The most that are remembered. One that is forgotten costs a look.
const LARGEST: usize = 10_000;

/// Leases that were out when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct KnownLeases(Mutex<BTreeMap<RequestId, Lent>>);

impl KnownLeases {
    /// Whether the lease was out when it was last looked at.
    pub(crate) fn knows(&self, id: RequestId) -> bool {
        self.known().contains_key(&id)
    }

    /// Remembers what a look has found, and forgets what it found to have ended.
    pub(super) fn learn(&self, looked_at: &BTreeMap<RequestId, Lent>) {
        let mut known = self.known();
        for (id, lent) in looked_at {
            if lent.ended {
                known.remove(id);
            } else if !known.contains_key(id) {
                if known.len() >= LARGEST {
                    // The oldest: ids are ordered by time, and a lease does not live for long.
                    known.pop_first();
                }
                known.insert(*id, unlooked(lent));
            }
        }
    }

    /// Forgets these: something about them was not as it was thought to be.
    pub(super) fn forget(&self, ids: impl Iterator<Item = RequestId>) {
        let mut known = self.known();
        for id in ids {
            known.remove(&id);
        }
    }

    /// Those of these leases that are known, with more left than anybody can take.
    pub(super) fn of(&self, ids: &BTreeSet<RequestId>) -> BTreeMap<RequestId, Lent> {
        let known = self.known();
        let found = ids
            .iter()
            .filter_map(|id| Some((*id, known.get(id)?.clone())));
        found.collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<RequestId, Lent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lease as one of which it is not known how much is left.
fn unlooked(lent: &Lent) -> Lent {
    let mut lease = lent.lease.clone();
    lease.remaining = UNKNOWN;
    Lent::stored(lease)
}

/// Stands for what is left of a lease: whoever writes has the database see to it that it is enough.
const UNKNOWN: NanoUsd = NanoUsd::new(i64::MAX);

impl Lent {
    /// What was taken from a lease of which it is not known how much is left.
    pub(crate) const fn taken(&self) -> NanoUsd {
        UNKNOWN.minus(self.lease.remaining)
    }
}
