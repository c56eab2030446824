//! Connections that never finish what they say, and how a good client fares beside them.
//!
//! Each sends the beginning of a head and stays. One client asks, one call after the other, before they
//! come and while they are there. The process may not end and the client has to be answered; what
//! it costs is told. One process here holds one end of each, Terrace the other: `ulimit -n` has to be
//! above the number of connections.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::http::Http;
use crate::memory::resident_kib;
use crate::quantiles::Quantiles;
use crate::stub::Stub;
use crate::terrace::Terrace;

/// How many are opened at once.
const AT_ONCE: usize = 100;

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Connections to hold half open; the edge's own limit is 10000, the good client's included.
    #[arg(long, default_value_t = 9_999, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// Calls of the good client to measure, before and meanwhile.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    connections: u32,
    before: Quantiles,
    meanwhile: Quantiles,
    kib_before: u64,
    kib_meanwhile: u64,
}

/// Starts stub and Terrace, measures, and ends both.
///
/// # Errors
/// A program is not built, a connection is refused, or the good client was not answered.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let stub = Stub::start().await?;
    let terrace = Terrace::start(stub.address()).await?;
    let mut client = Http::connect(terrace.edge()).await?;
    let before = calls(&mut client, args.calls).await?;
    let kib_before = resident_kib(terrace.id())?;
    let opening = (0..args.connections).map(|number| half_open(terrace.edge(), number));
    let open: Vec<TcpStream> = stream::iter(opening)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
        .context("a connection was refused: is `ulimit -n` above their number?")?;
    let meanwhile = calls(&mut client, args.calls).await?;
    let kib_meanwhile = resident_kib(terrace.id())?;
    drop(open);
    terrace.stop().await?;
    Ok(Report {
        connections: args.connections,
        before: Quantiles::of(before),
        meanwhile: Quantiles::of(meanwhile),
        kib_before,
        kib_meanwhile,
    })
}

/// One that has said a little, or nothing.
async fn half_open(address: &str, number: u32) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let said = match number % 3 {
        0 => "",
        1 => "POST /v1/chat/comp",
        _ => "POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\nx-long: ",
    };
    stream.write_all(said.as_bytes()).await?;
    Ok(stream)
}

async fn calls(client: &mut Http, calls: u32) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..calls {
        times.push(client.get("/v1/models").await?.1);
    }
    Ok(times)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  before      {}   {} KiB", self.before, self.kib_before)?;
        writeln!(
            f,
            "  meanwhile   {}   {} KiB",
            self.meanwhile, self.kib_meanwhile
        )?;
        writeln!(
            f,
            "a good client beside {} half-open connections",
            self.connections
        )
    }
}
