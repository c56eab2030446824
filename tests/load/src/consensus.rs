//! A consensus of three through `terrace up`, ledger and budget on: from the moment at which the
//! second of two that agree writes its answer to the answer's arrival at the caller, and to the end
//! of the third one's connection.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tempfile::TempDir;
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_proto::router::v1::{ConsensusPolicy, RoutePolicy, RouteRequest};
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::Process;
use terrace_testkit::postgres::TestDatabase;
use tokio::time::Instant;

use crate::panel::Panel;
use crate::quantiles::Quantiles;

const START: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(30);
const WARM_UP: usize = 20;
/// What the line that tells the address begins with.
const READY: &str = "ready ";

/// Settings of the benchmark. The database is that of `TERRACE_TEST_DATABASE_URL`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Requests to measure, one after the other.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Run every service as a process of its own.
    #[arg(long)]
    split: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    requests: u32,
    split: bool,
    answered_after_last_vote: Quantiles,
    closed_after_last_vote: Quantiles,
}

/// Starts panel and Terrace, measures, and ends both.
///
/// # Errors
/// A program is not built, or a call failed.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let panel = Panel::start().await?;
    let mut terrace = Terrace::start(panel.address(), args.split).await?;
    for _ in 0..WARM_UP {
        measure(&panel, &mut terrace).await?;
    }
    let (mut answered, mut closed) = (Vec::new(), Vec::new());
    for _ in 0..args.requests {
        let times = measure(&panel, &mut terrace).await?;
        answered.push(times.0);
        closed.push(times.1);
    }
    terrace.stop().await?;
    Ok(Report {
        requests: args.requests,
        split: args.split,
        answered_after_last_vote: Quantiles::of(answered),
        closed_after_last_vote: Quantiles::of(closed),
    })
}

/// Asks once: how long after the last needed vote the answer was there and the loser hung up on.
async fn measure(panel: &Panel, terrace: &mut Terrace) -> anyhow::Result<(Duration, Duration)> {
    panel.forget();
    terrace.ask().await?;
    let answered = Instant::now();
    let (voted, closed) = panel.moments().await?;
    Ok((
        answered.saturating_duration_since(voted),
        closed.saturating_duration_since(voted),
    ))
}

/// All services; killed when dropped.
struct Terrace {
    process: Process,
    router: RouterServiceClient<Link>,
    _database: TestDatabase,
    _folder: TempDir,
}

impl Terrace {
    async fn start(address: &str, split: bool) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let config = folder.path().join("terrace.yaml");
        std::fs::write(
            &config,
            format!(
                "tiers:\n  local_fast:\n    models:\n      - {{name: first, backend: panel}}\n      \
                 - {{name: last, backend: panel}}\n      - {{name: never, backend: panel, \
                 price: {{input: 1, output: 5, per_request: 0.0001}}}}\n\
                 backends:\n  panel: {{kind: openai, url: 'http://{address}/v1'}}\n\
                 cost_control: {{daily_budget: 1000}}\n"
            ),
        )?;
        let own = std::env::current_exe()?;
        let program = own.parent().map(|folder| folder.join("terrace"));
        let program = program.filter(|path| path.exists());
        let program =
            program.context("terrace is not built: cargo build --release -p terrace-cli")?;
        let database = TestDatabase::create();
        let config = config.to_string_lossy().into_owned();
        let mut args = vec!["up", "--config", &config, "--listen", "127.0.0.1:0"];
        if split {
            args.push("--split");
        }
        let environment = [("TERRACE__LEDGER__DATABASE_URL", database.url())];
        let process = Process::start(&program, &args, environment)?;
        let line = process
            .wait_for_line(|line| line.starts_with(READY), START)
            .await?;
        let url = line.trim_start_matches(READY).trim();
        Ok(Self {
            router: RouterServiceClient::new(Link::network("terrace", url)?),
            process,
            _database: database,
            _folder: folder,
        })
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let request = RouteRequest {
            messages: vec![text_message(Role::User, "What is six times seven?")],
            policy: Some(RoutePolicy {
                consensus: Some(ConsensusPolicy {
                    models: ["first", "last", "never"].map(str::to_owned).to_vec(),
                    ..ConsensusPolicy::default()
                }),
                ..RoutePolicy::default()
            }),
            ..RouteRequest::default()
        };
        let request = request_within(request, Deadline::within(CALL));
        let response = self.router.route(request).await?.into_inner();
        let consensus = response.consensus.context("no consensus was held")?;
        anyhow::ensure!(consensus.agreed && consensus.decided_early, "{consensus:?}");
        Ok(())
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        self.process.wait(START).await?;
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let placement = if self.split {
            "in a process each"
        } else {
            "in one process"
        };
        writeln!(
            f,
            "{} requests, two of three agree; all services {placement}, ledger and budget on",
            self.requests
        )?;
        let (answered, closed) = (self.answered_after_last_vote, self.closed_after_last_vote);
        writeln!(f, "  last needed vote to the answer          {answered}")?;
        writeln!(f, "  last needed vote to the loser's hang-up {closed}")
    }
}
