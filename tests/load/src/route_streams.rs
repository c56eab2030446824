//! What a whole Terrace adds to a streamed answer.
//!
//! A provisional stream passes pieces on as they come: its first chunk is held against the
//! backend's own first piece, read without anything between. A held-back answer leaves after its
//! verdict and its settlement: the time from the backend's last piece to the answer is held
//! against the same of a provisional stream, and beside it stand the judge and the ledger, asked
//! alone. The ways take turns, so that all of them see the same machine.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use terrace_proto::router::v1::CommitMode;

use crate::direct::Direct;
use crate::quantiles::Quantiles;
use crate::stub::Stub;
use crate::terrace::Terrace;

const WARM_UP: usize = 50;

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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
    calls: u32,
    /// The first piece after the backend wrote it.
    first_direct: Quantiles,
    first_provisional: Quantiles,
    first_added_p50_us: i64,
    first_provisional_after_asking: Quantiles,
    /// The last of the answer after the backend wrote its last piece.
    last_provisional: Quantiles,
    last_held_back: Quantiles,
    held_back_added_p50_us: i64,
    judge: Quantiles,
    settlement: Quantiles,
}

#[derive(Default)]
struct Times {
    first_direct: Vec<Duration>,
    first_provisional: Vec<Duration>,
    after_asking: Vec<Duration>,
    last_provisional: Vec<Duration>,
    last_held_back: Vec<Duration>,
    judge: Vec<Duration>,
    settlement: Vec<Duration>,
}

/// Starts stub and Terrace, measures, and ends both.
///
/// # Errors
/// A program is not built, or a call failed.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let stub = Stub::start().await?;
    let terrace = Terrace::start(stub.address()).await?;
    let caller = terrace.caller()?;
    let mut direct = Direct::connect(stub.address()).await?;
    let mut times = Times::default();
    for call in 0..WARM_UP + args.calls as usize {
        if call == WARM_UP {
            times = Times::default();
        }
        times.first_direct.push(direct.call().await?.after_writing);
        let (came, text) = caller.stream(CommitMode::Provisional).await?;
        times.first_provisional.push(came.first);
        times.after_asking.push(came.first_after_asking);
        times.last_provisional.push(came.last);
        let (came, _) = caller.stream(CommitMode::HoldBack).await?;
        times.last_held_back.push(came.last);
        times.judge.push(caller.judge(&text).await?);
        times.settlement.push(caller.settle().await?);
    }
    terrace.stop().await?;
    Ok(Report::of(args.calls, times))
}

impl Report {
    fn of(calls: u32, times: Times) -> Self {
        let first_direct = Quantiles::of(times.first_direct);
        let first_provisional = Quantiles::of(times.first_provisional);
        let last_provisional = Quantiles::of(times.last_provisional);
        let last_held_back = Quantiles::of(times.last_held_back);
        Self {
            calls,
            first_added_p50_us: added(first_direct, first_provisional),
            held_back_added_p50_us: added(last_provisional, last_held_back),
            first_direct,
            first_provisional,
            first_provisional_after_asking: Quantiles::of(times.after_asking),
            last_provisional,
            last_held_back,
            judge: Quantiles::of(times.judge),
            settlement: Quantiles::of(times.settlement),
        }
    }
}

/// What the second way takes longer than the first, at the median.
fn added(first: Quantiles, second: Quantiles) -> i64 {
    second.p50_us.cast_signed() - first.p50_us.cast_signed()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, times: &Quantiles| writeln!(f, "  {name:<34} {times}");
        line("first piece, direct", &self.first_direct)?;
        line("first chunk, provisional", &self.first_provisional)?;
        line(
            "  the same, after asking",
            &self.first_provisional_after_asking,
        )?;
        line("last chunk, provisional", &self.last_provisional)?;
        line("answer, held back", &self.last_held_back)?;
        line("judge, asked alone", &self.judge)?;
        line("settlement, asked alone", &self.settlement)?;
        let (first, held) = (self.first_added_p50_us, self.held_back_added_p50_us);
        writeln!(
            f,
            "{} calls each way, times after the backend wrote the piece\n\
             added at the median: {first} us to the first chunk of a provisional stream, {held} us \
             by holding back",
            self.calls
        )
    }
}
