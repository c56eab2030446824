//! The HTTP way in: code that speaks to OpenAI or to Anthropic changes its base URL and gets tiers,
//! judge, budgets and a bill.
//!
//! The way of the data: [`listen`] (connections) → [`routes`] (which path goes where) → `openai` and
//! `anthropic` (each API in, each API out: pure translations around one call) → `orchestrator` (its
//! gRPC client). Nothing is decided here: what a caller wishes travels as a `RouteRequest`, what
//! became of it comes back as a `RouteResponse` or its events. People get pages instead:
//! `dashboard`.
#![warn(missing_docs)]

mod account;
mod anthropic;
mod app;
mod body;
mod caller;
pub mod config;
mod dashboard;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grpc_web;
pub mod listen;
mod models;
mod names;
mod observe;
mod openai;
mod orchestrator;
mod origin;
mod pictures;
mod refusal;
pub mod routes;
mod stream;
mod text_or;
mod wishes;

use std::net::SocketAddr;

use anyhow::Context as _;
use terrace_config::Config;
use terrace_rpc::{Network, server};
use terrace_runtime::{Grace, Shutdown};

pub use app::{App, Links, build};
pub use config::Settings;
pub use dashboard::UnusableSecret;

/// Runs an edge over the network until shutdown; `listen` overrides the config's address.
///
/// # Errors
/// The address is taken, the config names no proper address of the orchestrator or the ledger, or the
/// secret of the dashboard's sessions cannot be used.
pub async fn run(
    config: &Config,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let services = &config.services;
    let network = Network::from_config(config)?;
    let links = Links {
        orchestrator: network.link("orchestrator", &services.orchestrator.address())?,
        ledger: network.link("ledger", &services.cost_ledger.address())?,
    };
    let settings = Settings::from_config(config, listen);
    let bound = listen::bind(&settings).await.context("cannot listen")?;
    server::announce("edge", &bound.url())?;
    let app = build(settings, links, shutdown.clone())?;
    bound.serve(app, &shutdown, Grace::default()).await?;
    Ok(())
}
