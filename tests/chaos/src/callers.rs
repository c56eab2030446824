//! The clients: questions at a fixed rate or a few at a time, and what was heard of each.
//!
//! Some name their request's id and send it again when nothing was heard, as a careful client does;
//! what they hear then may be an answer, or that the id was used.

pub mod doors;
pub mod edge;
pub mod question;

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, Reason};
use terrace_proto::router::v1::{Attempt, RouteResponse};
use terrace_rpc::link::Link;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

pub use doors::{Door, Doors};
pub use edge::Edge;
pub use question::{Kind, Question, paid};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(300);
/// How often it is sent at most.
const TRIES: u32 = 4;

/// An answer as its client got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Id of the request.
    pub request_id: String,
    /// Whether it passed.
    pub passed: bool,
    /// What it said it cost.
    pub cost: NanoUsd,
    /// Its attempts, as outcome and cost, in order.
    pub attempts: Vec<(String, NanoUsd)>,
}

impl Answer {
    fn of(response: &RouteResponse) -> Self {
        let attempt = |attempt: &Attempt| {
            let outcome = attempt.outcome().as_str_name();
            let outcome = outcome.trim_start_matches("ATTEMPT_OUTCOME_");
            let cost = NanoUsd::new(attempt.cost_nano_usd);
            (outcome.to_lowercase(), cost)
        };
        Self {
            request_id: response.request_id.clone(),
            passed: response.passed,
            cost: NanoUsd::new(response.cost_nano_usd),
            attempts: response.attempts.iter().map(attempt).collect(),
        }
    }
}

/// What a client heard of a question in the end.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The answer, or why there is none.
    pub end: Result<Answer, Failure>,
    /// How often it was sent.
    pub tries: u32,
    /// From the first time it was sent.
    pub took: Duration,
    /// The way that it went.
    pub door: Door,
}

/// Asks, and asks again under the same id when nothing was heard.
pub async fn ask(doors: Doors, question: Question) -> Heard {
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let end = doors.ask(&question).await;
        let again = matches!(&end, Err(failure) if is_silence(failure.reason));
        if !again || question.own_id.is_none() || tries == TRIES {
            return Heard {
                end,
                tries,
                took: began.elapsed(),
                door: question.door,
            };
        }
        sleep(PAUSE).await;
    }
}

/// Whether the client does not know what became of its request.
const fn is_silence(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ServiceUnavailable
            | Reason::LedgerUnavailable
            | Reason::ShuttingDown
            | Reason::DeadlineExceeded
    )
}

/// Asks so many questions a second until told to stop, whatever becomes of those before, and waits
/// for the end of each.
pub async fn ask_at_rate(
    doors: Doors,
    rate: u32,
    mut chance: fastrand::Rng,
    stop: CancellationToken,
) -> Vec<Heard> {
    let mut clock = interval(Duration::from_secs(1) / rate);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut asked, mut heard) = (JoinSet::new(), Vec::new());
    while !stop.is_cancelled() {
        clock.tick().await;
        let mut question = Question::random(&mut chance);
        question.door = doors.any(&mut chance);
        asked.spawn(ask(doors.clone(), question));
        while let Some(done) = asked.try_join_next() {
            heard.extend(done.ok());
        }
    }
    heard.extend(asked.join_all().await);
    heard
}

/// Asks `questions` paid ones over these links, so many over each at once.
pub async fn ask_all(links: &[Link], questions: usize, at_once: usize) -> Vec<Heard> {
    let left = Arc::new(tokio::sync::Semaphore::new(questions));
    let mut askers = JoinSet::new();
    for link in links.iter().cycle().take(links.len() * at_once) {
        let (link, left) = (link.clone(), Arc::clone(&left));
        askers.spawn(async move {
            let mut heard = Vec::new();
            while let Ok(one) = left.try_acquire() {
                one.forget();
                heard.push(ask(link.clone().into(), paid()).await);
            }
            heard
        });
    }
    askers.join_all().await.concat()
}
