//! The attack by change: replicas come, go, hang and are killed while clients ask.
//!
//! Every service is found by its name, at a name service of the attack's own, and has a replica or
//! several at addresses of loopback, as pods behind a headless service. What is done to them is what
//! happens to pods. A request may fail only where the process that worked on it was killed; an open
//! stream never, because nobody is killed while streams are watched.

mod acts;
mod cluster;
mod spread;
mod streams;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use terrace_domain::Failure;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::callers::{Heard, ask_at_rate};
use crate::claims::Claim;
use crate::report::{Report, Tally, progress, seconds};
pub use acts::Act;
use acts::Done;
use cluster::Cluster;

/// Before the first act and after each: clients that have nothing to fear.
const CALM: Duration = Duration::from_secs(2);

/// What an attack is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Requests a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Speak TLS between all services, and replace every certificate on the way.
    #[arg(long)]
    pub tls: bool,
    /// Seed of what is asked.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long a replica hangs, and the name service fails, in seconds.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub hang_seconds: u64,
    /// How long a change is given to be seen everywhere, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub settle_seconds: u64,
    /// What is done, in this order; everything if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub acts: Vec<Act>,
    /// Write the log of each process to a file in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

impl Args {
    const fn hang(&self) -> Duration {
        Duration::from_secs(self.hang_seconds)
    }

    const fn settled(&self) -> Duration {
        Duration::from_secs(self.settle_seconds)
    }
}

/// Starts everything, attacks, and says what came of it.
///
/// # Errors
/// Something does not start or stop as it should.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let mut cluster = Cluster::start(args.tls).await?;
    let began = Instant::now();
    let mut heard = Vec::new();
    let mut done = Vec::new();
    for act in acts::chosen(args) {
        progress(act.name());
        let (of_act, after) = under_load(&mut cluster, act, args).await?;
        heard.extend(of_act);
        done.push(after);
    }
    if let Some(folder) = &args.logs {
        cluster.write_logs(folder)?;
    }
    let how = if args.tls {
        "over TLS"
    } else {
        "in plain text"
    };
    Ok(Report {
        attack: format!(
            "Replicas changed under {} requests a second, {how}.",
            args.rate
        ),
        seconds: seconds(began.elapsed()),
        clients: Tally::of(&heard),
        budgets: None,
        figures: figures(&done),
        faults: Vec::new(),
        skipped: Vec::new(),
        windows: Vec::new(),
        claims: claims(&done),
    })
}

/// Does one act while clients ask and streams are open.
async fn under_load(
    cluster: &mut Cluster,
    act: Act,
    args: &Args,
) -> anyhow::Result<(Vec<Heard>, Done)> {
    let stop = CancellationToken::new();
    let chance = fastrand::Rng::with_seed(args.seed);
    let link = cluster.link()?;
    let asking = ask_at_rate(link.clone().into(), args.rate, chance, stop.clone());
    let watching = streams::watch(link, stop.clone());
    let acting = async {
        sleep(CALM).await;
        let acted = act.perform(cluster, args).await;
        sleep(CALM).await;
        stop.cancel();
        acted
    };
    let (heard, streams, acted) = tokio::join!(asking, watching, acting);
    let (spread, killed) = acted?;
    let failed: Vec<Failure> = heard
        .iter()
        .filter_map(|one| one.end.clone().err())
        .collect();
    let done = Done {
        name: act.name(),
        asked: heard.len(),
        failed,
        killed,
        streams,
        spread,
    };
    Ok((heard, done))
}

fn claims(done: &[Done]) -> Vec<Claim> {
    let (killed, peaceful): (Vec<&Done>, Vec<&Done>) =
        done.iter().partition(|done| done.killed > 0);
    let failed = peaceful.iter().flat_map(|done| done.told()).collect();
    let beyond = killed
        .iter()
        .filter(|done| done.failed.len() > done.killed)
        .flat_map(|done| done.told());
    let cut = peaceful.iter().flat_map(|done| done.cut());
    let streams = peaceful.iter().map(|done| done.streams.whole).sum();
    let spread: Vec<_> = done.iter().filter_map(|done| done.spread.clone()).collect();
    vec![
        Claim::of(
            "no request fails where nobody is killed or hangs",
            peaceful.iter().map(|done| done.asked).sum(),
            failed,
        ),
        Claim::of(
            "where one is killed or hangs, no more fail than it worked on",
            killed.len(),
            beyond.collect(),
        ),
        Claim::of(
            "no stream is cut where nobody is killed or hangs",
            streams,
            cut.collect(),
        ),
        Claim::of(
            "load is within 20 % of even",
            spread.len(),
            spread.into_iter().filter_map(Result::err).collect(),
        ),
    ]
}

fn figures(done: &[Done]) -> BTreeMap<&'static str, i64> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let all = |of: fn(&Done) -> usize| count(done.iter().map(of).sum());
    BTreeMap::from([
        ("acts", count(done.len())),
        (
            "streams that came to their end",
            all(|done| done.streams.whole),
        ),
        (
            "requests in flight at killed replicas at most",
            all(|done| done.killed),
        ),
        ("requests that failed", all(|done| done.failed.len())),
    ])
}
