//! The attack by kill: the orchestrator, the ledger and PostgreSQL are killed (SIGKILL) again and
//! again, each as often, at moments and in an order that the seed says, while clients ask.
//!
//! Each kill comes when what was killed before is back. Half of the questions are free, the others
//! paid, and the budget is kept so tight that it runs out all the time.

mod schedule;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use terrace_domain::NanoUsd;
use terrace_testkit::{Process, Session, process};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::books::{self, Requests};
use crate::callers::{Heard, ask_at_rate};
use crate::claims::{
    Claim, answers_are_booked, calls_are_booked, costs_are_booked, nothing_is_booked_twice,
};
use crate::observer::{Observed, Observer};
use crate::purse::top_up;
use crate::report::{Report, Tally, answers, progress, seconds};
use crate::site::{COST, Setup, Site};

use schedule::{Blow, Target};

/// Before the first kill and after the last: so long everything is well.
const CALM: Duration = Duration::from_secs(1);
/// Until what was open is written or presumed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Until the books are proved.
const PROOF: Duration = Duration::from_secs(120);
/// What may be spent at first: some seconds' worth.
const BUDGET: NanoUsd = NanoUsd::new(200 * COST.get());

/// The flags that the command line takes its certificate by, and the files.
const CLIENT_FILES: [(&str, &str); 3] = [
    ("--ca", "ca.crt"),
    ("--cert", "tls.crt"),
    ("--cert-key", "tls.key"),
];

/// What an attack is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How often each of the three is killed.
    #[arg(long, default_value_t = 50)]
    pub kills: usize,
    /// Requests a second, whatever becomes of them.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// What moments, order and questions are made from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Let the ledger keep free settlements on its disk while PostgreSQL is away.
    #[arg(long)]
    pub spool: bool,
    /// Let the orchestrators decide over leases by themselves.
    #[arg(long)]
    pub leases: bool,
    /// Write the log of each process to a file in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

/// Starts everything, attacks, and says what came of it.
///
/// # Errors
/// Something does not start, or does not come back after a kill.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let mut site = Site::start(Setup {
        orchestrators: 1,
        daily_budget: BUDGET,
        reservation_ttl_s: 5,
        spool: args.spool,
        leases: args.leases,
        surroundings: None,
    })
    .await?;
    let observer = Observer::start(&site.database)?;
    let began = Instant::now();
    let clients = Clients::start(&site, args)?;
    sleep(CALM).await;
    let mut away = BTreeMap::new();
    let blows = schedule::blows(args.kills, args.seed);
    for (number, blow) in blows.iter().enumerate() {
        let back_after = strike(&mut site, *blow).await?;
        let (number, of, target) = (number + 1, blows.len(), blow.target);
        progress(&format!(
            "kill {number} of {of}: {target:?}, back after {back_after:.1?}"
        ));
        let longest: &mut Duration = away.entry(target).or_default();
        *longest = back_after.max(*longest);
    }
    sleep(CALM).await;
    let (heard, added) = clients.end().await?;
    let took = began.elapsed();
    let mut session = Session::open(&site.database.url())?;
    let quiet = books::wait_until_quiet(&mut session, PATIENCE).await?;
    let books = books::read(&mut session)?;
    let budgets = observer.end()?;
    let mut claims = claims(&site, &heard, &books, &budgets);
    let called = site.paid.arrived();
    claims.push(match args.leases {
        // Of a lost lease one row stands for all that was called with it.
        true => costs_are_booked(called, COST, &books),
        false => calls_are_booked(called, &books),
    });
    claims.push(Claim::one("nothing stays open", quiet, || {
        format!("not all was written or presumed within {PATIENCE:?}")
    }));
    claims.push(top_ups(&mut session, added)?);
    claims.push(proof(&site).await?);
    if let Some(folder) = &args.logs {
        site.write_logs(folder)?;
    }
    Ok(Report {
        attack: attack(args),
        seconds: seconds(took),
        clients: Tally::of(&heard),
        budgets: Some(budgets),
        figures: figures(&books, &away, args),
        faults: Vec::new(),
        skipped: Vec::new(),
        windows: Vec::new(),
        claims,
    })
}

fn attack(args: &Args) -> String {
    let Args {
        kills, rate, seed, ..
    } = args;
    let spool = match args.spool {
        true => "with a spool",
        false => "without a spool",
    };
    let leases = match args.leases {
        true => "with leases",
        false => "without leases",
    };
    format!(
        "orchestrator, ledger and PostgreSQL killed {kills} times each under {rate} requests a \
         second, {spool} and {leases}, seed {seed}"
    )
}

/// The clients, and who keeps the budget tight.
struct Clients {
    asking: JoinSet<Vec<Heard>>,
    adding: JoinSet<NanoUsd>,
    stop: CancellationToken,
}

