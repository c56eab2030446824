//! The life of a service's process: config, logs, work, flush, exit code.
//!
//! Every thin binary and `terrace` itself begin and end here, so that they report a wrong config
//! and a failed start in the same words and with the same exit codes.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use terrace_config::{Config, LogFormat};
use terrace_telemetry::Settings;

/// Exit code of a process whose config is wrong, after `EX_CONFIG` of `sysexits.h`.
pub const EXIT_CONFIG: u8 = 78;
/// Exit code of a process that could not start or had to stop.
pub const EXIT_FAILED: u8 = 1;

/// What every service's own binary takes.
#[derive(Debug, clap::Args)]
pub struct ServiceArgs {
    /// Config file; without it `$TERRACE_CONFIG`, then `./terrace.yaml`, then the built-in one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on instead of the config's; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

/// Loads the config, starts telemetry, runs `work` and flushes; never panics on a closed terminal.
pub async fn run(
    service: &'static str,
    config: Option<&Path>,
    work: impl AsyncFnOnce(Config) -> anyhow::Result<()>,
) -> ExitCode {
    let loaded = match terrace_config::load(config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain(&problems.to_string());
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let guard = match terrace_telemetry::init(&telemetry_settings(service, &loaded.config)) {
        Ok(guard) => guard,
        Err(error) => {
            complain(&format!("terrace-{service}: {error}"));
            return ExitCode::from(EXIT_FAILED);
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // Boxed: a whole service, config and all, is much for a stack.
    let done = Box::pin(work(loaded.config)).await;
    let code = match &done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("terrace-{service}: {error:#}"));
            ExitCode::from(EXIT_FAILED)
        }
    };
    guard.shutdown().await;
    code
}

/// The telemetry part of the config for one service.
#[must_use]
pub fn telemetry_settings(service: &str, config: &Config) -> Settings {
    let telemetry = &config.telemetry;
    Settings {
        service_name: format!("terrace-{service}"),
        log_filter: telemetry.log_filter.clone(),
        log_format: match telemetry.log_format {
            LogFormat::Text => terrace_telemetry::LogFormat::Text,
            LogFormat::Json => terrace_telemetry::LogFormat::Json,
        },
        otlp_endpoint: telemetry.otlp_endpoint.as_ref().map(ToString::to_string),
        sample_ratio: telemetry.sample_ratio.get(),
    }
}

fn complain(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _closed = writeln!(io::stderr().lock(), "{}", text.trim_end());
}
