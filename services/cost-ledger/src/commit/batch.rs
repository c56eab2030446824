//! The transaction of a batch: lock, load, decide in memory, write.
//!
//! Rows are locked in one order, whoever locks them: requests, leases and periods, each by id; new rows
//! of requests come last. What is locked and loaded is found out before anything is decided, so a
//! decision never has to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::Durability;
use terrace_domain::{BudgetName, RequestId};

use super::desk::{Desk, Page};
use super::job::Job;
use super::lent::Lent;
use crate::books::PeriodId;
use crate::budget::{Alert, Purses};
use crate::error::Error;
use crate::store::requests::Locked;
use crate::store::{Transaction, books, entries, leases, periods, requests};

/// Some writes that are decided and written as one.
#[derive(Debug)]
pub(super) struct Batch {
    jobs: Vec<Arc<dyn Job>>,
    /// What acknowledged means for what costs nothing.
    durability: Durability,
}

impl Transaction for Batch {
    type Output = Written;
    const NAME: &'static str = "write a batch";
    const BY_KEY: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Written, Error> {
        let mut desk = self.lock(database).await?;
        for job in &self.jobs {
            job.decide(&mut desk);
        }
        let durability = match desk.is_free() {
            true => self.durability,
            false => Durability::Strict,
        };
        entries::write(database, &desk, durability).await?;
        Ok(Written {
            alerts: desk.purses.alerts().to_vec(),
            leases: desk.leases,
        })
    }
}

/// What a batch has come to.
pub(super) struct Written {
    /// The alerts that have become due.
    pub(super) alerts: Vec<Alert>,
    /// The leases that it has touched, as they are now.
    pub(super) leases: BTreeMap<RequestId, Lent>,
}

impl Batch {
    pub(super) fn of(jobs: &[Arc<dyn Job>], durability: Durability) -> Self {
        Self {
            jobs: jobs.to_vec(),
            durability,
        }
    }

    async fn lock(&self, database: &mut PgConnection) -> Result<Desk, Error> {
        let leases: BTreeSet<RequestId> = self.jobs.iter().flat_map(|job| job.leases()).collect();
        // The books of a lease that was lost are under its id.
        let ids = self.jobs.iter().map(|job| job.request_id());
        let ids: BTreeSet<RequestId> = ids.chain(leases.iter().copied()).collect();
        let Locked { now, pages } = requests::lock(database, &ids).await?;
        let pages = books::load(database, pages).await?;
        let leases = match leases.is_empty() {
            true => BTreeMap::new(),
            false => leases::lock(database, &leases).await?,
        };
        let (names, mut known) = self.periods(&pages);
        known.extend(leases.values().flat_map(|lent| &lent.lease.periods));
        let purses = match names.is_empty() && known.is_empty() {
            true => BTreeMap::new(),
            false => periods::lock(database, &names, &known).await?,
        };
        Ok(Desk::new(now, pages, leases, Purses::new(now, purses)))
    }

    /// The budgets and the periods that may move.
    fn periods(
        &self,
        pages: &BTreeMap<RequestId, Page>,
    ) -> (BTreeSet<BudgetName>, BTreeSet<PeriodId>) {
        let budgets = |job: &Arc<dyn Job>| job.budgets(pages.get(&job.request_id()));
        let names = self.jobs.iter().flat_map(budgets).collect();
        let known = pages.values().flat_map(|page| page.books.periods());
        (names, known.collect())
    }
}
