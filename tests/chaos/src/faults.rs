//! The attack by fault: one part after another hangs, is cut off, runs out of room or lies, and is
//! well again, while clients ask.
//!
//! Nobody is killed but PostgreSQL where it fails over, so what every process holds before and after
//! can be compared. After each fault a free and a paid question have to be answered before the next.

mod crowd;
mod fault;
pub(crate) mod inject;
pub(crate) mod leaks;
mod lies;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use terrace_domain::{NanoUsd, Reason};
use terrace_testkit::Session;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::books;
use crate::callers::{Door, Doors, Edge, Heard, Kind as Asked, Question, ask, ask_at_rate};
use crate::claims::{Claim, answers_are_booked, calls_are_booked, nothing_is_booked_twice};
use crate::killed::{proof, top_ups};
use crate::observer::Observer;
use crate::purse::top_up;
use crate::report::{Report, Survived, Tally, answers, progress, seconds};
use crate::site::{COST, Setup, Site};
use crate::surroundings::{Clocks, Disk, Surroundings};
pub(crate) use fault::chosen;
pub use fault::{Fault, Kind};

/// The longest that all is well before a fault, in milliseconds.
const LONGEST_CALM_MS: u64 = 1000;
/// Until everything has to be well again after a fault.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before a client asks again whether it is.
const AGAIN: Duration = Duration::from_millis(100);
/// Clients that warm everything up, and the calm after them.
const WARM: Duration = Duration::from_secs(3);
/// Until what was open is written or presumed.
const QUIET: Duration = Duration::from_secs(120);
/// What may be spent at first: some seconds' worth.
const BUDGET: NanoUsd = NanoUsd::new(400 * COST.get());
/// A disk that has room for PostgreSQL and some minutes of books, in MiB.
const DATABASE_DISK: u32 = 400;
/// A disk that has room for a spool, in MiB.
const SPOOL_DISK: u32 = 4;

/// What an attack is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Requests a second, whatever becomes of them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// What order, moments and questions are made from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long each fault lasts, in seconds.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub hold_seconds: u64,
    /// The faults, by kind or in full, as `stopped,cut/cost-ledger`; all if none is named.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Write the log of each process to a file in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

/// Starts everything, attacks, and says what came of it.
///
/// # Errors
/// Something does not start, or a fault cannot be made or undone.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let (faults, skipped, surroundings) = prepared(args)?;
    let site = start(surroundings, BUDGET).await?;
    let observer = Observer::start(&site.database)?;
    let mut run = Run::new(&site, args)?;
    run.warm_up().await;
    let before = leaks::look(&site).await?;
    let began = Instant::now();
    for (number, fault) in faults.iter().enumerate() {
        let survived = Box::pin(run.suffer(*fault)).await?;
        progress(&format!("{} of {}: {survived:?}", number + 1, faults.len()));
        run.survived.push(survived);
    }
    let took = began.elapsed();
    let (heard, survived, misled, added) = run.end().await?;
    let mut session = Session::open(&site.database.url())?;
    let quiet = books::wait_until_quiet(&mut session, QUIET).await?;
    let books = books::read(&mut session)?;
    let budgets = observer.end()?;
    let after = leaks::look(&site).await?;
    if let Some(folder) = &args.logs {
        site.write_logs(folder)?;
    }
    let mut claims = vec![
        answers_are_booked(&answers(&heard), &books),
        nothing_is_booked_twice(&books),
        calls_are_booked(site.paid.arrived().saturating_sub(misled), &books),
        Claim::of(
            "every budget is within its cap at every moment",
            usize::try_from(budgets.looks).unwrap_or(usize::MAX),
            budgets.breaches.clone(),
        ),
        top_ups(&mut session, added)?,
        Claim::one("nothing stays open", quiet, || {
            format!("not all was written or presumed within {QUIET:?}")
        }),
        well_again(&survived),
        nobody_is_told_of_defects(&heard),
        nobody_ended(&site),
    ];
    claims.extend(leaks::claims(&before, &after));
    claims.push(proof(&site).await?);
    Ok(Report {
        attack: format!(
            "{} faults of {} s each under {} requests a second, seed {}",
            faults.len(),
            args.hold_seconds,
            args.rate,
            args.seed
        ),
        seconds: seconds(took),
        clients: Tally::of(&heard),
        budgets: Some(budgets),
        figures: figures(&heard, &books, &before, &after),
        faults: survived,
        skipped,
        windows: Vec::new(),
        claims,
    })
}

