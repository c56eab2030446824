//! Says what a prompt asks for and how hard it is, with evidence.
//!
//! A request goes through `grpc` (wire) to [`classify`] (the use case), which asks the configured
//! [`overrides`] and [`markers`] and then the [`scorer`], to whose hand-made score [`residual`] adds
//! what was learned from outcomes, and [`learning`] what one's own traffic taught where that is wanted.
//! Everything else behind the wire is pure: deterministic, without network, clock or model, and bounded
//! whatever the size of the prompt.
#![warn(missing_docs)]

pub mod app;
pub mod classify;
pub mod config;
pub mod evidence;
mod features;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
pub mod language;
pub mod learning;
pub mod markers;
pub mod overrides;
pub mod recent;
pub mod request;
pub mod residual;
pub mod scorer;
pub mod task;
mod words;

pub use app::{App, BuildError, build};
pub use classify::{Classification, Classifier, Reading, Source, read};
pub use config::Settings;

use std::net::SocketAddr;

use terrace_config::Config;
use terrace_rpc::server::{self, ServerSettings};
use terrace_runtime::Shutdown;

/// Builds the classifier, and serves until `shutdown`; `listen` overrides the config's address.
///
/// One line on stdout says where it listens, for whoever started it with port 0.
///
/// # Errors
/// An address cannot be listened on, or the listener broke later.
pub async fn run(
    config: &Config,
    listen: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let app = build(Settings::from_config(config))?;
    let settings = ServerSettings::from_config(config, &config.services.classifier, listen);
    let stack = app.stack(&settings)?;
    let bound = server::bind(&settings).await?;
    server::announce("classifier", &bound.url())?;
    bound.serve(stack, shutdown).await?;
    Ok(())
}
