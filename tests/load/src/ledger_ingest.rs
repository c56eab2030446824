//! Settlements of free requests into one ledger process over gRPC: how many usage events a second it
//! writes down, each acknowledged when it is on disk.
//!
//! Name a server of your own in `TERRACE_TEST_DATABASE_URL`, with fsync as it is meant to be.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use terrace_domain::RequestId;
use terrace_proto::common::v1::{AttemptOutcome, Usage};
use terrace_proto::ledger::v1 as wire;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::TestDatabase;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ledger::Ledger;
use crate::quantiles::Quantiles;

const CALL: Duration = Duration::from_secs(60);

/// What to measure with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Callers at once, each with a connection of its own
    #[arg(long, default_value_t = 128)]
    callers: usize,
    /// Steps of each request: attempts, and what judged them
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    steps: u32,
    /// Length of the measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    callers: usize,
    steps: u32,
    events: u64,
    rows_in_the_database: i64,
    events_per_second: f64,
    settlement: Quantiles,
}

/// Starts a ledger, settles, and counts.
///
/// # Errors
/// The ledger does not start, or a call fails.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let database = TestDatabase::create();
    let ledger = Ledger::start(None, database.url(), "").await?;
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds);
    let mut callers = JoinSet::new();
    for _ in 0..args.callers {
        let (mut client, steps) = (ledger.caller()?, args.steps);
        callers.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let asked = Instant::now();
                let ask = request_within(settlement(steps), Deadline::within(CALL));
                client.settle(ask).await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = callers.join_next().await {
        times.extend(done??);
    }
    let took = began.elapsed();
    let events = times.len() as u64 * u64::from(args.steps);
    Ok(Report {
        callers: args.callers,
        steps: args.steps,
        events,
        rows_in_the_database: database.number("SELECT count(*) FROM usage_events"),
        events_per_second: events as f64 / took.as_secs_f64(),
        settlement: Quantiles::of(times),
    })
}

/// A whole request: its attempts, of which the last was accepted, and its end.
fn settlement(steps: u32) -> wire::SettleRequest {
    let target = || wire::StepTarget {
        tier: "local_fast".to_owned(),
        backend: "b".to_owned(),
        model: "m".to_owned(),
    };
    let step = |index: u32| wire::StepSettlement {
        step: format!("attempt/{index}"),
        target: Some(target()),
        outcome: match index + 1 == steps {
            true => AttemptOutcome::Accepted.into(),
            false => AttemptOutcome::Rejected.into(),
        },
        usage: Some(Usage {
            input_tokens: 1_000,
            output_tokens: 200,
            ..Usage::default()
        }),
        score: Some(0.9),
        ..wire::StepSettlement::default()
    };
    wire::SettleRequest {
        request_id: RequestId::generate().to_string(),
        project: "default".to_owned(),
        action: "edit_file".to_owned(),
        steps: (0..steps).map(step).collect(),
        close: Some(wire::RequestClose {
            outcome: wire::RequestOutcome::Passed.into(),
            tier: "local_fast".to_owned(),
            backend: "b".to_owned(),
            model: "m".to_owned(),
            ..wire::RequestClose::default()
        }),
        ..wire::SettleRequest::default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} callers, {} steps a request: {} events, {:.0} a second; {} rows in the database",
            self.callers,
            self.steps,
            self.events,
            self.events_per_second,
            self.rows_in_the_database
        )?;
        writeln!(f, "settlement {}", self.settlement)
    }
}
