//! The numbers of a gateway, by the GenAI conventions where those have a name.
//!
//! Labels are bounded: providers and models come from the config, reasons from the closed set.

use std::sync::LazyLock;
use std::time::Duration;

use terrace_domain::{BackendName, ModelName, Reason, Usage};
use terrace_resilience::State;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{Counters, Gauges, Histograms, MODEL_SECONDS, TOKENS};

/// What a call of a model is told apart by.
const CALL: [&str; 3] = [
    fields::GEN_AI_OPERATION_NAME,
    fields::GEN_AI_PROVIDER_NAME,
    fields::GEN_AI_REQUEST_MODEL,
];

struct Instruments {
    duration: Histograms<4>,
    first_piece: Histograms<3>,
    tokens: Histograms<4>,
    in_flight: Gauges<1>,
    breaker: Gauges<2>,
    retries: Counters<2>,
    waiting: Gauges<1>,
    limit: Gauges<1>,
    refused: Counters<2>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let [operation, provider, model] = CALL;
    Instruments {
        duration: Histograms::seconds(
            "gen_ai.client.operation.duration",
            "Time of a call of a model, to the end of its answer.",
            [operation, provider, model, fields::ERROR_TYPE],
            &MODEL_SECONDS,
        ),
        first_piece: Histograms::seconds(
            "gen_ai.client.operation.time_to_first_chunk",
            "Time from a call of a model to the first piece of its answer.",
            CALL,
            &MODEL_SECONDS,
        ),
        tokens: Histograms::new(
            "gen_ai.client.token.usage",
            "Tokens of a call of a model, in and out.",
            [operation, provider, model, fields::GEN_AI_TOKEN_TYPE],
            &TOKENS,
        ),
        in_flight: Gauges::new(
            "terrace.gateway.in_flight",
            "Calls of models that are being answered.",
            [fields::BACKEND],
        ),
        breaker: Gauges::new(
            "terrace.gateway.breaker_state",
            "Breaker of a model: 0 closed, 1 open, 2 probing.",
            [fields::BACKEND, model],
        ),
        retries: Counters::new(
            "terrace.gateway.retries",
            "Calls of a backend made again, by what went wrong before.",
            [fields::BACKEND, fields::ERROR_TYPE],
        ),
        waiting: Gauges::new(
            "terrace.gateway.waiting",
            "Calls that wait for a place.",
            [fields::BACKEND],
        ),
        limit: Gauges::new(
            "terrace.gateway.concurrency_limit",
            "Calls that the backend is given at once.",
            [fields::BACKEND],
        ),
        refused: Counters::new(
            "terrace.gateway.refused",
            "Calls that were not let in, by why.",
            [fields::BACKEND, "cause"],
        ),
    }
});

/// Why a call was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full,
    /// Its turn would come too late.
    TooLate,
    /// It has waited, and no place became free.
    Waited,
}

/// Tells how long the line is and how many are let in at once.
pub(crate) fn line(backend: &BackendName, waiting: usize, limit: usize) {
    let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    INSTRUMENTS.waiting.set(shown(waiting), [backend.as_str()]);
    INSTRUMENTS.limit.set(shown(limit), [backend.as_str()]);
}

/// Counts a call that was not let in.
pub(crate) fn refused(backend: &BackendName, cause: Refused) {
    let cause = match cause {
        Refused::Full => "full",
        Refused::TooLate => "too_late",
        Refused::Waited => "waited",
    };
    INSTRUMENTS.refused.add(1, [backend.as_str(), cause]);
}

/// Tells where the breaker of a model stands.
pub(crate) fn breaker(backend: &BackendName, model: &ModelName, state: State) {
    let state = match state {
        State::Closed { .. } => 0,
        State::Open { .. } => 1,
        State::Probing { .. } => 2,
    };
    let whose = [backend.as_str(), model.as_str()];
    INSTRUMENTS.breaker.set(state, whose);
}

/// Counts a call that is made again because of `reason`.
pub(crate) fn retry(backend: &BackendName, reason: Reason) {
    let why = [backend.as_str(), reason.as_str()];
    INSTRUMENTS.retries.add(1, why);
}

/// How a call ended.
pub(crate) struct Outcome<'a> {
    pub(crate) operation: &'static str,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a ModelName,
    pub(crate) took: Duration,
    pub(crate) first_piece: Option<Duration>,
    pub(crate) usage: Usage,
    pub(crate) error: Option<Reason>,
}

/// Counts a call that has ended.
pub(crate) fn record(outcome: &Outcome<'_>) {
    let call = [outcome.operation, outcome.provider, outcome.model.as_str()];
    let [operation, provider, model] = call;
    for (kind, tokens) in [
        ("input", outcome.usage.input_tokens),
        ("output", outcome.usage.output_tokens),
    ] {
        if tokens > 0 {
            let labels = [operation, provider, model, kind];
            INSTRUMENTS.tokens.record(tokens as f64, labels);
        }
    }
    if let Some(time) = outcome.first_piece {
        INSTRUMENTS.first_piece.record(time.as_secs_f64(), call);
    }
    let error = outcome.error.map_or("", Reason::as_str);
    let labels = [operation, provider, model, error];
    let took = outcome.took.as_secs_f64();
    INSTRUMENTS.duration.record(took, labels);
}

/// Counts calls in flight up or down.
pub(crate) fn in_flight(backend: &BackendName, change: i64) {
    INSTRUMENTS.in_flight.add(change, [backend.as_str()]);
}
