//! `terrace-chaos`: attacks a Terrace of its own on loopback, and says which promises held.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use terrace_chaos::report::Report;
use terrace_chaos::{faults, fleet, killed, rolling, soak};
use terrace_runtime::signal::Stop;

/// Attacks a Terrace of its own and holds its books against what clients were told.
///
/// Needs PostgreSQL's server on this machine (it is installed if it is missing) and the program
/// `terrace`, built in the same profile. Exit code 0: every promise held; 1: one did not.
#[derive(Debug, Parser)]
#[command(name = "terrace-chaos", version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    attack: Attack,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  terrace-chaos killed --kills 50 --rate 200 --seed 1
  terrace-chaos fleet --orchestrators 8 --requests 20000
  terrace-chaos rolling --rate 100 --tls
  terrace-chaos rolling --acts restart,kill-gateway --settle-seconds 2
  terrace-chaos faults --seed 7
  terrace-chaos faults --only stopped,cut/cost-ledger --hold-seconds 5
  terrace-chaos faults --only promoted,stopped/edge
  terrace-chaos soak --minutes 60 --rate 400
  terrace-chaos killed --kills 2 --rate 50 --json";

#[derive(Debug, Subcommand)]
enum Attack {
    /// Orchestrator, ledger and PostgreSQL are killed at random moments, while clients ask.
    Killed(killed::Args),
    /// Many orchestrators spend one budget at once, until nothing is left.
    Fleet(fleet::Args),
    /// Parts hang, are cut off, run out of room or lie, one after another, while clients ask.
    Faults(faults::Args),
    /// Replicas come, go, hang and are killed, and the name service fails, while clients ask.
    Rolling(rolling::Args),
    /// The same load for long, with a fault now and then: nothing may grow.
    Soak(soak::Args),
}

impl Attack {
    async fn run(&self) -> anyhow::Result<Report> {
        match self {
            Self::Killed(attack) => killed::run(attack).await,
            Self::Fleet(attack) => fleet::run(attack).await,
            Self::Faults(attack) => faults::run(attack).await,
            Self::Rolling(attack) => rolling::run(attack).await,
            Self::Soak(attack) => soak::run(attack).await,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut stop = Stop::listen()?;
    let report = tokio::select! {
        report = Box::pin(args.attack.run()) => report?,
        // What was started ends with the attack that is dropped here.
        signal = stop.received() => bail!("stopped by {signal}"),
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.to_string(),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
