//! What a request costs as everything grows: projects, models, books, streams, prompts.
//!
//! One thing grows at a time, the rest stays small. At each size a Terrace is started anew and asked,
//! and the kernel says how much CPU it and PostgreSQL took for a request. docs/BENCH.md tells
//! how to repeat it.

mod accounts;
mod axis;
mod plot;
mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use terrace_runtime::signal::Stop;
use terrace_testkit::PostgresServer;

use crate::ledger_history::books;
use crate::overhead::backend::{Backend, MODELS, Manner};
use crate::overhead::caller::Target;
use crate::overhead::drive::{self, Load};
use crate::overhead::site::{Setup, Site};
use crate::overhead::subject::terrace_chat;
use crate::overhead::{kernel, now, progress};
use crate::quantiles::Quantiles;
use axis::Axis;

const EXAMPLES: &str = "Examples:
  terrace-load growth --svg growth.svg
  terrace-load growth --only rows --rows 10000000
  terrace-load growth --only streams,prompt --seconds 2 --json

2,000 streams need more open files than most shells allow: `ulimit -n 16384` before.";

/// Callers of requests.
const CALLERS: u32 = 16;
const PATIENCE: Duration = Duration::from_secs(60);
const PACED: Manner = Manner {
    tokens: 32,
    delay_ms: 50,
    pace_ms: 20,
};
/// How long a paced stream lasts.
const STREAM: Duration = Duration::from_millis(PACED.delay_ms + PACED.pace_ms * 31);

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Let these alone grow.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    only: Vec<Axis>,
    /// Rows of usage in the books that are full.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2..=50_000_000))]
    rows: u64,
    /// How long each size is measured.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// File for a picture of it all.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured, and where.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    began: String,
    machine: String,
    load_average: f64,
    seconds: u16,
    points: Vec<Point>,
}

/// What a request costs at one size.
#[derive(Debug, Serialize)]
struct Point {
    axis: Axis,
    size: u64,
    /// CPU of Terrace for one request, or one stream, in microseconds.
    terrace_us: f64,
    /// The same of PostgreSQL.
    postgres_us: f64,
    /// Of a stream, the time to its first text.
    latency: Quantiles,
    good: f64,
    bad: u64,
    error: Option<String>,
}

/// Measures, draws, and ends all that it has started, also when it is asked to stop.
///
/// # Errors
/// A program is not built, or does not start.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let mut stop = Stop::listen()?;
    let report = tokio::select! {
        report = Box::pin(measure(args)) => report?,
        signal = stop.received() => bail!("stopped by {signal}"),
    };
    if let Some(file) = &args.svg {
        let name = || format!("{}", file.display());
        std::fs::write(file, plot::draw(&report)).with_context(name)?;
    }
    Ok(report)
}

async fn measure(args: &Args) -> anyhow::Result<Report> {
    let (backend, postgres) = (Backend::start().await?, PostgresServer::start().await?);
    let mut report = Report {
        began: now()?,
        machine: kernel::machine(),
        load_average: kernel::load_average(),
        seconds: args.seconds,
        points: Vec::new(),
    };
    let bench = Bench {
        backend: &backend,
        postgres: &postgres,
        time: Duration::from_secs(args.seconds.into()),
    };
    for axis in Axis::chosen(&args.only) {
        for size in axis.sizes(args.rows) {
            let point = bench.point(axis, size).await;
            let point = point.with_context(|| format!("{size} {}", axis.unit()))?;
            progress(&format!("{}\n", table::line(&point)));
            report.points.push(point);
        }
    }
    Ok(report)
}

struct Bench<'a> {
    backend: &'a Backend,
    postgres: &'a PostgresServer,
    time: Duration,
}

impl Bench<'_> {
    /// Starts a Terrace, makes it as large as wanted, asks it and ends it.
    async fn point(&self, axis: Axis, size: u64) -> anyhow::Result<Point> {
        self.backend.behave(Manner::FAST).await?;
        let setup = Setup {
            models: match axis {
                Axis::Models => u32::try_from(size)?.min(MODELS),
                _ => 1,
            },
            keys: axis == Axis::Projects,
            ..Setup::PLAIN
        };
        let site = Site::start(setup, self.backend.address(), self.postgres).await?;
        let target = self.grown(axis, size, &site).await?;
        site.running().answers(&target, PATIENCE).await?;
        drive::closed(&target, CALLERS, Duration::from_secs(1)).await;
        let point = match axis {
            Axis::Streams => {
                self.backend.behave(PACED).await?;
                let time = self.time.max(STREAM * 2);
                let callers = u32::try_from(size)?;
                let calls = drive::streams(&target, callers, PACED.tokens, (time, STREAM));
                self.counted(axis, size, &site, calls).await
            }
            _ => {
                let calls = drive::closed(&target, CALLERS, self.time);
                self.counted(axis, size, &site, calls).await
            }
        };
        site.stop().await?;
        point
    }

    /// Makes what grows as large as wanted; gives the way to ask.
    async fn grown(&self, axis: Axis, size: u64, site: &Site) -> anyhow::Result<Target> {
        let chat = terrace_chat(site)?;
        let chat = match axis {
            Axis::Projects => chat.with_keys(&accounts::create(site.grpc(), size).await?)?,
            Axis::Rows if size > 0 => {
                books::load(site.database(), size).await?;
                books::rolled_up(site.database()).await?;
                chat
            }
            Axis::Prompt => chat.asking("terrace/auto", usize::try_from(size)?),
            Axis::Models | Axis::Rows | Axis::Streams => chat,
        };
        Ok(Target::Http(Arc::new(chat)))
    }

    async fn counted(
        &self,
        axis: Axis,
        size: u64,
        site: &Site,
        calls: impl Future<Output = Load>,
    ) -> anyhow::Result<Point> {
        let roots = [site.running().id(), self.postgres.id()?];
        let sum = |root: u32| kernel::cpu(root).values().sum::<f64>();
        let before = roots.map(sum);
        let load = calls.await;
        let after = roots.map(sum);
        let good = load.good();
        let per_call = |index: usize| (after[index] - before[index]) / good.max(1.0) * 1e6;
        Ok(Point {
            axis,
            size,
            terrace_us: per_call(0),
            postgres_us: per_call(1),
            latency: Quantiles::of(load.times),
            good,
            bad: load.bad,
            error: load.error,
        })
    }
}
