//! Pages of rows: one statement a direction. A filter that is not given is NULL, and with a plan
//! made for its values costs nothing.

use std::collections::BTreeMap;

use sqlx::{FromRow, PgConnection};
use terrace_domain::{NanoUsd, Usage};
use time::OffsetDateTime;
use uuid::Uuid;

use super::clock;
use super::rows::{parsed, unsigned};
use crate::error::Error;
use crate::usage::{Ask, Edge, Order, Row};

/// What is read of a row. Whether a step is what the caller got is told as in the summary: the
/// accepted attempt, or of a best effort the rejected attempt that the close names.
macro_rules! columns {
    () => {
        "SELECT request.request_id, request.project, request.key_id, request.action,
                request.closed_at, request.outcome AS request_outcome, request.tags,
                request.baseline_nano_usd,
                event.step, event.tier, event.backend, event.model, event.outcome, event.reason,
                event.input_tokens, event.output_tokens, event.cached_input_tokens,
                event.cache_write_tokens, event.reasoning_tokens, event.usage_estimated,
                event.cost_nano_usd, event.score, event.started_at, event.latency_us,
                event.settled_at,
                (event.tier, event.backend, event.model)
                    IS NOT DISTINCT FROM (request.tier, request.backend, request.model)
                AND event.step NOT LIKE 'judge/%' AND event.step <> 'shadow'
                AND CASE request.outcome
                        WHEN 'passed' THEN event.outcome = 'accepted'
                        WHEN 'best_effort' THEN event.outcome = 'rejected'
                             AND event.score IS NOT DISTINCT FROM request.score
                        ELSE false
                    END AS answered
         FROM requests request JOIN usage_events event USING (request_id)
         WHERE request.closed_at >= $1 AND request.closed_at < $2
           AND ($3::text IS NULL OR request.project = $3)
           AND ($4::text IS NULL OR request.key_id = $4 AND request.key_id <> '')
           AND ($5::text IS NULL OR request.action = $5)
           AND ($6::jsonb IS NULL OR request.tags @> $6 AND request.tags <> '{}')
           AND ($7::text IS NULL OR event.tier = $7)
           AND ($8::text IS NULL OR event.backend = $8)
           AND ($9::text IS NULL OR event.model = $9)
           AND ($10::text IS NULL OR event.outcome = $10)"
    };
}

/// The edge is compared with the request alone first, which is what the index can do.
const OLDEST_FIRST: &str = concat!(
    columns!(),
    " AND (request.closed_at, request.request_id) >= ($11, $12)
      AND (request.closed_at, request.request_id, event.step) > ($11, $12, $13)
      ORDER BY request.closed_at, request.request_id, event.step LIMIT $14"
);

const NEWEST_FIRST: &str = concat!(
    columns!(),
    " AND (request.closed_at, request.request_id) <= ($11, $12)
      AND (request.closed_at, request.request_id, event.step) < ($11, $12, $13)
      ORDER BY request.closed_at DESC, request.request_id DESC, event.step DESC LIMIT $14"
);

#[derive(Debug, FromRow)]
struct UsageRow {
    request_id: Uuid,
    project: String,
    key_id: String,
    action: String,
    closed_at: OffsetDateTime,
    request_outcome: String,
    tags: Option<sqlx::types::Json<BTreeMap<String, String>>>,
    baseline_nano_usd: Option<i64>,
    step: String,
    tier: String,
    backend: String,
    model: String,
    outcome: String,
    reason: String,
    input_tokens: i64,
    output_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    usage_estimated: bool,
    cost_nano_usd: i64,
    score: Option<f64>,
    started_at: OffsetDateTime,
    latency_us: i64,
    settled_at: OffsetDateTime,
    answered: bool,
}

/// Reads a page.
pub(crate) async fn page(database: &mut PgConnection, ask: &Ask<'_>) -> Result<Vec<Row>, Error> {
    clock::plan_for_values(database).await?;
    let statement = match ask.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let edge = Edge::new(ask.order, ask.span, ask.after);
    let filter = ask.filter;
    let tags = Some(&filter.tags).filter(|tags| !tags.is_empty());
    let rows: Vec<UsageRow> = sqlx::query_as(statement)
        .bind(ask.span.from)
        .bind(ask.span.until)
        .bind(&filter.project)
        .bind(&filter.key)
        .bind(&filter.action)
        .bind(tags.map(sqlx::types::Json))
        .bind(&filter.tier)
        .bind(&filter.backend)
        .bind(&filter.model)
        .bind(filter.outcome.map(|outcome| outcome.as_str()))
        .bind(edge.closed_at)
        .bind(edge.request_id)
        .bind(&edge.step)
        .bind(ask.at_most)
        .fetch_all(database)
        .await?;
    rows.into_iter().map(Row::try_from).collect()
}

impl TryFrom<UsageRow> for Row {
    type Error = Error;

    fn try_from(row: UsageRow) -> Result<Self, Error> {
        let baseline = row.baseline_nano_usd.filter(|_| row.answered);
        Ok(Self {
            request_id: row.request_id,
            project: row.project,
            key_id: row.key_id,
            action: row.action,
            closed_at: row.closed_at,
            request_outcome: parsed(&row.request_outcome)?,
            tags: row.tags.map(|tags| tags.0).unwrap_or_default(),
            step: row.step,
            tier: row.tier,
            backend: row.backend,
            model: row.model,
            outcome: parsed(&row.outcome)?,
            reason: row.reason,
            usage: Usage {
                input_tokens: unsigned(row.input_tokens),
                output_tokens: unsigned(row.output_tokens),
                cached_input_tokens: unsigned(row.cached_input_tokens),
                cache_write_tokens: unsigned(row.cache_write_tokens),
                reasoning_tokens: unsigned(row.reasoning_tokens),
                estimated: row.usage_estimated,
            },
            cost: NanoUsd::new(row.cost_nano_usd),
            score: row.score,
            started_at: row.started_at,
            latency_us: row.latency_us,
            settled_at: row.settled_at,
            answered: row.answered,
            baseline: baseline.map(NanoUsd::new),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
