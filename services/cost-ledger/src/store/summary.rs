//! The sums of a span of time. A request and all its steps belong to the moment it closed in:
//! so cost and baseline of a span are of the same requests, and every list adds up to the totals.

use sqlx::{FromRow, PgConnection};
use terrace_domain::{NanoUsd, Usage};
use time::OffsetDateTime;

use super::rows::{parsed, unsigned};
use crate::error::Error;
use crate::outcome::RequestOutcome;

/// Requests that ended in one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcomes {
    pub(crate) outcome: RequestOutcome,
    pub(crate) requests: u64,
    /// Baseline of those whose baseline is known.
    pub(crate) baseline: NanoUsd,
    /// How many these are.
    pub(crate) with_baseline: u64,
}

/// What one tier did.
#[derive(Debug, Clone)]
pub(crate) struct TierSums {
    pub(crate) tier: String,
    pub(crate) attempts: u64,
    pub(crate) accepted: u64,
    pub(crate) answered: u64,
    pub(crate) usage: Usage,
    pub(crate) cost: NanoUsd,
    pub(crate) unanswered_cost: NanoUsd,
    pub(crate) presumed_cost: NanoUsd,
}

/// The database's clock.
pub(crate) async fn now(database: &mut PgConnection) -> Result<OffsetDateTime, Error> {
    Ok(sqlx::query_scalar("SELECT now()")
        .fetch_one(database)
        .await?)
}

#[derive(Debug, FromRow)]
struct OutcomeRow {
    outcome: String,
    requests: i64,
    baseline: i64,
    with_baseline: i64,
}

/// Requests that closed in the span, by how they ended.
pub(crate) async fn outcomes(
    database: &mut PgConnection,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Outcomes>, Error> {
    let rows: Vec<OutcomeRow> = sqlx::query_as(
        "SELECT outcome, count(*) AS requests, count(baseline_nano_usd) AS with_baseline,
                coalesce(sum(baseline_nano_usd), 0)::bigint AS baseline
         FROM requests
         WHERE closed_at >= $1 AND closed_at < $2
         GROUP BY outcome",
    )
    .bind(from)
    .bind(until)
    .fetch_all(database)
    .await?;
    let outcomes = rows.into_iter().map(|row| {
        Ok(Outcomes {
            outcome: parsed(&row.outcome)?,
            requests: unsigned(row.requests),
            baseline: NanoUsd::new(row.baseline),
            with_baseline: unsigned(row.with_baseline),
        })
    });
    outcomes.collect()
}

#[derive(Debug, FromRow)]
struct TierRow {
    tier: String,
    attempts: i64,
    accepted: i64,
    answered: i64,
    input_tokens: i64,
    output_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    estimated: bool,
    cost: i64,
    unanswered_cost: i64,
    presumed_cost: i64,
}

/// Attempts are what was called, so skipped ones and the judge's own calls are none; cost is of
/// all steps. A best-effort answer is the rejected attempt that the close names, by its score if
/// the same model was tried twice. A tier can answer without a step, out of a cache.
const TIERS: &str = "
    WITH closed AS (
        SELECT request_id, outcome, tier, backend, model, score
        FROM requests WHERE closed_at >= $1 AND closed_at < $2
    ), steps AS (
        SELECT event.*,
               event.step LIKE 'attempt/%' AND event.outcome <> 'skipped' AS is_attempt,
               event.outcome IN ('rejected', 'failed', 'cancelled') AND NOT (
                   closed.outcome = 'best_effort' AND event.outcome = 'rejected'
                   AND (event.tier, event.backend, event.model)
                     = (closed.tier, closed.backend, closed.model)
                   AND event.score IS NOT DISTINCT FROM closed.score
               ) AS bought_nothing
        FROM usage_events event JOIN closed USING (request_id)
    ), by_step AS (
        SELECT tier,
               count(*) FILTER (WHERE is_attempt) AS attempts,
               count(*) FILTER (WHERE is_attempt AND outcome = 'accepted') AS accepted,
               sum(input_tokens) AS input_tokens,
               sum(output_tokens) AS output_tokens,
               sum(cached_input_tokens) AS cached_input_tokens,
               sum(cache_write_tokens) AS cache_write_tokens,
               sum(reasoning_tokens) AS reasoning_tokens,
               bool_or(usage_estimated) AS estimated,
               sum(cost_nano_usd) AS cost,
               sum(cost_nano_usd) FILTER (WHERE is_attempt AND bought_nothing) AS unanswered_cost,
               sum(cost_nano_usd) FILTER (WHERE outcome = 'presumed') AS presumed_cost
        FROM steps GROUP BY tier
    ), by_answer AS (
        SELECT tier, count(*) AS answered FROM closed WHERE tier IS NOT NULL GROUP BY tier
    )
    SELECT tier,
           coalesce(attempts, 0) AS attempts,
           coalesce(accepted, 0) AS accepted,
           coalesce(answered, 0) AS answered,
           coalesce(input_tokens, 0)::bigint AS input_tokens,
           coalesce(output_tokens, 0)::bigint AS output_tokens,
           coalesce(cached_input_tokens, 0)::bigint AS cached_input_tokens,
           coalesce(cache_write_tokens, 0)::bigint AS cache_write_tokens,
           coalesce(reasoning_tokens, 0)::bigint AS reasoning_tokens,
           coalesce(estimated, false) AS estimated,
           coalesce(cost, 0)::bigint AS cost,
           coalesce(unanswered_cost, 0)::bigint AS unanswered_cost,
           coalesce(presumed_cost, 0)::bigint AS presumed_cost
    FROM by_step FULL JOIN by_answer USING (tier)
    ORDER BY tier";

/// What was called for these requests, by tier.
pub(crate) async fn tiers(
    database: &mut PgConnection,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<TierSums>, Error> {
    let rows: Vec<TierRow> = sqlx::query_as(TIERS)
        .bind(from)
        .bind(until)
        .fetch_all(database)
        .await?;
    Ok(rows.into_iter().map(TierSums::from).collect())
}

impl From<TierRow> for TierSums {
    fn from(row: TierRow) -> Self {
        Self {
            tier: row.tier,
            attempts: unsigned(row.attempts),
            accepted: unsigned(row.accepted),
            answered: unsigned(row.answered),
            usage: Usage {
                input_tokens: unsigned(row.input_tokens),
                output_tokens: unsigned(row.output_tokens),
                cached_input_tokens: unsigned(row.cached_input_tokens),
                cache_write_tokens: unsigned(row.cache_write_tokens),
                reasoning_tokens: unsigned(row.reasoning_tokens),
                estimated: row.estimated,
            },
            cost: NanoUsd::new(row.cost),
            unanswered_cost: NanoUsd::new(row.unanswered_cost),
            presumed_cost: NanoUsd::new(row.presumed_cost),
        }
    }
}
