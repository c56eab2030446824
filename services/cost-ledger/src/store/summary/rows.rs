//! Rows of facts as the database gives them, whether counted anew or rolled up before.

use sqlx::FromRow;
use terrace_domain::{NanoUsd, Usage};

use super::super::rows::{parsed, unsigned};
use crate::error::Error;
use crate::summary::{Keys, LatencyFact, RequestFact, StepFact};

#[derive(Debug, FromRow)]
pub(super) struct KeyColumns {
    /// As `width_bucket` counts: from 1.
    bucket: i32,
    tier: String,
    backend: String,
    model: String,
    action: String,
    project: String,
    key_id: String,
    tag: String,
}

#[derive(Debug, FromRow)]
pub(super) struct StepColumns {
    #[sqlx(flatten)]
    keys: KeyColumns,
    attempts: i64,
    accepted: i64,
    input_tokens: i64,
    output_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    usage_estimated: bool,
    answer_cost: i64,
    judge_cost: i64,
    consensus_cost: i64,
    rejected_cost: i64,
    presumed_cost: i64,
    shadows: i64,
    shadow_cost: i64,
    busy_us: i64,
}

#[derive(Debug, FromRow)]
pub(super) struct RequestColumns {
    #[sqlx(flatten)]
    keys: KeyColumns,
    outcome: String,
    requests: i64,
    escalated: i64,
    with_baseline: i64,
    baseline: i64,
    cached_baseline: i64,
    scored: i64,
    score_millionths: i64,
}

#[derive(Debug, FromRow)]
pub(super) struct LatencyColumns {
    #[sqlx(flatten)]
    keys: KeyColumns,
    bin: i16,
    requests: i64,
}

impl From<KeyColumns> for Keys {
    fn from(row: KeyColumns) -> Self {
        Self {
            bucket: usize::try_from(row.bucket - 1).unwrap_or(0),
            tier: row.tier,
            backend: row.backend,
            model: row.model,
            action: row.action,
            project: row.project,
            key: row.key_id,
            tag: row.tag,
        }
    }
}

impl From<StepColumns> for StepFact {
    fn from(row: StepColumns) -> Self {
        Self {
            keys: row.keys.into(),
            attempts: unsigned(row.attempts),
            accepted: unsigned(row.accepted),
            usage: Usage {
                input_tokens: unsigned(row.input_tokens),
                output_tokens: unsigned(row.output_tokens),
                cached_input_tokens: unsigned(row.cached_input_tokens),
                cache_write_tokens: unsigned(row.cache_write_tokens),
                reasoning_tokens: unsigned(row.reasoning_tokens),
                estimated: row.usage_estimated,
            },
            answer_cost: NanoUsd::new(row.answer_cost),
            judge_cost: NanoUsd::new(row.judge_cost),
            consensus_cost: NanoUsd::new(row.consensus_cost),
            rejected_cost: NanoUsd::new(row.rejected_cost),
            presumed_cost: NanoUsd::new(row.presumed_cost),
            shadows: unsigned(row.shadows),
            shadow_cost: NanoUsd::new(row.shadow_cost),
            busy_us: unsigned(row.busy_us),
        }
    }
}

impl TryFrom<RequestColumns> for RequestFact {
    type Error = Error;

    fn try_from(row: RequestColumns) -> Result<Self, Error> {
        Ok(Self {
            keys: row.keys.into(),
            outcome: parsed(&row.outcome)?,
            requests: unsigned(row.requests),
            escalated: unsigned(row.escalated),
            with_baseline: unsigned(row.with_baseline),
            baseline: NanoUsd::new(row.baseline),
            cached_baseline: NanoUsd::new(row.cached_baseline),
            scored: unsigned(row.scored),
            score_millionths: unsigned(row.score_millionths),
        })
    }
}

impl From<LatencyColumns> for LatencyFact {
    fn from(row: LatencyColumns) -> Self {
        Self {
            keys: row.keys.into(),
            bin: row.bin,
            requests: unsigned(row.requests),
        }
    }
}
