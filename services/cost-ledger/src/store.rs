//! The database: every statement of the ledger is in here, one module a concern.
//!
//! Lock order, the same everywhere: the request's row, then budgets, then periods by id. Time is
//! the database's own (`now()`, the beginning of the transaction), so that replicas with clocks
//! of their own agree on days and expiries.

pub(crate) mod budgets;
mod connect;
pub(crate) mod entries;
mod error;
pub(crate) mod requests;
pub(crate) mod rows;
pub(crate) mod summary;
mod tx;

use sqlx::PgPool;
use terrace_runtime::Tasks;

use crate::config::Settings;
use crate::error::StartError;

pub(crate) use tx::Transaction;

/// The pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: PgPool,
    tasks: Tasks,
}

impl Store {
    /// Waits for the database, brings its tables up to date and opens the pool.
    pub(crate) async fn open(settings: &Settings, tasks: Tasks) -> Result<Self, StartError> {
        let pool = connect::open(settings).await?;
        Ok(Self { pool, tasks })
    }
}
