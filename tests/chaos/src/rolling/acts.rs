//! What is done to replicas, one act after another; each ends with every service having one.
//!
//! A change is given a moment to be seen everywhere before the next one, as a deployment gives it.

use std::time::Duration;

use clap::ValueEnum as _;
use terrace_domain::Failure;
use terrace_testkit::Says;
use tokio::time::sleep;

use super::Args;
use super::cluster::{Cluster, NAMES, known_as};
use super::spread;
use super::streams::Streams;

/// How often load is looked at, and how long it takes until the next look: half a minute in all. Most of what
/// is in flight are a few streams of seconds each, which three replicas share evenly only in the long run.
const LOOKS: u32 = 300;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// The longest that a request is at one replica: bounds what was in flight when it was killed.
const AT_A_REPLICA: Duration = Duration::from_millis(500);

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Act {
    /// Every service gets a new replica, and loses its old one, in peace.
    Restart,
    /// A gateway grows to three and shrinks again.
    Scale,
    /// One of two classifiers is killed.
    KillClassifier,
    /// One of two judges is killed.
    KillJudge,
    /// One of two gateways is killed.
    KillGateway,
    /// One of two ledgers is killed.
    KillLedger,
    /// One of two gateways hangs for a while.
    Hang,
    /// The name service fails for a while, and says nothing for a while.
    Nameless,
    /// Every certificate is replaced, and every replica after it; without TLS there is none.
    Certificates,
}

/// What came of an act.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) name: &'static str,
    pub(super) asked: usize,
    pub(super) failed: Vec<Failure>,
    /// How many requests a killed or hanging replica may have been working on; zero where there
    /// was none.
    pub(super) killed: usize,
    pub(super) streams: Streams,
    /// Whether load was even, where that was looked at.
    pub(super) spread: Option<Result<(), String>>,
}

impl Done {
    /// What clients were told instead of an answer.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        let line = |failure| format!("{}: {failure}", self.name);
        self.failed.iter().map(line)
    }

    /// Why streams did not come to their end.
    pub(super) fn cut(&self) -> impl Iterator<Item = String> {
        let line = |why| format!("{}: {why}", self.name);
        self.streams.cut.iter().map(line)
    }
}

type Outcome = (Option<Result<(), String>>, usize);

/// The acts of an attack.
pub(super) fn chosen(args: &Args) -> Vec<Act> {
    let all = Act::value_variants();
    let chosen = if args.acts.is_empty() {
        all
    } else {
        &args.acts
    };
    let can_be = |act: &Act| args.tls || *act != Act::Certificates;
    chosen.iter().copied().filter(can_be).collect()
}

impl Act {
    /// What is done, in words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Restart => "rolling restart of every service",
            Self::Scale => "a gateway from one to three and back",
            Self::KillClassifier => "a classifier is killed",
            Self::KillJudge => "a judge is killed",
            Self::KillGateway => "a gateway is killed",
            Self::KillLedger => "a ledger is killed",
            Self::Hang => "a gateway hangs",
            Self::Nameless => "the name service fails",
            Self::Certificates => "every certificate is replaced",
        }
    }

    pub(super) async fn perform(
        self,
        cluster: &mut Cluster,
        args: &Args,
    ) -> anyhow::Result<Outcome> {
        match self {
            Self::Restart => restart(cluster, args).await,
            Self::Scale => scale(cluster, args).await,
            Self::KillClassifier => kill(cluster, "classifier", args).await,
            Self::KillJudge => kill(cluster, "quality-judge", args).await,
            Self::KillGateway => kill(cluster, "gateway-local", args).await,
            Self::KillLedger => kill(cluster, "cost-ledger", args).await,
            Self::Hang => hang(cluster, args).await,
            Self::Nameless => nameless(cluster, args).await,
            Self::Certificates => certificates(cluster, args).await,
        }
    }
}

async fn restart(cluster: &mut Cluster, args: &Args) -> anyhow::Result<Outcome> {
    for name in NAMES {
        cluster.add(name).await?;
        sleep(args.settled()).await;
        cluster.remove(name).await?;
    }
    Ok((None, 0))
}

async fn scale(cluster: &mut Cluster, args: &Args) -> anyhow::Result<Outcome> {
    const NAME: &str = "gateway-local";
    cluster.add(NAME).await?;
    cluster.add(NAME).await?;
    sleep(args.settled()).await;
    let load = load(cluster, NAME).await?;
    cluster.remove(NAME).await?;
    cluster.remove(NAME).await?;
    Ok((Some(spread::even(&load)), 0))
}

/// What each replica has in flight, summed over many looks.
async fn load(cluster: &Cluster, name: &str) -> anyhow::Result<Vec<u64>> {
    let mut load = vec![0; cluster.of(name).len()];
    for _ in 0..LOOKS {
        for (sum, replica) in load.iter_mut().zip(cluster.of(name)) {
            *sum += spread::in_flight(replica.metrics).await?;
        }
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(load)
}

async fn kill(cluster: &mut Cluster, name: &'static str, args: &Args) -> anyhow::Result<Outcome> {
    cluster.add(name).await?;
    sleep(args.settled()).await;
    cluster.kill(name).await?;
    sleep(args.settled()).await;
    Ok((None, in_flight(args.rate)))
}

async fn hang(cluster: &mut Cluster, args: &Args) -> anyhow::Result<Outcome> {
    const NAME: &str = "gateway-local";
    cluster.add(NAME).await?;
    sleep(args.settled()).await;
    if let Some(oldest) = cluster.of(NAME).first() {
        oldest.process.signal("STOP")?;
        sleep(args.hang()).await;
        oldest.process.signal("CONT")?;
    }
    sleep(args.settled()).await;
    cluster.remove(NAME).await?;
    Ok((None, in_flight(args.rate)))
}

async fn nameless(cluster: &mut Cluster, args: &Args) -> anyhow::Result<Outcome> {
    for says in [Says::Failure, Says::Silence] {
        for name in NAMES {
            cluster.names.set(&known_as(name), says.clone());
        }
        sleep(args.hang()).await;
    }
    for name in NAMES {
        cluster.publish(name);
    }
    sleep(args.settled()).await;
    Ok((None, 0))
}

async fn certificates(cluster: &mut Cluster, args: &Args) -> anyhow::Result<Outcome> {
    for name in NAMES.into_iter().chain(["client"]) {
        if let Some(certificates) = &cluster.certificates {
            certificates.sign(name, &known_as(name))?;
        }
        sleep(Duration::from_secs(1)).await;
    }
    // New replicas make new connections, and these have to be believed.
    restart(cluster, args).await
}

/// The most that one of two replicas may be working on.
fn in_flight(rate: u32) -> usize {
    let each_second = usize::try_from(rate).unwrap_or(usize::MAX);
    let at_once = each_second.saturating_mul(AT_A_REPLICA.as_millis() as usize) / 1000;
    at_once.max(1)
}