/// Which faults there will be, which cannot be had here, and what stands around the site.
fn prepared(args: &Args) -> anyhow::Result<(Vec<Fault>, Vec<String>, Surroundings)> {
    let wanted = fault::chosen(&args.only, args.seed)?;
    let wants = |kind: &[Kind]| wanted.iter().any(|fault| kind.contains(&fault.kind));
    let mut around = Surroundings {
        has_standby: wants(&[Kind::Promoted]),
        ..Surroundings::default()
    };
    if wants(&[Kind::DiskFull]) {
        around.database_disk = Disk::of_mib(DATABASE_DISK);
        around.spool_disk = Disk::of_mib(SPOOL_DISK);
        if around.has_standby {
            around.standby_disk = Disk::of_mib(DATABASE_DISK);
        }
    }
    if wants(&[Kind::ClockAhead, Kind::ClockBehind]) {
        around.clocks = Clocks::new();
    }
    let has_disks = around.database_disk.is_some() && around.spool_disk.is_some();
    let missing = |fault: &Fault| match fault.kind {
        Kind::DiskFull if !has_disks => Some("a small disk is mounted by root alone"),
        Kind::ClockAhead | Kind::ClockBehind if around.clocks.is_none() => {
            Some("libfaketime is not installed: `apt-get install libfaketime`")
        }
        _ => None,
    };
    let skipped = wanted
        .iter()
        .filter_map(|fault| Some(format!("{}: {}", fault.name(), missing(fault)?)));
    let skipped = skipped.collect();
    let faults = wanted.iter().filter(|fault| missing(fault).is_none());
    let faults = faults.copied().collect();
    Ok((faults, skipped, around))
}

/// A site in its surroundings.
///
/// # Errors
/// Something does not start.
pub(crate) async fn start(
    surroundings: Surroundings,
    daily_budget: NanoUsd,
) -> anyhow::Result<Site> {
    Site::start(Setup {
        orchestrators: 1,
        daily_budget,
        reservation_ttl_s: 5,
        spool: true,
        leases: false,
        surroundings: Some(surroundings),
    })
    .await
}

/// An attack under way.
struct Run<'a> {
    site: &'a Site,
    doors: Doors,
    rate: u32,
    hold: Duration,
    chance: fastrand::Rng,
    adding: JoinSet<NanoUsd>,
    stop: CancellationToken,
    heard: Vec<Heard>,
    survived: Vec<Survived>,
    /// Calls of the paid model that it answered with a lie: they may have cost nothing.
    misled: usize,
}

impl<'a> Run<'a> {
    fn new(site: &'a Site, args: &Args) -> anyhow::Result<Self> {
        let hold = Duration::from_secs(args.hold_seconds);
        let stop = CancellationToken::new();
        let mut adding = JoinSet::new();
        let ledger = site.link(&site.ledger)?;
        // Half of all questions are paid, and most of those can be.
        let a_second = NanoUsd::new(COST.get() * i64::from(args.rate) * 45 / 100);
        adding.spawn(top_up(ledger, a_second, stop.clone()));
        Ok(Self {
            site,
            doors: doors(site, hold)?,
            rate: args.rate,
            hold,
            chance: fastrand::Rng::with_seed(args.seed),
            adding,
            stop,
            heard: Vec::new(),
            survived: Vec::new(),
            misled: 0,
        })
    }

    /// Load until `stop`.
    fn ask_until(&mut self, stop: &CancellationToken) -> impl Future<Output = Vec<Heard>> + use<> {
        let chance = self.chance.fork();
        ask_at_rate(self.doors.clone(), self.rate, chance, stop.clone())
    }

    async fn warm_up(&mut self) {
        let stop = CancellationToken::new();
        let asking = self.ask_until(&stop);
        let warming = async {
            sleep(WARM).await;
            stop.cancel();
        };
        let (heard, ()) = tokio::join!(asking, warming);
        self.heard.extend(heard);
        sleep(WARM).await;
    }

