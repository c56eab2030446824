//! Reservations on one hot budget by an orchestrator that holds a lease of it, as many callers at
//! once, beside a ledger process on a real PostgreSQL that keeps the lease alive and lets it grow.
//!
//! Name a server of your own in `TERRACE_TEST_DATABASE_URL`, with fsync as it is meant to be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use terrace_domain::{NanoUsd, ProjectName, RequestId, Step};
use terrace_orchestrator::clients::leases::{Ask, Leases, Payer};
use terrace_proto::ledger::v1::StepTarget;
use terrace_runtime::Shutdown;
use terrace_testkit::TestDatabase;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ledger::Ledger;

/// As in the config below.
const TTL: Duration = Duration::from_secs(4);
const CONFIG: &str = "  leases: {enabled: true, ttl: 4s, slice: 1000, max_stranded: 100000}\n\
                      cost_control: {daily_budget: 1000000}\n";
/// A step that nobody settled for so long never will be.
const PATIENCE: Duration = Duration::from_mins(10);
/// What each step may cost.
const WORST_CASE: NanoUsd = NanoUsd::new(1_000_000);

/// What to measure with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Callers at once
    #[arg(long, default_value_t = 50)]
    callers: usize,
    /// Length of the measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    callers: usize,
    paid_from_the_lease: usize,
    left_to_the_ledger: usize,
    per_second: f64,
    p50_ns: u128,
    p99_ns: u128,
    max_ns: u128,
}

/// Starts a ledger, waits for a lease, and takes from it.
///
/// # Errors
/// The ledger does not start.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let database = TestDatabase::create();
    let ledger = Ledger::start(None, database.url(), CONFIG).await?;
    let (leases, shutdown) = (
        Arc::new(Leases::new(ledger.link(), TTL, PATIENCE)),
        Shutdown::new(),
    );
    let mut keeper = JoinSet::new();
    keeper.spawn(Arc::clone(&leases).keep(shutdown.clone()));
    // Its first steps make the budget hot; the lease comes with the next look.
    for _ in 0..1_000 {
        reserve(&leases)?;
    }
    tokio::time::sleep(TTL / 2).await;
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds);
    let mut callers = JoinSet::new();
    for _ in 0..args.callers {
        let leases = Arc::clone(&leases);
        callers.spawn(async move { call(&leases, until).await });
    }
    let (mut times, mut left) = (Vec::new(), 0);
    while let Some(done) = callers.join_next().await {
        let (paid, unpaid) = done??;
        times.extend(paid);
        left += unpaid;
    }
    let took = began.elapsed();
    shutdown.request();
    keeper.join_all().await;
    Ok(report(args, times, left, took))
}

async fn call(leases: &Leases, until: Instant) -> anyhow::Result<(Vec<Duration>, usize)> {
    let (mut times, mut left) = (Vec::new(), 0);
    while Instant::now() < until {
        // Others are let in as often as a real call would let them.
        tokio::task::yield_now().await;
        let asked = Instant::now();
        match reserve(leases)? {
            true => times.push(asked.elapsed()),
            false => left += 1,
        }
    }
    Ok((times, left))
}

/// Takes what a step may cost, and lets it be free again, as if it had not been called.
fn reserve(leases: &Leases) -> anyhow::Result<bool> {
    let request_id = RequestId::generate();
    let taken = leases.take(Ask {
        payer: Payer {
            project: ProjectName::new("default")?,
            key_id: String::new(),
        },
        request_id,
        step: Step::Attempt(0),
        worst_case: WORST_CASE,
        target: StepTarget {
            tier: "api_fallback".to_owned(),
            backend: "anthropic".to_owned(),
            model: "claude-sonnet-4-5".to_owned(),
        },
    });
    leases.settled(request_id, std::iter::empty(), true);
    Ok(taken)
}

fn report(args: &Args, mut times: Vec<Duration>, left: usize, took: Duration) -> Report {
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default().as_nanos()
    };
    Report {
        callers: args.callers,
        paid_from_the_lease: times.len(),
        left_to_the_ledger: left,
        per_second: times.len() as f64 / took.as_secs_f64(),
        p50_ns: at(50),
        p99_ns: at(99),
        max_ns: at(100),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} callers: {} paid from the lease, {:.0} a second; {} left to the ledger",
            self.callers, self.paid_from_the_lease, self.per_second, self.left_to_the_ledger
        )?;
        let (p50, p99, max) = (self.p50_ns, self.p99_ns, self.max_ns);
        writeln!(f, "p50 {p50} ns   p99 {p99} ns   max {max} ns")
    }
}