impl Clients {
    fn start(site: &Site, args: &Args) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let (mut asking, mut adding) = (JoinSet::new(), JoinSet::new());
        let orchestrators = site.orchestrators.first().context("no orchestrator")?;
        let link = site.link(orchestrators)?;
        let chance = fastrand::Rng::with_seed(args.seed);
        asking.spawn(ask_at_rate(link.into(), args.rate, chance, stop.clone()));
        // Half of all questions are paid; seven of ten of those can be.
        let a_second = COST.get() * i64::from(args.rate) * 35 / 100;
        let ledger = site.link(&site.ledger)?;
        adding.spawn(top_up(ledger, NanoUsd::new(a_second), stop.clone()));
        Ok(Self {
            asking,
            adding,
            stop,
        })
    }

    /// Stops them; what they heard, and what was added to the budget.
    async fn end(mut self) -> anyhow::Result<(Vec<Heard>, NanoUsd)> {
        self.stop.cancel();
        let heard = self.asking.join_next().await.context("nobody asked")??;
        let added = self.adding.join_next().await.context("nobody added")??;
        Ok((heard, added))
    }
}

/// Kills one of them, waits until it is back, and says how long that took.
async fn strike(site: &mut Site, blow: Blow) -> anyhow::Result<Duration> {
    sleep(blow.after).await;
    let killed = Instant::now();
    match blow.target {
        Target::Orchestrator => {
            for orchestrator in &mut site.orchestrators {
                orchestrator.kill();
                sleep(blow.down).await;
                orchestrator.restart().await?;
            }
        }
        Target::Ledger => {
            site.ledger.kill();
            sleep(blow.down).await;
            site.ledger.restart().await?;
        }
        Target::Database => {
            site.database.primary().kill().await?;
            sleep(blow.down).await;
            site.database.primary().restart().await?;
        }
    }
    Ok(killed.elapsed())
}

fn claims(site: &Site, heard: &[Heard], books: &Requests, budgets: &Observed) -> Vec<Claim> {
    let ended = site.services().filter(|service| !service.is_running());
    let ended: Vec<String> = ended.map(|service| service.name().to_owned()).collect();
    vec![
        answers_are_booked(&answers(heard), books),
        nothing_is_booked_twice(books),
        Claim::of(
            "every budget is within its cap at every moment",
            usize::try_from(budgets.looks).unwrap_or(usize::MAX),
            budgets.breaches.clone(),
        ),
        Claim::of(
            "nobody ends who was not killed",
            site.services().count(),
            ended,
        ),
    ]
}

/// What was added to the budget is what the ledger has acknowledged.
pub(crate) fn top_ups(session: &mut Session, acknowledged: NanoUsd) -> anyhow::Result<Claim> {
    let sql = "SELECT coalesce(sum(topped_up_nano_usd), 0) FROM budget_periods";
    let booked = NanoUsd::new(books::number(session, sql)?);
    let about = "every top-up that was acknowledged is there, once";
    Ok(Claim::one(about, booked == acknowledged, || {
        format!("{acknowledged} acknowledged, {booked} booked")
    }))
}

/// Has `terrace ledger verify` prove the books.
///
/// # Errors
/// The program is not built, or does not end.
pub async fn proof(site: &Site) -> anyhow::Result<Claim> {
    let program = process::program("terrace")?;
    let mut args = vec!["ledger".into(), "verify".into(), "--server".into()];
    args.push(site.url(&site.ledger));
    if let Some(certificates) = &site.certificates {
        for (flag, file) in CLIENT_FILES {
            let file = certificates.file("client", file);
            args.extend([flag.to_owned(), file.display().to_string()]);
        }
    }
    let mut verify = Process::start(&program, args, std::iter::empty::<(&str, &str)>())?;
    let status = verify.wait(PROOF).await?;
    let about = "terrace ledger verify finds the books right";
    // Its last lines may come a moment after its end.
    sleep(Duration::from_millis(200)).await;
    Ok(Claim::one(about, status.success(), || {
        [verify.stdout(), verify.stderr()].concat().join("; ")
    }))
}

fn figures(
    books: &Requests,
    away: &BTreeMap<Target, Duration>,
    args: &Args,
) -> BTreeMap<&'static str, i64> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let ended = |how: &str| {
        books
            .values()
            .filter(|request| request.outcome == how)
            .count()
    };
    let steps = || books.values().flat_map(|request| &request.steps);
    let presumed = steps().filter(|(_, how, _)| how == "presumed").count();
    let longest = |target| {
        let longest = away.get(&target).copied().unwrap_or_default();
        i64::try_from(longest.as_millis()).unwrap_or(i64::MAX)
    };
    BTreeMap::from([
        ("kills", count(3 * args.kills)),
        (
            "ms the orchestrator was away at most",
            longest(Target::Orchestrator),
        ),
        ("ms the ledger was away at most", longest(Target::Ledger)),
        ("ms PostgreSQL was away at most", longest(Target::Database)),
        ("requests in the ledger", count(books.len())),
        ("of them presumed", count(ended("presumed"))),
        ("steps in the ledger", count(steps().count())),
        ("steps presumed", count(presumed)),
    ])
}
