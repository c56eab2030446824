//! All measurements of one subject in one round.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use super::backend::{Backend, Manner};
use super::drive::{self, Load};
use super::kernel::{self, Cpu};
use super::subject::{Place, Started, Subject};
use super::words::TOKENS;
use crate::quantiles::Quantiles;

/// Callers of the closed loops.
pub(crate) const CALLERS: [u32; 4] = [1, 16, 64, 256];
/// Calls a second of the open loop, and how slow the backend is meanwhile.
pub(crate) const RATE: u32 = 200;
pub(crate) const RATE_DELAY_MS: u64 = 50;
/// Streams at once.
pub(crate) const STREAMS: u32 = 64;
/// Of a paced stream: its tokens, until the first of them, between two.
pub(crate) const PACED: Manner = Manner {
    tokens: 32,
    delay_ms: 50,
    pace_ms: 20,
};
/// How long a subject that has started, or has nothing more to do, is left alone.
const REST: Duration = Duration::from_secs(1);

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Block {
    pub(crate) subject: String,
    pub(crate) round: u32,
    pub(crate) load_average: f64,
    /// From the start to the first good answer; none for the stub.
    pub(crate) start_s: Option<f64>,
    /// How its answers differ from the backend's.
    pub(crate) differs: Vec<String>,
    /// By callers.
    pub(crate) closed: BTreeMap<u32, Calls>,
    pub(crate) open: Calls,
    pub(crate) stream_one: Calls,
    pub(crate) streams_paced: Calls,
    pub(crate) streams_flood: Calls,
    pub(crate) resident_idle_mib: f64,
    pub(crate) resident_after_mib: f64,
}

/// Calls of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct Calls {
    /// Good answers a second.
    pub(crate) per_second: f64,
    /// Tokens a second, of streams.
    pub(crate) tokens_per_second: f64,
    /// Of a stream, the time to its first text.
    pub(crate) latency: Quantiles,
    pub(crate) good: f64,
    pub(crate) bad: u64,
    pub(crate) error: Option<String>,
    /// CPU-seconds for 10,000 good answers, by process.
    pub(crate) cpu_per_10k: Cpu,
    /// The same of PostgreSQL, where the subject uses it.
    pub(crate) postgres_cpu_per_10k: Option<f64>,
}

impl Calls {
    /// CPU of all processes of the subject.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu_per_10k.values().sum()
    }
}

impl Block {
    /// Calls without a good answer.
    pub(crate) fn bad(&self) -> u64 {
        let streams = [&self.stream_one, &self.streams_paced, &self.streams_flood];
        let all = self.closed.values().chain([&self.open]).chain(streams);
        all.map(|calls| calls.bad).sum()
    }

    /// What was wrong with one of those.
    pub(crate) fn error(&self) -> Option<&str> {
        let streams = [&self.stream_one, &self.streams_paced, &self.streams_flood];
        let all = self.closed.values().chain([&self.open]).chain(streams);
        all.filter_map(|calls| calls.error.as_deref()).next()
    }
}

/// Starts a subject, measures all of it, and ends it.
///
/// # Errors
/// It does not start, or gives other answers than the backend.
pub(crate) async fn measure(
    subject: &Subject,
    place: &Place<'_>,
    (round, seconds): (u32, f64),
) -> anyhow::Result<Block> {
    let load_average = kernel::load_average();
    place.backend.behave(Manner::FAST).await?;
    let started = subject.start(place).await?;
    let bench = Bench::of(&started, place, Duration::from_secs_f64(seconds));
    let measured = bench.all(&started).await;
    started.stop().await?;
    measured.map(|block| Block {
        subject: subject.name().to_owned(),
        round,
        load_average,
        ..block
    })
}

/// A subject on the bench.
struct Bench<'a> {
    started: &'a Started,
    backend: &'a Backend,
    /// The root of the processes whose CPU counts.
    root: u32,
    postgres: Option<u32>,
    time: Duration,
}

impl<'a> Bench<'a> {
    fn of(started: &'a Started, place: &Place<'a>, time: Duration) -> Self {
        let root = started
            .running()
            .map_or_else(|| place.backend.id(), super::running::Running::id);
        let books = started.has_books().then(|| place.postgres.id());
        Self {
            started,
            backend: place.backend,
            root,
            postgres: books.and_then(Result::ok),
            time,
        }
    }

    async fn all(&self, started: &Started) -> anyhow::Result<Block> {
        let (target, time) = (&started.target, self.time);
        sleep(REST).await;
        let resident_idle_mib = kernel::resident_mib(self.root);
        let differs = target.connect().await?.differs().await?;
        drive::closed(target, 16, time / 2).await;
        let mut closed = BTreeMap::new();
        for callers in CALLERS {
            let calls = self.counted(drive::closed(target, callers, time)).await;
            closed.insert(callers, calls);
        }
        self.backend
            .behave(Manner {
                delay_ms: RATE_DELAY_MS,
                ..Manner::FAST
            })
            .await?;
        let open = self.counted(drive::open(target, RATE, time * 2)).await;
        self.backend.behave(PACED).await?;
        let paced = |callers, time| {
            let length = PACED.delay_ms + PACED.pace_ms * (PACED.tokens as u64 - 1);
            let spread = Duration::from_millis(length);
            self.counted(drive::streams(
                target,
                callers,
                PACED.tokens,
                (time, spread),
            ))
        };
        let stream_one = paced(1, time).await;
        let streams_paced = paced(STREAMS, time * 2).await;
        self.backend.behave(Manner::FAST).await?;
        let flood = drive::streams(target, STREAMS, TOKENS, (time, Duration::ZERO));
        let streams_flood = self.counted(flood).await;
        sleep(REST).await;
        Ok(Block {
            subject: String::new(),
            round: 0,
            load_average: 0.0,
            start_s: self.started.ready.map(|time| time.as_secs_f64()),
            differs,
            closed,
            open,
            stream_one,
            streams_paced,
            streams_flood,
            resident_idle_mib,
            resident_after_mib: kernel::resident_mib(self.root),
        })
    }

    /// Makes calls and counts what they took.
    async fn counted(&self, calls: impl Future<Output = Load>) -> Calls {
        let postgres = || {
            self.postgres
                .map(|root| kernel::cpu(root).values().sum::<f64>())
        };
        let (before, books_before) = (kernel::cpu(self.root), postgres());
        let load = calls.await;
        let used = kernel::used(&before, &kernel::cpu(self.root));
        let books = postgres().zip(books_before);
        let (good, time) = (load.good(), load.elapsed.as_secs_f64());
        let per_10k = |seconds: f64| seconds / good.max(1.0) * 10_000.0;
        let used = used.into_iter();
        Calls {
            per_second: good / time,
            tokens_per_second: load.tokens / time,
            latency: Quantiles::of(load.times),
            good,
            bad: load.bad,
            error: load.error,
            cpu_per_10k: used
                .map(|(name, seconds)| (name, per_10k(seconds)))
                .collect(),
            postgres_cpu_per_10k: books.map(|(after, before)| per_10k(after - before)),
        }
    }
}
