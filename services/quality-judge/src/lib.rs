//! Scores an answer with checks, cheapest first.
//!
//! A request goes through `grpc` (wire) to [`judge`] (the use case), which asks each of the
//! [`checks`] and the user's own [`rules`], and has [`weigh`] make one verdict of their findings.
//! All of that is pure: deterministic, without network, clock or model. Judges of the user's own are
//! asked over [`clients`], last, and before
//! them other models, where the checks leave an answer open ([`second`]). A verdict says what was found in words
//! and numbers and never quotes the answer.
#![warn(missing_docs)]

pub mod answer;
pub mod app;
pub mod asked;
pub mod check;
pub mod checks;
pub mod clients;
pub mod config;
pub mod fences;
pub mod format;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
pub mod head;
pub mod judge;
pub mod labelled;
pub mod language;
pub mod offload;
pub mod profile;
pub mod rules;
pub mod second;
pub mod weigh;
pub mod working;

pub use app::{App, BuildError, build, build_with};
pub use config::Settings;
pub use judge::Judge;
pub use weigh::Verdict;

use std::net::SocketAddr;

use terrace_config::Config;
use terrace_rpc::Network;
use terrace_rpc::server::{self, ServerSettings};
use terrace_runtime::Shutdown;

/// Builds the judge, and serves until `shutdown`; `listen` overrides the config's address.
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
    let app = build(
        Settings::from_config(config),
        &Network::from_config(config)?,
    )?;
    let settings = ServerSettings::from_config(config, &config.services.quality_judge, listen);
    let stack = app.stack(&settings)?;
    let bound = server::bind(&settings).await?;
    server::announce("quality-judge", &bound.url())?;
    bound.serve(stack, shutdown).await?;
    Ok(())
}
