//! What is booked outright: in one statement, without a look at what is there.
//!
//! Most requests are heard of once, when they have ended, and cost nothing or were paid from a lease.
//! All that a look could find out about them is known: there is nothing under a new id, and who a lease
//! belongs to and where its money came from never changes. So such a batch is worked out first and
//! written by one statement that makes sure: it fails, and has changed nothing, where a request is there
//! already, a lease has ended or has too little left, or an alert is due. Then somebody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::Durability;
use terrace_domain::RequestId;
use time::OffsetDateTime;

use super::desk::Desk;
use super::job::Job;
use super::known::KnownLeases;
use super::lent::Lent;
use crate::budget::Purses;
use crate::error::Error;
use crate::store::{Transaction, outright};

/// Writes that are booked outright.
#[derive(Debug)]
pub(super) struct Outright {
    jobs: Vec<Arc<dyn Job>>,
    leases: BTreeMap<RequestId, Lent>,
    /// What acknowledged means for what costs nothing.
    durability: Durability,
}

impl Outright {
    /// The batch, if all of it can be booked outright.
    pub(super) fn of(
        jobs: &[Arc<dyn Job>],
        known: &KnownLeases,
        durability: Durability,
    ) -> Option<Self> {
        if !jobs.iter().all(|job| job.is_outright(known)) {
            return None;
        }
        let ids: BTreeSet<RequestId> = jobs.iter().flat_map(|job| job.leases()).collect();
        let leases = known.of(&ids);
        (leases.len() == ids.len()).then(|| Self {
            jobs: jobs.to_vec(),
            leases,
            durability,
        })
    }

    /// The leases that it pays from.
    pub(super) fn leases(&self) -> impl Iterator<Item = RequestId> {
        self.leases.keys().copied()
    }
}

impl Transaction for Outright {
    type Output = ();
    const NAME: &'static str = "book outright";
    const ALONE: bool = true;
    const BY_KEY: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        // The requests are closed: nothing of them depends on whose clock this is.
        let now = OffsetDateTime::now_utc();
        let leases = self.leases.clone();
        let mut desk = Desk::new(now, BTreeMap::new(), leases, Purses::unseen(now));
        for job in &self.jobs {
            job.decide(&mut desk);
        }
        let durability = match desk.is_free() {
            true => self.durability,
            false => Durability::Strict,
        };
        outright::write(database, &desk, durability).await
    }
}
