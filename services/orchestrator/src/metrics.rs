//! What the orchestrator counts.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use terrace_domain::Reason;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{MODEL_SECONDS, meter, seconds};

use crate::route::consensus::Consensus;
use crate::route::trail::{Attempt, Outcome};
use crate::route::{Answered, Unanswered};

/// The instruments, made once.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Counter<u64>,
    request_seconds: Histogram<f64>,
    attempts: Counter<u64>,
    cost: Counter<u64>,
    cache: Counter<u64>,
    store: Counter<u64>,
    consensus: Counter<u64>,
    hedges: Counter<u64>,
    lessons: Counter<u64>,
    shadows: Counter<u64>,
}

/// How a request met the answers that are kept, or are being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// Its question had been answered.
    Hit,
    /// It had not.
    Missed,
    /// It was being answered for somebody else.
    Joined,
    /// The same request had come before.
    Replayed,
}

/// A call of the store that several orchestrators keep answers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreCall {
    /// Looks for an answer.
    Get,
    /// Keeps one.
    Put,
    /// Throws some out.
    Evict,
}

/// How a call of the store ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreResult {
    /// As it should.
    Done,
    /// With an error.
    Failed,
    /// Without an answer in time.
    Late,
    /// It was not made: the store is left alone after failures in a row.
    NotAsked,
    /// With an answer that cannot be read.
    Unreadable,
}

/// What became of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LessonResult {
    /// The classifier took it.
    Learned,
    /// It learns nothing.
    Refused,
    /// It could not be asked.
    Failed,
    /// Too many were waiting.
    Dropped,
}

/// What came of an answer that another tier was to be asked too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowResult {
    /// Both were judged, and there is a lesson.
    Compared,
    /// The call or the judge failed.
    Failed,
    /// No other tier has a model that could be asked.
    NoModel,
    /// Their budget has no room.
    NoBudget,
    /// Too many were being made.
    Dropped,
}

impl Metrics {
    /// Makes the instruments.
    #[must_use]
    pub fn new() -> Self {
        let meter = meter();
        Self {
            requests: meter
                .u64_counter("terrace_requests")
                .with_description("Requests ended, by outcome and answering tier.")
                .build(),
            request_seconds: seconds(
                "terrace_request_duration",
                "From a request's arrival to its answer.",
                &MODEL_SECONDS,
            ),
            attempts: meter
                .u64_counter("terrace_attempts")
                .with_description("Attempts ended, by tier, outcome and reason.")
                .build(),
            cost: meter
                .u64_counter("terrace_cost_nano_usd")
                .with_description("What attempts cost, in nano-USD, by tier.")
                .build(),
            cache: meter
                .u64_counter("terrace_cache_requests")
                .with_description("Requests that met the cache, by result.")
                .build(),
            store: meter
                .u64_counter("terrace_cache_store_calls")
                .with_description("Calls of the shared cache, by call and result.")
                .build(),
            hedges: meter
                .u64_counter("terrace_hedges")
                .with_description("Late models that another was called beside, by who answered.")
                .build(),
            lessons: meter
                .u64_counter("terrace_lessons")
                .with_description("Lessons for the classifier, by what became of them.")
                .build(),
            shadows: meter
                .u64_counter("terrace_shadow_calls")
                .with_description(
                    "Answers that another tier was to be asked too, by what came of it.",
                )
                .build(),
            consensus: meter
                .u64_counter("terrace_consensus_rounds")
                .with_description(
                    "Rounds of consensus, by whether enough members agreed, and early.",
                )
                .build(),
        }
    }

    /// Counts what the cache was good for.
    pub fn cache(&self, used: CacheUse) {
        let result = match used {
            CacheUse::Hit => "hit",
            CacheUse::Missed => "miss",
            CacheUse::Joined => "joined",
            CacheUse::Replayed => "replayed",
        };
        self.cache.add(1, &[KeyValue::new("result", result)]);
    }

