//! Stands in front of one backend and makes it look like every other.
//!
//! A call goes through `grpc` (wire) to `generate` (the use case: a place, time limits, accounting,
//! a span), which asks a `provider` (an adapter for Ollama, or for what speaks the OpenAI API).
//! `registry` knows the configured models and whether the backend has them. The backend's address
//! and key come from the config alone, and its words never reach a caller.
#![warn(missing_docs)]

mod admit;
pub mod app;
mod call;
pub mod config;
mod embed;
mod endpoints;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod generate;
mod grpc;
mod metrics;
mod provider;
mod pull;
mod registry;

use std::net::SocketAddr;
use std::time::Duration;

use terrace_config::Config;
use terrace_domain::BackendName;
use terrace_rpc::server::{self, ServerSettings};
use terrace_runtime::{Shutdown, Tasks};

pub use app::{TierGateway, build};
pub use config::Settings;
pub use error::Error;

/// The part of Terrace that this is, in names of links, spans and metrics.
pub const NAME: &str = "tier-gateway";

/// How long background work may take to end.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Runs the gateway of `backend` over the network until shutdown; `listen` overrides the config.
///
/// One line on stdout says where it listens, for whoever started it with port 0.
///
/// # Errors
/// No enabled model uses the backend, an address cannot be listened on, or the listener broke.
pub async fn run(
    config: &Config,
    backend: &BackendName,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let settings = Settings::from_config(config, backend)?;
    let listening = ServerSettings::from_config(config, &settings.backend.gateway, listen);
    let tasks = Tasks::new(shutdown.clone());
    let gateway = build(&settings, &tasks)?;
    let stack = gateway.stack(&listening)?;
    let bound = server::bind(&listening).await?;
    gateway.start(&tasks).await;
    server::announce(NAME, &bound.url())?;
    bound.serve(stack, shutdown).await?;
    tasks.wait(LAST_TASKS).await?;
    Ok(())
}
