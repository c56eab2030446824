//! The clients: questions at a fixed rate or a few at a time, and what was heard of each.
//!
//! Some name their request's id and send it again when nothing was heard, as a careful client does;
//! what they hear then may be an answer, or that the id was used.

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, Reason, RequestId};
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_proto::router::v1::{Attempt, RoutePolicy, RouteRequest, RouteResponse};
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(300);
/// How often it is sent at most.
const TRIES: u32 = 4;
/// What an answer may be long: bounds the worst case of a call.
const MAX_OUTPUT_TOKENS: u32 = 64;

/// What is asked, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The free model answers.
    Free,
    /// The paid model is asked at once.
    Paid,
    /// The free model refuses, and the paid one answers.
    Climbing,
}

/// One question of a client.
#[derive(Debug, Clone)]
pub struct Question {
    /// What it costs.
    pub kind: Kind,
    /// The client's own id of it.
    pub own_id: Option<RequestId>,
}

impl Question {
    /// A question made from chance: half are free, three of ten paid; two of five name their id.
    #[must_use]
    pub fn random(chance: &mut fastrand::Rng) -> Self {
        let kind = match chance.u8(0..10) {
            0..5 => Kind::Free,
            5..8 => Kind::Paid,
            _ => Kind::Climbing,
        };
        let own_id = (chance.u8(0..5) < 2).then(RequestId::generate);
        Self { kind, own_id }
    }

    /// The message that asks it.
    #[must_use]
    pub fn message(&self) -> RouteRequest {
        let (text, tier) = match self.kind {
            Kind::Free => ("Name the capital of France.", ""),
            Kind::Paid => ("Name the capital of France.", "api_fallback"),
            Kind::Climbing => ("Please refuse to name the capital of France.", ""),
        };
        let policy = RoutePolicy {
            tier: tier.to_owned(),
            ..RoutePolicy::default()
        };
        let params = terrace_proto::common::v1::GenerationParams {
            max_output_tokens: Some(MAX_OUTPUT_TOKENS),
            ..Default::default()
        };
        RouteRequest {
            request_id: self.own_id.map(|id| id.to_string()).unwrap_or_default(),
            messages: vec![text_message(Role::User, text)],
            params: Some(params),
            policy: Some(policy),
            ..RouteRequest::default()
        }
    }
}

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
}

/// Asks, and asks again under the same id when nothing was heard.
pub async fn ask(link: Link, question: Question) -> Heard {
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let mut router = RouterServiceClient::new(link.clone());
        let message = request_within(question.message(), Deadline::within(CALL));
        let answered = router.route(message).await;
        let end = answered
            .map(|response| Answer::of(response.get_ref()))
            .map_err(|status| to_failure(&status));
        let again = matches!(&end, Err(failure) if is_silence(failure.reason));
        if !again || question.own_id.is_none() || tries == TRIES {
            let took = began.elapsed();
            return Heard { end, tries, took };
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
    link: Link,
    rate: u32,
    mut chance: fastrand::Rng,
    stop: CancellationToken,
) -> Vec<Heard> {
    let mut clock = interval(Duration::from_secs(1) / rate);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut asked, mut heard) = (JoinSet::new(), Vec::new());
    while !stop.is_cancelled() {
        clock.tick().await;
        let question = Question::random(&mut chance);
        asked.spawn(ask(link.clone(), question));
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
                heard.push(ask(link.clone(), paid()).await);
            }
            heard
        });
    }
    askers.join_all().await.concat()
}

/// A question for the paid model.
#[must_use]
pub const fn paid() -> Question {
    Question {
        kind: Kind::Paid,
        own_id: None,
    }
}
