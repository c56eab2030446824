//! A row of the books as exports and listings have it: flat, with the names that people look for
//! first. Names are only ever added.

use std::collections::BTreeMap;

use serde::Serialize;
use terrace_proto::common::v1::Usage;
use terrace_proto::ledger::v1::UsageEvent;

use crate::json::{millis, time_of};
use crate::wording::{lower, outcome, usd, wire_span};

/// One row.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Line {
    /// When the request closed.
    pub(crate) time: String,
    pub(crate) request_id: String,
    pub(crate) step: String,
    pub(crate) project: String,
    pub(crate) key_id: String,
    pub(crate) action: String,
    pub(crate) tier: String,
    pub(crate) backend: String,
    pub(crate) model: String,
    pub(crate) outcome: &'static str,
    pub(crate) reason: String,
    /// Input and output together.
    pub(crate) tokens: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cached_input_tokens: u64,
    pub(crate) cache_write_tokens: u64,
    pub(crate) reasoning_tokens: u64,
    pub(crate) estimated: bool,
    /// In US dollars, to be read; sums are made of `cost_nano_usd`.
    pub(crate) cost: f64,
    pub(crate) cost_nano_usd: i64,
    pub(crate) score: Option<f64>,
    pub(crate) latency_ms: f64,
    pub(crate) started_at: String,
    pub(crate) settled_at: String,
    pub(crate) request_outcome: String,
    /// Whether the caller got this.
    pub(crate) answered: bool,
    /// In the row that answered and in no other.
    pub(crate) baseline_nano_usd: Option<i64>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl From<UsageEvent> for Line {
    fn from(event: UsageEvent) -> Self {
        let request_outcome = event.request_outcome().as_str_name();
        let request_outcome = lower(request_outcome, "REQUEST_OUTCOME_");
        let time = |at: Option<prost_types::Timestamp>| at.as_ref().and_then(time_of);
        let step = event.step.unwrap_or_default();
        let outcome = outcome(step.outcome());
        let latency_ms = millis(wire_span(step.latency.as_ref()));
        let target = step.target.unwrap_or_default();
        let usage: Usage = step.usage.unwrap_or_default();
        Self {
            time: time(event.closed_at).unwrap_or_default(),
            request_id: event.request_id,
            step: step.step,
            project: event.project,
            key_id: event.key_id,
            action: event.action,
            tier: target.tier,
            backend: target.backend,
            model: target.model,
            outcome,
            reason: step.reason,
            tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            estimated: usage.estimated,
            // From the exact decimal, so that it prints as that.
            cost: usd(step.cost_nano_usd).parse().unwrap_or_default(),
            cost_nano_usd: step.cost_nano_usd,
            score: step.score,
            latency_ms,
            started_at: time(step.started_at).unwrap_or_default(),
            settled_at: time(event.settled_at).unwrap_or_default(),
            request_outcome,
            answered: event.answered,
            baseline_nano_usd: event.baseline_nano_usd,
            tags: event.tags.into_iter().collect(),
        }
    }
}
