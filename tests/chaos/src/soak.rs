//! The attack by time: the same load for long, with a fault now and then, and nothing may grow.
//!
//! Time is cut into windows. Memory is read at the end of each, latency is told for each; those with a
//! fault in them, and the one after, count for no latency. A sample of the answers is held against
//! the books, the ledger proves the rest.

pub mod machine;
pub mod slope;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use terrace_domain::NanoUsd;
use terrace_testkit::Session;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::books;
use crate::callers::{Answer, Doors, Heard, ask_at_rate};
use crate::claims::{Claim, answers_are_booked, nothing_is_booked_twice};
use crate::faults::{self, Fault, inject, leaks};
use crate::killed::proof;
use crate::report::{Report, Tally, answers, progress, seconds};
use crate::site::{PLACES, Site};
use crate::surroundings::Surroundings;
use machine::Ticks;
use slope::Line;

/// Enough for any soak.
const BUDGET: NanoUsd = NanoUsd::new(1_000_000_000_000_000);
/// What a fault may be: those that every machine can make.
const FAULTS: [&str; 4] = ["stopped", "cut", "blackholed", "slowed"];
/// How long a fault lasts.
const HOLD: Duration = Duration::from_secs(3);
/// Answers of a window that are held against the books.
const SAMPLE: usize = 200;
/// Until what was open is written or presumed.
const QUIET: Duration = Duration::from_secs(120);
/// Memory that may come and go, in KiB.
const MEMORY_NOISE_KIB: f64 = 6144.0;
/// Time that an answer may take more by chance, in milliseconds.
const LATENCY_NOISE_MS: f64 = 10.0;
/// The share of windows that warm everything up, as one of so many.
const WARM_PART: usize = 4;

/// What a soak is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How long, in minutes.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub minutes: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// What questions and faults are made from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long a window is, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    pub window_seconds: u64,
    /// A fault in one of so many windows; 0: never.
    #[arg(long, default_value_t = 8)]
    pub fault_every: usize,
    /// Write the log of each process to a file in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

/// What was measured of one window.
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// Questions that were asked.
    pub asked: usize,
    /// Of these, answered.
    pub answered: usize,
    /// The median time to an answer, in milliseconds.
    pub p50_ms: u64,
    /// The 99th percentile of it.
    pub p99_ms: u64,
    /// How busy all cores of the machine were, in percent.
    pub busy_percent: u64,
    /// Resident memory of each process at its end, in KiB.
    pub memory_kib: BTreeMap<&'static str, i64>,
    /// The fault in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Starts everything, asks for long, and says what came of it.
///
/// # Errors
/// Something does not start, or a fault cannot be made or undone.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let site = faults::start(Surroundings::default(), BUDGET).await?;
    let mut soak = Soak::new(&site, args)?;
    let before = leaks::look(&site).await?;
    let began = Instant::now();
    let windows = args.minutes * 60 / args.window_seconds;
    for number in 0..windows {
        let window = soak.window(args, usize::try_from(number)?).await?;
        progress(&format!("window {} of {windows}: {window:?}", number + 1));
        soak.windows.push(window);
    }
    let took = began.elapsed();
    let mut session = Session::open(&site.database.url())?;
    let quiet = books::wait_until_quiet(&mut session, QUIET).await?;
    let books = books::read_these(&mut session, &soak.sample)?;
    let after = leaks::look(&site).await?;
    if let Some(folder) = &args.logs {
        site.write_logs(folder)?;
    }
    let sample: Vec<Answer> = soak.sample.into_values().collect();
    let mut claims = vec![
        memory_is_flat(&soak.windows),
        latency_is_flat(&soak.windows),
        answers_are_booked(&sample, &books),
        nothing_is_booked_twice(&books),
        Claim::one("nothing stays open", quiet, || {
            format!("not all was written or presumed within {QUIET:?}")
        }),
        faults::nobody_ended(&site),
    ];
    claims.extend(leaks::claims(&before, &after));
    claims.push(proof(&site).await?);
    Ok(Report {
        attack: format!(
            "{} minutes at {} requests a second, seed {}",
            args.minutes, args.rate, args.seed
        ),
        seconds: seconds(took),
        clients: soak.clients,
        budgets: None,
        figures: growth(&soak.windows),
        faults: Vec::new(),
        skipped: Vec::new(),
        windows: soak.windows,
        claims,
    })
}

/// A soak under way.
struct Soak<'a> {
    site: &'a Site,
    doors: Doors,
    chance: fastrand::Rng,
    faults: Vec<Fault>,
    clients: Tally,
    sample: HashMap<String, Answer>,
    windows: Vec<Window>,
}

