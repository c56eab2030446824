//! Load benchmarks: each command starts what it needs on loopback, measures, prints, and ends.
//!
//! They assert nothing: a figure depends on the machine, so people compare figures, taken side by
//! side on one. Run them in a release build and with nothing else going on.

mod clock;
mod direct;
mod gateway;
mod gateway_streams;
mod memory;
mod quantiles;
mod stub;

use std::io::Write as _;

use clap::{Parser, Subcommand};

/// Measures Terrace under load, on loopback alone.
#[derive(Debug, Parser)]
#[command(name = "terrace-load", version)]
struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Open streams through one gateway process: memory for each, and what forwarding costs.
    GatewayStreams(gateway_streams::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Bench::GatewayStreams(args) = Args::parse().bench;
    let json = args.json;
    let report = gateway_streams::run(&args).await?;
    let text = if json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.to_string()
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
