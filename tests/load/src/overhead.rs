//! What a gateway costs: Terrace beside others, on the same work, in one run.
//!
//! In rounds, one subject at a time is started in front of a stub backend, checked, loaded and
//! ended. The stub itself is a subject too: what the others add is held against it. Client, stub and
//! subject share the machine, so figures of one run can be compared, and those of two cannot.
//! docs/BENCH.md tells what each figure means.

pub(crate) mod backend;
mod block;
pub(crate) mod caller;
mod disk;
pub(crate) mod drive;
mod grpc;
mod http;
pub(crate) mod kernel;
mod peers;
mod report;
mod running;
pub(crate) mod site;
mod spread;
pub(crate) mod subject;
mod wake;
mod words;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use terrace_runtime::signal::Stop;
use terrace_testkit::PostgresServer;
use time::OffsetDateTime;
use time::macros::format_description;

use backend::Backend;
use report::Report;
use subject::{DIRECT, Place, Subject};

const EXAMPLES: &str = "Examples:
  terrace-load overhead --only terrace,terrace-split --rounds 1
  terrace-load overhead --peers tests/load/peers.yaml --rounds 3
  terrace-load overhead --peers tests/load/peers.yaml --only terrace,nginx,tensorzero --seconds 2

Forms of Terrace: terrace, terrace-leases, terrace-whole, terrace-split, terrace-split-whole,
terrace-relaxed, terrace-split-relaxed, and by name alone terrace-free (a model without a price) and
terrace-grpc (the same calls by gRPC). `direct` is always measured.";

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How often each subject has its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each measurement of requests takes; streams and the fixed rate twice as long.
    #[arg(long, default_value_t = 4.0, value_parser = seconds)]
    seconds: f64,
    /// Measure these alone, and `direct`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// File that describes other gateways.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Folder in which these are installed; ~/.cache/terrace-peers without it.
    #[arg(long, env = "PEERS_HOME", value_name = "FOLDER")]
    peers_home: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    match (0.2..=600.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("has to be from 0.2 to 600".to_owned()),
    }
}

/// Measures all subjects in rounds, and ends all that it has started, also when it is asked to stop.
///
/// # Errors
/// A program is not built, no subject has such a name, or the stub does not serve.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let mut stop = Stop::listen()?;
    tokio::select! {
        report = Box::pin(measure(args)) => report,
        signal = stop.received() => bail!("stopped by {signal}"),
    }
}

async fn measure(args: &Args) -> anyhow::Result<Report> {
    let home = home(args)?;
    let (subjects, left_out) = chosen(args, &home)?;
    let mut report = Report {
        began: now()?,
        machine: kernel::machine(),
        load_average: kernel::load_average(),
        rounds: args.rounds,
        seconds: args.seconds,
        subjects: subjects.iter().map(|one| one.name().to_owned()).collect(),
        commits_ms: Vec::new(),
        blocks: Vec::new(),
        left_out,
    };
    let (backend, postgres) = (Backend::start().await?, PostgresServer::start().await?);
    let place = Place {
        backend: &backend,
        postgres: &postgres,
        home: &home,
    };
    for round in 1..=args.rounds {
        report.commits_ms.push(disk::commit_ms(&postgres)?);
        for subject in &subjects {
            let name = subject.name();
            match block::measure(subject, &place, (round, args.seconds)).await {
                Ok(block) => {
                    progress(&told(&block));
                    report.blocks.push(block);
                }
                Err(error) if name == DIRECT => return Err(error.context("the stub")),
                Err(error) => {
                    progress(&format!("[{round}] {name}: {error:#}\n"));
                    let why = format!("round {round}: {error:#}");
                    report.left_out.push((name.to_owned(), why));
                }
            }
        }
    }
    Ok(report)
}

fn home(args: &Args) -> anyhow::Result<PathBuf> {
    let usual = || Some(std::env::home_dir()?.join(".cache/terrace-peers"));
    let home = args.peers_home.clone().or_else(usual);
    home.context("there is no home folder: say where peers are by --peers-home")
}

/// Names of those that are not measured, and why.
type LeftOut = Vec<(String, String)>;

/// Who takes turns, and who does not for want of a program.
fn chosen(args: &Args, home: &Path) -> anyhow::Result<(Vec<Subject>, LeftOut)> {
    let peers = args.peers.as_deref().map(peers::read).transpose()?;
    let all = Subject::all(peers.unwrap_or_default());
    for name in &args.only {
        let known: Vec<&str> = all.iter().map(Subject::name).collect();
        let is_known = known.contains(&name.as_str());
        ensure!(
            is_known,
            "no subject is called {name}; there are {}",
            known.join(", ")
        );
    }
    let is_wanted = |subject: &Subject| match args.only.is_empty() {
        true => subject.is_usual(),
        false => subject.name() == DIRECT || args.only.iter().any(|name| name == subject.name()),
    };
    let is_there = |subject: &Subject| match subject {
        Subject::Peer(peer) => peer.program(home).is_some(),
        Subject::Direct | Subject::Terrace(_) => true,
    };
    let wanted = all.into_iter().filter(is_wanted);
    let (there, missing): (Vec<_>, Vec<_>) = wanted.partition(is_there);
    if there
        .iter()
        .any(|subject| matches!(subject, Subject::Terrace(_)))
    {
        terrace_testkit::process::program("terrace")
            .context("cargo build --release -p terrace-cli -p terrace-load")?;
    }
    let why = format!("not installed below {}", home.display());
    let missing = missing
        .iter()
        .map(|subject| (subject.name().to_owned(), why.clone()));
    Ok((there, missing.collect()))
}

/// A line of what a block came to, while the others go on.
fn told(block: &block::Block) -> String {
    let closed = block.closed.values();
    let rates: Vec<String> = closed
        .map(|calls| format!("{:.0}", calls.per_second))
        .collect();
    format!(
        "[{}] {:<14} load {:.1}  requests/s {}  {}/s p50 {} us p99 {} us  flood {:.0} tokens/s  bad {}\n",
        block.round,
        block.subject,
        block.load_average,
        rates.join(" "),
        block::RATE,
        block.open.latency.p50_us,
        block.open.latency.p99_us,
        block.streams_flood.tokens_per_second,
        block.bad()
    )
}

/// Says how far things are; whoever does not listen does not end them.
pub(crate) fn progress(line: &str) {
    use std::io::Write as _;
    let _unheard = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Now, as people write it, in UTC.
pub(crate) fn now() -> anyhow::Result<String> {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]");
    Ok(OffsetDateTime::now_utc().format(form)?)
}
