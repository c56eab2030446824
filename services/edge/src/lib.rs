//! The HTTP way in: code that speaks to OpenAI or to Anthropic changes its base URL and gets tiers,
//! judge, budgets and a bill.
//!
//! The way of the data: [`listen`] (connections) → [`routes`] (which path goes where) → `openai` and
//! `anthropic` (each API in, each API out: pure translations around one call) → `orchestrator` (its
//! gRPC client). Nothing is decided here: what a caller wishes travels as a `RouteRequest`, what
//! became of it comes back as a `RouteResponse` or its events.
#![warn(missing_docs)]

mod account;
mod anthropic;
mod app;
mod body;
mod caller;
pub mod config;
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
use terrace_rpc::{Link, server};
use terrace_runtime::{Grace, Shutdown};

pub use app::{App, build};
pub use config::Settings;

/// Runs an edge over the network until shutdown; `listen` overrides the config's address.
///
/// # Errors
/// The address is taken, or the config names no proper address of the orchestrator.
pub async fn run(
    config: &Config,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let link = Link::network("orchestrator", &config.services.orchestrator.address())?;
    let settings = Settings::from_config(config, listen);
    let bound = listen::bind(&settings).await.context("cannot listen")?;
    server::announce("edge", bound.address())?;
    let app = build(settings, link, shutdown.clone());
    bound.serve(app, &shutdown, Grace::default()).await?;
    Ok(())
}
