//! The orchestrator: plans, attempts, judges and answers a request over tiers of models.
//!
//! The way of the data: [`grpc`] (wire in, wire out) → [`route`] (the use case) → [`route::plan`]
//! and [`route::outcome`] (pure) and [`ports`] (what it needs of others) ← [`clients`] (the ports
//! over links). [`app`] wires it all together.
#![warn(missing_docs)]

pub mod answer;
pub mod answers;
pub mod app;
pub mod catalog;
pub mod classification;
pub mod clients;
pub mod config;
pub mod demand;
pub mod door;
pub mod fingerprint;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
pub mod metrics;
pub mod opinion;
pub mod ports;
pub mod prompt;
pub mod pull;
pub mod request;
pub mod route;
#[cfg(test)]
mod testing;
pub mod verdict;

use std::net::SocketAddr;

use anyhow::Context as _;
use terrace_config::Config;
use terrace_rpc::server::{self, ServerSettings};
use terrace_runtime::{Shutdown, Tasks};

pub use app::{DESCRIPTORS, Links, Orchestrator};
pub use config::Settings;

/// Runs an orchestrator over the network until shutdown; `listen` overrides the config.
///
/// # Errors
/// The address is taken, or the config names no proper addresses of the other services.
pub async fn run(
    config: &Config,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let tasks = Tasks::new(shutdown.clone());
    let links = Links::from_config(config)?;
    let orchestrator = Orchestrator::build(Settings::from_config(config), links, &tasks)?;
    let settings = ServerSettings::from_config(config, &config.services.orchestrator, listen);
    let stack = orchestrator.stack(&settings)?;
    let bound = server::bind(&settings).await.context("cannot listen")?;
    orchestrator.start(&tasks, &shutdown).await;
    server::announce("orchestrator", &bound.url())?;
    bound.serve(stack, shutdown).await?;
    // Requests whose callers went away still settle what was produced.
    tasks.wait(settings.grace.total()).await?;
    Ok(())
}
