//! What the orchestrator counts.

use std::sync::LazyLock;
use std::time::Duration;

use terrace_domain::Reason;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{Counters, Histograms, MODEL_SECONDS};

use crate::route::consensus::Consensus;
use crate::route::trail::{Attempt, Outcome};
use crate::route::{Answered, Unanswered};

struct Instruments {
    requests: Counters<2>,
    request_seconds: Histograms<2>,
    attempts: Counters<3>,
    cost: Counters<1>,
    cache: Counters<1>,
    store: Counters<2>,
    consensus: Counters<2>,
    hedges: Counters<1>,
    lessons: Counters<1>,
    shadows: Counters<1>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| Instruments {
    requests: Counters::new(
        "terrace.requests",
        "Requests ended, by outcome and answering tier.",
        ["outcome", "tier"],
    ),
    request_seconds: Histograms::seconds(
        "terrace.request.duration",
        "From a request's arrival to its answer.",
        ["outcome", "tier"],
        &MODEL_SECONDS,
    ),
    attempts: Counters::new(
        "terrace.attempts",
        "Attempts ended, by tier, outcome and reason.",
        ["tier", "outcome", "reason"],
    ),
    cost: Counters::new(
        "terrace.cost.nano_usd",
        "What attempts cost, in nano-USD, by tier.",
        ["tier"],
    ),
    cache: Counters::new(
        "terrace.cache.requests",
        "Requests that met the cache, by result.",
        ["result"],
    ),
    store: Counters::new(
        "terrace.cache.store.calls",
        "Calls of the shared cache, by call and result.",
        ["call", "result"],
    ),
    hedges: Counters::new(
        "terrace.hedges",
        "Late models that another was called beside, by who answered.",
        ["answered_by"],
    ),
    lessons: Counters::new(
        "terrace.lessons",
        "Lessons for the classifier, by what became of them.",
        ["result"],
    ),
    shadows: Counters::new(
        "terrace.shadow.calls",
        "Answers that another tier was to be asked too, by what came of it.",
        ["result"],
    ),
    consensus: Counters::new(
        "terrace.consensus.rounds",
        "Rounds of consensus, by whether enough members agreed, and early.",
        ["agreed", "early"],
    ),
});

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

/// Counts what the cache was good for.
pub(crate) fn cache(used: CacheUse) {
    let result = match used {
        CacheUse::Hit => "hit",
        CacheUse::Missed => "miss",
        CacheUse::Joined => "joined",
        CacheUse::Replayed => "replayed",
    };
    INSTRUMENTS.cache.add(1, [result]);
}

/// Counts a call of the shared cache.
pub(crate) fn store(call: StoreCall, result: StoreResult) {
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
    INSTRUMENTS.store.add(1, [call, result]);
}

/// Counts a late model and the one called beside it.
pub(crate) fn hedge_ended(attempts: &[Attempt]) {
    let accepted = |attempt: &&Attempt| attempt.outcome == Outcome::Accepted;
    let by = match attempts.iter().find(accepted).map(|by| by.hedges) {
        Some(Some(_)) => "hedge",
        Some(None) => "late",
        None => "neither",
    };
    INSTRUMENTS.hedges.add(1, [by]);
}

/// Counts a lesson.
pub(crate) fn lesson(result: LessonResult) {
    let result = match result {
        LessonResult::Learned => "learned",
        LessonResult::Refused => "refused",
        LessonResult::Failed => "failed",
        LessonResult::Dropped => "dropped",
    };
    INSTRUMENTS.lessons.add(1, [result]);
}

/// Counts an answer that another tier was to be asked too.
pub(crate) fn shadow(result: ShadowResult) {
    let result = match result {
        ShadowResult::Compared => "compared",
        ShadowResult::Failed => "failed",
        ShadowResult::NoModel => "no_model",
        ShadowResult::NoBudget => "no_budget",
        ShadowResult::Dropped => "dropped",
    };
    INSTRUMENTS.shadows.add(1, [result]);
}

/// Counts a round of consensus.
pub(crate) fn consensus_ended(consensus: &Consensus) {
    let told = |holds: bool| if holds { "true" } else { "false" };
    let labels = [consensus.agreed, consensus.decided_early].map(told);
    INSTRUMENTS.consensus.add(1, labels);
}

/// Counts an attempt, and notes on its span how it ended.
pub(crate) fn attempt_ended(attempt: &Attempt) {
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
    let tier = attempt.candidate.tier.as_str();
    INSTRUMENTS.attempts.add(1, [tier, outcome, reason]);
    let cost = u64::try_from(cost).unwrap_or(0);
    INSTRUMENTS.cost.add(cost, [tier]);
}

/// Counts a request.
pub(crate) fn request_ended(result: &Result<Answered, Box<Unanswered>>, latency: Duration) {
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
    let tier = tier.map_or("", |attempt| attempt.candidate.tier.as_str());
    let labels = [outcome, tier];
    INSTRUMENTS.requests.add(1, labels);
    let seconds = latency.as_secs_f64();
    INSTRUMENTS.request_seconds.record(seconds, labels);
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
