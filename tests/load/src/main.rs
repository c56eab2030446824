//! Load benchmarks: each command starts what it needs on loopback, measures, prints, and ends.
//!
//! They assert nothing: a figure depends on the machine, so people compare figures, taken side by
//! side on one. Run them in a release build and with nothing else going on.

mod clock;
mod consensus;
mod direct;
mod edge;
mod gateway;
mod gateway_streams;
mod growth;
mod half_open;
mod http;
mod ledger;
mod ledger_history;
mod ledger_ingest;
mod ledger_leases;
mod memory;
mod overhead;
mod panel;
mod quantiles;
mod route_streams;
mod stub;
mod terrace;

use std::fmt::Display;
use std::io::Write as _;

use clap::{Parser, Subcommand};
use serde::Serialize;

/// Measures Terrace under load, on loopback alone.
#[derive(Debug, Parser)]
#[command(name = "terrace-load", version)]
struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Terrace beside other gateways: requests a second, latency, streams, CPU, memory.
    Overhead(overhead::Args),
    /// What a request costs as projects, models, the ledger, streams and prompts grow.
    Growth(growth::Args),
    /// Open streams through one gateway process: memory for each, and what forwarding costs.
    GatewayStreams(gateway_streams::Args),
    /// Streams through a whole Terrace: what it adds to the backend's first and last piece.
    RouteStreams(route_streams::Args),
    /// The same call over gRPC and over HTTP: what the edge adds.
    Edge(edge::Args),
    /// Connections that never finish what they say, and how a good client fares beside them.
    HalfOpen(half_open::Args),
    /// A consensus of three: from the last needed vote to the answer, and to the loser's hang-up.
    Consensus(consensus::Args),
    /// A ledger with millions of rows: summaries, pages and an export.
    LedgerHistory(ledger_history::Args),
    /// Settlements into one ledger process: usage events a second.
    LedgerIngest(ledger_ingest::Args),
    /// Reservations on a hot budget by one orchestrator that holds a lease.
    LedgerLeases(ledger_leases::Args),
    /// The stub backend of `overhead`, which starts it by itself.
    #[command(hide = true)]
    Backend,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let text = match Args::parse().bench {
        Bench::Overhead(args) => told(&overhead::run(&args).await?, args.json)?,
        Bench::Growth(args) => told(&growth::run(&args).await?, args.json)?,
        Bench::GatewayStreams(args) => told(&gateway_streams::run(&args).await?, args.json)?,
        Bench::RouteStreams(args) => told(&route_streams::run(&args).await?, args.json)?,
        Bench::Edge(args) => told(&edge::run(&args).await?, args.json)?,
        Bench::HalfOpen(args) => told(&half_open::run(&args).await?, args.json)?,
        Bench::Consensus(args) => told(&consensus::run(&args).await?, args.json)?,
        Bench::LedgerHistory(args) => told(&ledger_history::run(&args).await?, args.json)?,
        Bench::LedgerIngest(args) => told(&ledger_ingest::run(&args).await?, args.json)?,
        Bench::LedgerLeases(args) => told(&ledger_leases::run(&args).await?, args.json)?,
        Bench::Backend => return overhead::backend::serve().await,
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

fn told(report: &(impl Serialize + Display), json: bool) -> anyhow::Result<String> {
    Ok(if json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        report.to_string()
    })
}
