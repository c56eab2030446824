//! Many streams open through one gateway process.
//!
//! Memory is the resident set of the gateway's process, before and with the streams open, after a
//! warm-up that makes it allocate what it keeps anyway. Forwarding is the time from the backend's
//! write of the first piece to its arrival at the caller, through the gateway and without it.

use std::fmt;

use anyhow::Context as _;
use futures::future::try_join_all;
use serde::Serialize;

use crate::direct::Direct;
use crate::gateway::{Client, FirstPiece, Gateway};
use crate::memory::resident_kib;
use crate::quantiles::Quantiles;
use crate::stub::Stub;

const WARM_UP: usize = 200;

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Streams to hold open at once.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    streams: u32,
    /// Calls to measure one after the other, each way.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    streams: usize,
    calls: usize,
    idle_kib: u64,
    open_kib: u64,
    closed_kib: u64,
    per_stream_kib: f64,
    direct: Way,
    gateway: Way,
    gateway_with_streams_open: Way,
}

/// The first piece by one way.
#[derive(Debug, Serialize)]
struct Way {
    after_writing: Quantiles,
    after_asking: Quantiles,
}

impl Way {
    fn of(pieces: &[FirstPiece]) -> Self {
        Self {
            after_writing: Quantiles::of(pieces.iter().map(|piece| piece.after_writing).collect()),
            after_asking: Quantiles::of(pieces.iter().map(|piece| piece.after_asking).collect()),
        }
    }
}

/// Starts stub and gateway, measures, and ends both.
///
/// # Errors
/// A program is not built, or a call failed.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let (streams, calls) = (args.streams as usize, args.calls as usize);
    let stub = Stub::start().await?;
    let gateway = Gateway::start(stub.address(), streams).await?;
    let mut clients = gateway.clients(streams)?;
    let first = clients.first_mut().context("at least one client")?;
    through(first, WARM_UP).await?;
    let direct = without(stub.address(), calls).await?;
    let quiet = through(first, calls).await?;
    let idle_kib = resident_kib(gateway.id())?;
    let mut caller = first.clone();
    let opening = (0..streams).map(|index| {
        let mut client = clients[index % clients.len()].clone();
        async move { client.open("hold").await.map(|(_, events)| events) }
    });
    let open = try_join_all(opening).await?;
    let open_kib = resident_kib(gateway.id())?;
    let busy = through(&mut caller, calls).await?;
    stub.release();
    let closing = open.into_iter().map(|mut events| async move {
        while events.message().await?.is_some() {}
        anyhow::Ok(())
    });
    try_join_all(closing).await?;
    let closed_kib = resident_kib(gateway.id())?;
    gateway.stop().await?;
    Ok(Report {
        streams,
        calls,
        idle_kib,
        open_kib,
        closed_kib,
        per_stream_kib: per_stream(idle_kib, open_kib, args.streams),
        direct: Way::of(&direct),
        gateway: Way::of(&quiet),
        gateway_with_streams_open: Way::of(&busy),
    })
}

fn per_stream(idle_kib: u64, open_kib: u64, streams: u32) -> f64 {
    let more = u32::try_from(open_kib.saturating_sub(idle_kib)).unwrap_or(u32::MAX);
    f64::from(more) / f64::from(streams)
}

async fn through(client: &mut Client, calls: usize) -> anyhow::Result<Vec<FirstPiece>> {
    let mut pieces = Vec::with_capacity(calls);
    for _ in 0..calls {
        pieces.push(client.call().await?);
    }
    Ok(pieces)
}

async fn without(address: &str, calls: usize) -> anyhow::Result<Vec<FirstPiece>> {
    let mut direct = Direct::connect(address).await?;
    let mut pieces = Vec::with_capacity(calls);
    for _ in 0..calls {
        pieces.push(direct.call().await?);
    }
    Ok(pieces)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} streams open through one gateway process",
            self.streams
        )?;
        writeln!(
            f,
            "  resident memory    idle {} KiB   open {} KiB   closed {} KiB   {:.1} KiB a stream",
            self.idle_kib, self.open_kib, self.closed_kib, self.per_stream_kib
        )?;
        writeln!(f, "first piece, {} calls one after the other", self.calls)?;
        let ways = [
            ("direct", &self.direct),
            ("through the gateway", &self.gateway),
            ("with the streams open", &self.gateway_with_streams_open),
        ];
        for (name, way) in ways {
            writeln!(
                f,
                "  {name:<22} after it was written   {}",
                way.after_writing
            )?;
            writeln!(
                f,
                "  {:<22} after the call was made {}",
                "", way.after_asking
            )?;
        }
        Ok(())
    }
}
