//! Load on one subject: closed loops, an open one, and streams.
//!
//! In a closed loop each caller asks again as soon as it has its answer. In an open one calls are
//! due at fixed moments, whether or not those before were answered, and a latency counts from the
//! moment at which the call was due, so that a subject that stalls cannot hide it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::caller::{Caller, Streamed, Target};
use super::{wake, words};

/// The longest that one call may take.
const CALL: Duration = Duration::from_secs(30);
/// Before the next call of a caller whose last one failed.
const PAUSE: Duration = Duration::from_millis(20);
/// Callers of the open loop: more than calls are in flight unless the subject stalls.
const OPEN_CALLERS: u32 = 64;

/// What became of many calls.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Latencies of good whole answers, or times to the first text of good streams.
    pub(crate) times: Vec<Duration>,
    /// Calls without a good answer.
    pub(crate) bad: u64,
    /// What was wrong with one of them.
    pub(crate) error: Option<String>,
    /// Tokens that came in streams.
    pub(crate) tokens: f64,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
}

impl Load {
    /// Good answers.
    pub(crate) fn good(&self) -> f64 {
        self.times.len() as f64
    }

    fn count(&mut self, outcome: anyhow::Result<Duration>) {
        match outcome {
            Ok(time) => self.times.push(time),
            Err(error) => {
                self.bad += 1;
                self.error = Some(format!("{error:#}"));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.bad += other.bad;
        self.tokens += other.tokens;
        self.error = other.error.or_else(|| self.error.take());
    }
}

/// A connection that is opened again when it has failed.
struct Line {
    target: Target,
    caller: Option<Caller>,
}

impl Line {
    const fn to(target: Target) -> Self {
        Self {
            target,
            caller: None,
        }
    }

    async fn open(&mut self) -> anyhow::Result<&mut Caller> {
        match self.caller.take() {
            Some(caller) => Ok(self.caller.insert(caller)),
            None => Ok(self.caller.insert(self.target.connect().await?)),
        }
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let call = async { self.open().await?.ask().await };
        let outcome = timeout(CALL, call)
            .await
            .unwrap_or_else(|late| Err(late.into()));
        self.after(outcome).await
    }

    async fn stream(&mut self) -> anyhow::Result<Streamed> {
        let call = async { self.open().await?.stream().await };
        let outcome = timeout(CALL, call)
            .await
            .unwrap_or_else(|late| Err(late.into()));
        self.after(outcome).await
    }

    /// A connection on which something went wrong is not used again, and not at once.
    async fn after<T>(&mut self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        if outcome.is_err() {
            self.caller = None;
            sleep(PAUSE).await;
        }
        outcome
    }
}

/// So many callers ask again and again for that long.
pub(crate) async fn closed(target: &Target, callers: u32, time: Duration) -> Load {
    let until = Instant::now() + time;
    let work = |_| {
        let mut line = Line::to(target.clone());
        async move {
            let mut load = Load::default();
            while Instant::now() < until {
                let asked = Instant::now();
                let outcome = line.ask().await;
                load.count(outcome.map(|()| asked.elapsed()));
            }
            load
        }
    };
    all((0..callers).map(work)).await
}

/// Calls are due so many times a second for that long.
pub(crate) async fn open(target: &Target, rate: u32, time: Duration) -> Load {
    let calls = (f64::from(rate) * time.as_secs_f64()) as u32;
    let next = Arc::new(AtomicU32::new(0));
    // Time to open all connections before the first call is due.
    let begin = Instant::now() + Duration::from_millis(100);
    let work = |_| {
        let mut line = Line::to(target.clone());
        let next = Arc::clone(&next);
        async move {
            let mut load = Load::default();
            // A connection that cannot be opened now fails with its call.
            let _opened = line.open().await;
            loop {
                let call = next.fetch_add(1, Ordering::Relaxed);
                if call >= calls {
                    return load;
                }
                let due = begin + Duration::from_secs_f64(f64::from(call) / f64::from(rate));
                wake::at(due).await;
                let outcome = line.ask().await;
                load.count(outcome.map(|()| due.elapsed()));
            }
        }
    };
    all((0..OPEN_CALLERS).map(work)).await
}

/// So many callers read streams of `tokens` tokens again and again for that long. Their first ones
/// are spread over `spread`, so that they do not all wait for their first text at the same moment.
pub(crate) async fn streams(
    target: &Target,
    callers: u32,
    tokens: usize,
    (time, spread): (Duration, Duration),
) -> Load {
    let (whole, began) = (words::answer(tokens).len(), Instant::now());
    let until = began + time;
    let work = |index: u32| {
        let mut line = Line::to(target.clone());
        async move {
            let mut load = Load::default();
            wake::at(began + spread * index / callers).await;
            while Instant::now() < until {
                let outcome = line.stream().await;
                if let Ok(streamed) = &outcome {
                    load.tokens += tokens as f64 * streamed.text as f64 / whole as f64;
                }
                load.count(outcome.and_then(|streamed| {
                    anyhow::ensure!(streamed.text == whole, "another text was streamed");
                    Ok(streamed.first)
                }));
            }
            load
        }
    };
    all((0..callers).map(work)).await
}

async fn all(work: impl Iterator<Item = impl Future<Output = Load> + Send + 'static>) -> Load {
    let began = Instant::now();
    let mut callers: JoinSet<Load> = work.collect();
    let mut sum = Load::default();
    while let Some(ended) = callers.join_next().await {
        match ended {
            Ok(load) => sum.add(load),
            Err(broken) => sum.count(Err(broken.into())),
        }
    }
    sum.elapsed = began.elapsed();
    sum
}
