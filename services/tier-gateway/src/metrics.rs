//! The numbers of a gateway, by the GenAI conventions where those have a name.
//!
//! Labels are bounded: providers and models come from the config, reasons from the closed set.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};
use terrace_domain::{BackendName, ModelName, Reason, Usage};
use terrace_resilience::State;
use terrace_telemetry::{fields, metrics};

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    metrics::seconds(
        "gen_ai.client.operation.duration",
        "Time of a call of a model, to the end of its answer.",
        &metrics::MODEL_SECONDS,
    )
});

static FIRST_PIECE: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    metrics::seconds(
        "gen_ai.client.operation.time_to_first_chunk",
        "Time from a call of a model to the first piece of its answer.",
        &metrics::MODEL_SECONDS,
    )
});

static TOKENS: LazyLock<Histogram<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_histogram("gen_ai.client.token.usage")
        .with_unit("{token}")
        .with_description("Tokens of a call of a model, in and out.")
        .with_boundaries(metrics::TOKENS.to_vec())
        .build()
});

static IN_FLIGHT: LazyLock<UpDownCounter<i64>> = LazyLock::new(|| {
    metrics::meter()
        .i64_up_down_counter("terrace.gateway.in_flight")
        .with_description("Calls of models that are being answered.")
        .build()
});

static BREAKER: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_gauge("terrace.gateway.breaker_state")
        .with_description("Breaker of a model: 0 closed, 1 open, 2 probing.")
        .build()
});

static RETRIES: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.gateway.retries")
        .with_description("Calls of a backend made again, by what went wrong before.")
        .build()
});

static WAITING: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_gauge("terrace.gateway.waiting")
        .with_description("Calls that wait for a place.")
        .build()
});

static LIMIT: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_gauge("terrace.gateway.concurrency_limit")
        .with_description("Calls that the backend is given at once.")
        .build()
});

static REFUSED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.gateway.refused")
        .with_description("Calls that were not let in, by why.")
        .build()
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
    let backend = [KeyValue::new(fields::BACKEND, backend.to_string())];
    WAITING.record(waiting as u64, &backend);
    LIMIT.record(limit as u64, &backend);
}

/// Counts a call that was not let in.
pub(crate) fn refused(backend: &BackendName, cause: Refused) {
    let cause = match cause {
        Refused::Full => "full",
        Refused::TooLate => "too_late",
        Refused::Waited => "waited",
    };
    let backend = KeyValue::new(fields::BACKEND, backend.to_string());
    REFUSED.add(1, &[backend, KeyValue::new("cause", cause)]);
}

/// Tells where the breaker of a model stands.
pub(crate) fn breaker(backend: &BackendName, model: &ModelName, state: State) {
    let state = match state {
        State::Closed { .. } => 0,
        State::Open { .. } => 1,
        State::Probing { .. } => 2,
    };
    let backend = KeyValue::new(fields::BACKEND, backend.to_string());
    let model = KeyValue::new(fields::GEN_AI_REQUEST_MODEL, model.to_string());
    BREAKER.record(state, &[backend, model]);
}

/// Counts a call that is made again because of `reason`.
pub(crate) fn retry(backend: &BackendName, reason: Reason) {
    let backend = KeyValue::new(fields::BACKEND, backend.to_string());
    let reason = KeyValue::new(fields::ERROR_TYPE, reason.as_str());
    RETRIES.add(1, &[backend, reason]);
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
    let mut labels = vec![
        KeyValue::new(fields::GEN_AI_OPERATION_NAME, outcome.operation),
        KeyValue::new(fields::GEN_AI_PROVIDER_NAME, outcome.provider.to_owned()),
        KeyValue::new(fields::GEN_AI_REQUEST_MODEL, outcome.model.to_string()),
    ];
    for (kind, tokens) in [
        ("input", outcome.usage.input_tokens),
        ("output", outcome.usage.output_tokens),
    ] {
        let kind = KeyValue::new(fields::GEN_AI_TOKEN_TYPE, kind);
        if tokens > 0 {
            TOKENS.record(tokens, &[labels.as_slice(), &[kind]].concat());
        }
    }
    if let Some(time) = outcome.first_piece {
        FIRST_PIECE.record(time.as_secs_f64(), &labels);
    }
    if let Some(reason) = outcome.error {
        labels.push(KeyValue::new(fields::ERROR_TYPE, reason.as_str()));
    }
    DURATION.record(outcome.took.as_secs_f64(), &labels);
}

/// Counts calls in flight up or down.
pub(crate) fn in_flight(backend: &BackendName, change: i64) {
    let backend = KeyValue::new(fields::BACKEND, backend.to_string());
    IN_FLIGHT.add(change, &[backend]);
}
