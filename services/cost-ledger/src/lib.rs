//! The books: reservations, settlements, budgets and savings, on PostgreSQL.
//!
//! A call goes through `grpc` (wire) to its use case. One that writes (`reserve`, `extend`, `settle`,
//! `release`, `lease`, `reap`) is handed to `commit`, which decides and writes what arrives together in one
//! transaction of the `store`; one that reads (`lookup`, `summary`,
//! `usage`, `accounts`, `verify`) has a transaction of its own.
//! What a call changes in the books of a request is worked out in `books`, what a budget says in
//! `budget`; both are pure. Money is whole nano-USD from the wire to the rows. Acknowledged means
//! committed.
#![warn(missing_docs)]

mod accounts;
mod alerts;
pub mod app;
mod books;
mod budget;
mod commit;
pub mod config;
pub mod error;
mod extend;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grpc;
mod history;
mod lease;
mod lookup;
mod metrics;
mod outcome;
mod reap;
mod release;
mod reserve;
mod set_budget;
mod settle;
mod spool;
mod store;
mod summary;
mod usage;
mod verify;

pub use app::{App, build};
pub use config::Settings;
pub use error::StartError;
pub use spool::SpoolSettings;

use std::net::SocketAddr;

use terrace_config::Config;
use terrace_rpc::server::{self, ServerSettings};
use terrace_runtime::{Shutdown, Tasks};

/// Brings the tables of the configured database up to date, and does nothing else.
///
/// # Errors
/// The address of the database is missing or wrong, nobody answers there within the connect
/// time-out, or a migration fails; then the tables are as they were before it.
pub async fn migrate(config: &Config) -> Result<(), StartError> {
    store::migrate(&Settings::from_config(config)).await
}

/// Builds the ledger and serves until `shutdown`; `listen` overrides the config's address.
///
/// One line on stdout says where it listens, for whoever started it with port 0.
///
/// # Errors
/// The database cannot be used, an address cannot be listened on, or the listener broke later.
pub async fn run(
    config: &Config,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let tasks = Tasks::new(shutdown.clone());
    let app = build(Settings::from_config(config), &tasks).await?;
    let settings = ServerSettings::from_config(config, &config.services.cost_ledger, listen);
    let stack = app.stack(&settings)?;
    let bound = server::bind(&settings).await?;
    server::announce("cost-ledger", &bound.url())?;
    app.start_background(&tasks);
    let served = bound.serve(stack, shutdown).await;
    // What was begun for callers that are gone by now is still written.
    if let Err(left) = tasks.wait(settings.grace.finish).await {
        tracing::warn!(%left, "stopped before everything was written");
    }
    Ok(served?)
}