impl<'a> Soak<'a> {
    fn new(site: &'a Site, args: &Args) -> anyhow::Result<Self> {
        let kinds = FAULTS.map(str::to_owned);
        Ok(Self {
            site,
            doors: faults::doors(site, HOLD)?,
            chance: fastrand::Rng::with_seed(args.seed),
            faults: faults::chosen(&kinds, args.seed)?,
            clients: Tally::default(),
            sample: HashMap::new(),
            windows: Vec::new(),
        })
    }

    async fn window(&mut self, args: &Args, number: usize) -> anyhow::Result<Window> {
        let has_fault = args.fault_every > 0 && number % args.fault_every == args.fault_every - 1;
        let fault = has_fault.then(|| self.faults[number % self.faults.len()]);
        let length = Duration::from_secs(args.window_seconds);
        let stop = CancellationToken::new();
        let asking = ask_at_rate(
            self.doors.clone(),
            args.rate,
            self.chance.fork(),
            stop.clone(),
        );
        let passing = async {
            let done = match fault {
                Some(fault) => suffer(self.site, fault, length).await,
                None => {
                    sleep(length).await;
                    Ok(())
                }
            };
            stop.cancel();
            done
        };
        let before = Ticks::now()?;
        let (heard, passed) = tokio::join!(asking, passing);
        passed?;
        let busy_percent = Ticks::now()?.busy_since(before);
        self.note(&heard);
        let tally = Tally::of(&heard);
        let held = leaks::look(self.site).await?;
        let memory = held.iter().map(|(place, held)| (*place, held.memory_kib));
        let window = Window {
            asked: tally.asked,
            answered: tally.answered,
            p50_ms: tally.p50_ms,
            p99_ms: tally.p99_ms,
            busy_percent,
            memory_kib: memory.collect(),
            fault: fault.map(Fault::name),
        };
        self.clients.add(tally);
        Ok(window)
    }

    /// Keeps a sample of the answers.
    fn note(&mut self, heard: &[Heard]) {
        let mut answers = answers(heard);
        self.chance.shuffle(&mut answers);
        let kept = answers.into_iter().take(SAMPLE);
        let named = kept.map(|answer| (answer.request_id.clone(), answer));
        self.sample.extend(named);
    }
}

/// A fault at the beginning of a window.
async fn suffer(site: &Site, fault: Fault, length: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + length;
    let held = inject::begin(site, fault).await?;
    sleep(HOLD).await;
    drop(held);
    inject::end(site, fault).await?;
    tokio::time::sleep_until(end).await;
    Ok(())
}

/// Those that come when everything is warm.
fn warm(windows: &[Window]) -> &[Window] {
    &windows[windows.len() / WARM_PART..]
}

fn memory_of(windows: &[Window], place: &str) -> Line {
    let of_it = |window: &Window| window.memory_kib.get(place).map(|kib| *kib as f64);
    let values: Vec<f64> = warm(windows).iter().filter_map(of_it).collect();
    Line::through(&values)
}

fn memory_is_flat(windows: &[Window]) -> Claim {
    let lines = PLACES.map(|place| (place, memory_of(windows, place)));
    let rising = lines
        .iter()
        .filter(|(_, line)| !line.is_flat(MEMORY_NOISE_KIB));
    let tell = |(place, line): &(&str, Line)| {
        format!("{place}: {:.0} KiB more, of {:.0}", line.growth, line.mean)
    };
    Claim::of(
        "the memory of every process is flat",
        PLACES.len(),
        rising.map(tell).collect(),
    )
}

fn latency_is_flat(windows: &[Window]) -> Claim {
    let quiet = |pair: &&[Window]| pair.iter().all(|window| window.fault.is_none());
    let pairs = warm(windows).windows(2).filter(quiet);
    let values: Vec<f64> = pairs.map(|pair| pair[1].p50_ms as f64).collect();
    let line = Line::through(&values);
    let about = "the median time to an answer is flat where no fault is";
    let wrong = match line.is_flat(LATENCY_NOISE_MS) {
        true => Vec::new(),
        false => vec![format!("{:.1} ms more, of {:.1}", line.growth, line.mean)],
    };
    Claim::of(about, values.len(), wrong)
}

fn growth(windows: &[Window]) -> BTreeMap<&'static str, i64> {
    let rounded = |value: f64| value.round() as i64;
    let named = [
        ("edge", "KiB that the edge has grown by"),
        ("orchestrator", "KiB that the orchestrator has grown by"),
        ("cost-ledger", "KiB that the ledger has grown by"),
        ("classifier", "KiB that the classifier has grown by"),
        ("quality-judge", "KiB that the judge has grown by"),
        (
            "gateway-local",
            "KiB that the free model's gateway has grown by",
        ),
        (
            "gateway-paid",
            "KiB that the paid model's gateway has grown by",
        ),
    ];
    let grown = named.map(|(place, about)| (about, rounded(memory_of(windows, place).growth)));
    BTreeMap::from(grown)
}