    /// Counts a call of the shared cache.
    pub fn store(&self, call: StoreCall, result: StoreResult) {
        let call = match call {
            StoreCall::Get => "get",
            StoreCall::Put => "put",
            StoreCall::Evict => "evict",
        };
        let result = match result {
            StoreResult::Done => "done",
            StoreResult::Failed => "failed",
            StoreResult::Late => "late",
            StoreResult::NotAsked => "not_asked",
            StoreResult::Unreadable => "unreadable",
        };
        let labels = [KeyValue::new("call", call), KeyValue::new("result", result)];
        self.store.add(1, &labels);
    }

    /// Counts a late model and the one called beside it.
    pub fn hedge_ended(&self, attempts: &[Attempt]) {
        let accepted = |attempt: &&Attempt| attempt.outcome == Outcome::Accepted;
        let by = match attempts.iter().find(accepted).map(|by| by.hedges) {
            Some(Some(_)) => "hedge",
            Some(None) => "late",
            None => "neither",
        };
        self.hedges.add(1, &[KeyValue::new("answered_by", by)]);
    }

    /// Counts a lesson.
    pub fn lesson(&self, result: LessonResult) {
        let result = match result {
            LessonResult::Learned => "learned",
            LessonResult::Refused => "refused",
            LessonResult::Failed => "failed",
            LessonResult::Dropped => "dropped",
        };
        self.lessons.add(1, &[KeyValue::new("result", result)]);
    }

    /// Counts an answer that another tier was to be asked too.
    pub fn shadow(&self, result: ShadowResult) {
        let result = match result {
            ShadowResult::Compared => "compared",
            ShadowResult::Failed => "failed",
            ShadowResult::NoModel => "no_model",
            ShadowResult::NoBudget => "no_budget",
            ShadowResult::Dropped => "dropped",
        };
        self.shadows.add(1, &[KeyValue::new("result", result)]);
    }

    /// Counts a round of consensus.
    pub fn consensus_ended(&self, consensus: &Consensus) {
        let labels = [
            KeyValue::new("agreed", consensus.agreed),
            KeyValue::new("early", consensus.decided_early),
        ];
        self.consensus.add(1, &labels);
    }

    /// Counts an attempt, and notes on its span how it ended.
    pub fn attempt_ended(&self, attempt: &Attempt) {
        let outcome = outcome_name(&attempt.outcome);
        let reason = attempt.reason().map_or("", Reason::as_str);
        let cost = attempt.cost.get();
        let span = tracing::Span::current();
        span.record("terrace.attempt.outcome", outcome);
        span.record("terrace.reason", reason);
        span.record("terrace.cost", cost);
        if matches!(attempt.outcome, Outcome::Failed(_) | Outcome::Unjudged(_)) {
            span.record("otel.status_code", "ERROR");
        }
        if let Some(verdict) = &attempt.verdict {
            span.record(fields::VERDICT_SCORE, verdict.score.get());
            span.record(fields::VERDICT_PASSED, verdict.passed);
            let check = verdict.weightiest().map(|check| check.check.as_str());
            span.record(fields::VERDICT_CHECK, check.filter(|_| !verdict.passed));
        }
        let tier = KeyValue::new("tier", attempt.candidate.tier.to_string());
        let labels = [
            tier.clone(),
            KeyValue::new("outcome", outcome),
            KeyValue::new("reason", reason),
        ];
        self.attempts.add(1, &labels);
        self.cost.add(u64::try_from(cost).unwrap_or(0), &[tier]);
    }

    /// Counts a request.
    pub fn request_ended(&self, result: &Result<Answered, Box<Unanswered>>, latency: Duration) {
        let (outcome, tier) = match result {
            Ok(answered) => (
                if answered.passed {
                    "passed"
                } else {
                    "best_effort"
                },
                answered.attempts.get(answered.answering),
            ),
            Err(unanswered) => (unanswered.failure.reason.as_str(), None),
        };
        let tier = tier.map_or_else(String::new, |attempt| attempt.candidate.tier.to_string());
        let labels = [
            KeyValue::new("outcome", outcome),
            KeyValue::new("tier", tier),
        ];
        self.requests.add(1, &labels);
        self.request_seconds.record(latency.as_secs_f64(), &labels);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Rejected => "rejected",
        Outcome::Failed(_) | Outcome::Unjudged(_) => "failed",
        Outcome::Cancelled | Outcome::CalledOff => "cancelled",
        Outcome::Skipped(_) => "skipped",
    }
}