    /// One fault under load, until everything is well again.
    async fn suffer(&mut self, fault: Fault) -> anyhow::Result<Survived> {
        let stop = CancellationToken::new();
        let asking = self.ask_until(&stop);
        let calm = Duration::from_millis(self.chance.u64(0..=LONGEST_CALM_MS));
        let (site, hold, doors) = (self.site, self.hold, self.doors.clone());
        let suffering = async {
            sleep(calm).await;
            let called = site.paid.arrived();
            let crowd = inject::begin(site, fault).await;
            sleep(hold).await;
            drop(crowd?);
            inject::end(site, fault).await?;
            let misled = match fault.whom {
                "big" => site.paid.arrived() - called,
                _ => 0,
            };
            let back = well_after(&doors).await;
            stop.cancel();
            anyhow::Ok((back, misled))
        };
        let suffering = async {
            let done = suffering.await;
            stop.cancel();
            done
        };
        let (heard, done) = tokio::join!(asking, suffering);
        let (back, misled) = done?;
        let survived = Survived::of(fault.name(), &heard, back);
        self.heard.extend(heard);
        self.misled += misled;
        Ok(survived)
    }

    async fn end(mut self) -> anyhow::Result<(Vec<Heard>, Vec<Survived>, usize, NanoUsd)> {
        self.stop.cancel();
        let added = self.adding.join_next().await;
        let added = added.ok_or_else(|| anyhow::anyhow!("nobody added"))??;
        Ok((self.heard, self.survived, self.misled, added))
    }
}

/// The ways into a site whose edge is stopped for `hold` at most.
///
/// # Errors
/// It has no edge, or the files of the client's certificate cannot be read.
pub(crate) fn doors(site: &Site, hold: Duration) -> anyhow::Result<Doors> {
    let router = site.link(site.at("orchestrator")?)?;
    let edge = Edge::new(&site.at("edge")?.url(), hold);
    Ok(Doors::from(router).and(edge))
}

/// How long it takes until a free and a paid question are answered at each door; `None`: too long.
async fn well_after(doors: &Doors) -> Option<Duration> {
    let began = Instant::now();
    let kinds = [Asked::Free, Asked::Paid];
    let each = |door: Door| kinds.map(|kind| (door, kind));
    for (door, kind) in doors.all().flat_map(each) {
        let question = Question {
            kind,
            own_id: None,
            door,
        };
        loop {
            let heard = ask(doors.clone(), question.clone()).await;
            if heard.end.is_ok_and(|answer| answer.passed) {
                break;
            }
            if began.elapsed() > PATIENCE {
                return None;
            }
            sleep(AGAIN).await;
        }
    }
    Some(began.elapsed())
}

fn well_again(survived: &[Survived]) -> Claim {
    let never = survived.iter().filter(|one| one.back_ms.is_none());
    Claim::of(
        "everything is well again after each fault, by itself",
        survived.len(),
        never.map(|one| one.fault.clone()).collect(),
    )
}

fn nobody_is_told_of_defects(heard: &[Heard]) -> Claim {
    let failures = heard.iter().filter_map(|one| one.end.as_ref().err());
    let defects = failures.filter(|failure| failure.reason == Reason::Internal);
    Claim::of(
        "whoever goes without an answer is told why, and never of a defect",
        heard.len(),
        defects.map(|failure| failure.message.clone()).collect(),
    )
}

pub(crate) fn nobody_ended(site: &Site) -> Claim {
    let ended = site.services().filter(|service| !service.is_running());
    Claim::of(
        "no process ends by itself",
        site.services().count(),
        ended.map(|service| service.name().to_owned()).collect(),
    )
}

fn figures(
    heard: &[Heard],
    books: &books::Requests,
    before: &leaks::All,
    after: &leaks::All,
) -> BTreeMap<&'static str, i64> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let steps = || books.values().flat_map(|request| &request.steps);
    let presumed = steps().filter(|(_, how, _)| how == "presumed").count();
    let sum = |all: &leaks::All, of: fn(&leaks::Held) -> i64| all.values().map(of).sum::<i64>();
    let descriptors = |held: &leaks::Held| i64::try_from(held.descriptors).unwrap_or(i64::MAX);
    let over_http = || heard.iter().filter(|one| one.door == Door::Http);
    let answered_so = over_http().filter(|one| one.end.is_ok()).count();
    BTreeMap::from([
        ("asked over HTTP", count(over_http().count())),
        ("answered over HTTP", count(answered_so)),
        ("requests in the ledger", count(books.len())),
        ("steps in the ledger", count(steps().count())),
        ("steps presumed", count(presumed)),
        (
            "descriptors of all services before",
            sum(before, descriptors),
        ),
        ("descriptors of all services after", sum(after, descriptors)),
        (
            "KiB of memory of all services before",
            sum(before, |held| held.memory_kib),
        ),
        (
            "KiB of memory of all services after",
            sum(after, |held| held.memory_kib),
        ),
    ])
}
