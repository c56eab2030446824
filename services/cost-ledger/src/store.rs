//! The database: every statement of the ledger is in here, one module a concern.
//!
//! Lock order, the same everywhere: rows of requests by id, then budgets, then leases by id, then periods
//! by id, then rows that are new. Time is the database's own (`now()`, the beginning of the transaction),
//! so that replicas with clocks of their own agree on days and expiries.

pub(crate) mod accounts;
pub(crate) mod alerts;
pub(crate) mod books;
pub(crate) mod budgets;
pub(crate) mod clock;
mod connect;
pub(crate) mod entries;
mod error;
mod events;
pub(crate) mod history;
mod holds;
pub(crate) mod leases;
pub(crate) mod outright;
pub(crate) mod periods;
pub(crate) mod requests;
pub(crate) mod rows;
mod statement;
pub(crate) mod summary;
mod tx;
pub(crate) mod usage;
pub(crate) mod verify;

use std::time::Duration;

use sqlx::PgPool;
use terrace_runtime::{Tasks, Work};
use tokio::runtime::Handle;

use crate::config::Settings;
use crate::error::StartError;

pub(crate) use connect::migrate;
pub(crate) use tx::Transaction;

/// The pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: PgPool,
    /// A connection for transactions that find every row by its key.
    by_key: PgPool,
    /// How long a transaction waits for a connection.
    patience: Duration,
    tasks: Tasks,
    /// Where the connections are.
    runtime: Handle,
}

impl Store {
    /// Waits for the database, brings its tables up to date and opens the pool.
    pub(crate) async fn open(settings: &Settings, tasks: Tasks) -> Result<Self, StartError> {
        let (pool, by_key) = connect::open(settings).await?;
        Ok(Self {
            pool,
            by_key,
            patience: settings.connect_timeout,
            tasks,
            runtime: Handle::current(),
        })
    }

    /// Starts work that comes to its end even if nobody waits any more. It runs where the connections
    /// are: whoever asks may do so from a lane, and each answer of the database would have to wake one
    /// thread that wakes another.
    pub(crate) fn detach<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Work<T> {
        let _there = self.runtime.enter();
        self.tasks.detach(name, work)
    }
}
