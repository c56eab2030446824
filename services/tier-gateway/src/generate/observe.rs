//! What is seen of a call: one client span by the GenAI conventions, and the metrics.
//!
//! The span is a child of the server span that is current when the call starts, and lives exactly
//! as long as the answer. A call that is dropped before its end is counted as cancelled.

use std::future::Future;
use std::time::Duration;

use terrace_config::{Backend, BackendKind, Profile};
use terrace_domain::{BackendName, ModelName, Reason, Usage};
use terrace_telemetry::{fields, seen};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::Finished;
use crate::call::Call;
use crate::error::{Blame, Fault};
use crate::metrics::{self, Outcome};
use crate::provider::Chunk;

/// The name that a backend has in telemetry: the vendor's where it is known, else its own.
pub(crate) fn provider_name(backend: &Backend) -> String {
    match (backend.kind, backend.profile) {
        (BackendKind::Ollama, _) => "ollama".to_owned(),
        (BackendKind::Anthropic, _) => "anthropic".to_owned(),
        (BackendKind::OpenAi, Profile::OpenAi) => "openai".to_owned(),
        (BackendKind::OpenAi, Profile::LlamaCpp) => "llama.cpp".to_owned(),
        (BackendKind::OpenAi, Profile::Vllm) => "vllm".to_owned(),
        (BackendKind::OpenAi, Profile::Generic) => backend.name.to_string(),
    }
}

/// What a call is about, as far as telemetry tells.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    operation: &'static str,
    model: &'a ModelName,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
}

impl<'a> Subject<'a> {
    /// An answer of at most `cap` tokens, if the call does not say.
    pub(crate) fn chat(call: &'a Call, cap: u32) -> Self {
        Self {
            operation: "chat",
            model: &call.model,
            max_tokens: Some(call.params.max_output_tokens.unwrap_or(cap)),
            temperature: call.params.temperature,
        }
    }

    /// Texts into vectors.
    pub(crate) const fn embedding(model: &'a ModelName) -> Self {
        Self {
            operation: "embeddings",
            model,
            max_tokens: None,
            temperature: None,
        }
    }
}

fn span(provider: &str, blame: &Blame, subject: &Subject<'_>) -> Span {
    let (operation, model) = (subject.operation, subject.model);
    tracing::info_span!(
        "chat",
        otel.name = format!("{operation} {model}"),
        otel.kind = "client",
        otel.status_code = Empty,
        { fields::GEN_AI_OPERATION_NAME } = operation,
        { fields::GEN_AI_PROVIDER_NAME } = provider,
        { fields::GEN_AI_REQUEST_MODEL } = model.as_str(),
        { fields::GEN_AI_REQUEST_MAX_TOKENS } = subject.max_tokens,
        { fields::GEN_AI_REQUEST_TEMPERATURE } = subject.temperature,
        { fields::GEN_AI_RESPONSE_MODEL } = Empty,
        { fields::GEN_AI_RESPONSE_ID } = Empty,
        { fields::GEN_AI_RESPONSE_FINISH_REASONS } = Empty,
        { fields::GEN_AI_USAGE_INPUT_TOKENS } = Empty,
        { fields::GEN_AI_USAGE_OUTPUT_TOKENS } = Empty,
        { fields::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS } = Empty,
        { fields::ERROR_TYPE } = Empty,
        { fields::BACKEND } = blame.backend.as_str(),
    )
}

/// One call being watched.
pub(crate) struct Observation {
    span: Span,
    operation: &'static str,
    backend: BackendName,
    provider: String,
    model: ModelName,
    started: Instant,
    first_piece: Option<Duration>,
    usage: Usage,
    /// Set once the end was recorded.
    over: bool,
}

impl Observation {
    /// Opens the span and starts the clock.
    pub(crate) fn start(provider: &str, blame: &Blame, subject: &Subject<'_>) -> Self {
        let span = seen::span(|| span(provider, blame, subject));
        metrics::in_flight(&blame.backend, 1);
        Self {
            span,
            operation: subject.operation,
            backend: blame.backend.clone(),
            provider: provider.to_owned(),
            model: subject.model.clone(),
            started: Instant::now(),
            first_piece: None,
            usage: Usage::default(),
            over: false,
        }
    }

    /// The model that was asked for.
    pub(crate) const fn model(&self) -> &ModelName {
        &self.model
    }

    /// Does `work` inside the span.
    pub(crate) fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.span.clone())
    }

    /// A piece has come, with which so much is used.
    pub(crate) fn piece(&mut self, chunk: &Chunk, usage: Usage) {
        self.usage = usage;
        if self.first_piece.is_none() && chunk.is_said() {
            self.first_piece = Some(self.started.elapsed());
        }
        if let Some(id) = &chunk.response_id {
            self.span.record(fields::GEN_AI_RESPONSE_ID, id.as_str());
        }
    }

    /// The answer is complete.
    pub(crate) fn finished(&mut self, finished: &Finished) {
        let model = finished.served_model.as_str();
        self.span.record(fields::GEN_AI_RESPONSE_MODEL, model);
        let reason = finished.finish.as_str();
        self.span
            .record(fields::GEN_AI_RESPONSE_FINISH_REASONS, reason);
        self.record(finished.usage, None);
    }

    /// The vectors are there.
    pub(crate) fn embedded(&mut self, usage: Usage) {
        self.record(usage, None);
    }

    /// The call failed, having used so much.
    pub(crate) fn failed(&mut self, fault: &Fault, usage: Usage) {
        let usage = if fault.may_have_cost() {
            usage
        } else {
            Usage::default()
        };
        self.record(usage, Some(fault.reason()));
    }

    fn record(&mut self, usage: Usage, error: Option<Reason>) {
        self.over = true;
        self.usage = usage;
        let span = &self.span;
        span.record(fields::GEN_AI_USAGE_INPUT_TOKENS, usage.input_tokens);
        span.record(fields::GEN_AI_USAGE_OUTPUT_TOKENS, usage.output_tokens);
        let cached = usage.cached_input_tokens;
        span.record(fields::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, cached);
        if let Some(reason) = error {
            span.record(fields::ERROR_TYPE, reason.as_str());
            span.record("otel.status_code", "ERROR");
        }
        metrics::record(&Outcome {
            operation: self.operation,
            provider: &self.provider,
            model: &self.model,
            took: self.started.elapsed(),
            first_piece: self.first_piece,
            usage,
            error,
        });
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.over {
            self.record(self.usage, Some(Reason::Cancelled));
        }
        metrics::in_flight(&self.backend, -1);
    }
}
