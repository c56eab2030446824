//! Facts counted from the rows of the books themselves.
//!
//! A dimension that nobody asked for is the same for all rows; with a plan made for the values of
//! the question it costs nothing.

use sqlx::postgres::PgArguments;
use sqlx::{PgConnection, Postgres, query::QueryAs};
use time::OffsetDateTime;

use super::rows::{LatencyColumns, RequestColumns, StepColumns};
use crate::error::Error;
use crate::summary::{By, Facts, Question, RequestFact};

/// Every step is in exactly one of five parts of the cost: so they add up to it. What answered is
/// the accepted attempt, or of a best effort the rejected attempt, that the close names; what else
/// was accepted are members of a consensus that agreed with it.
macro_rules! steps_sql {
    () => {
        "
    SELECT width_bucket(request.closed_at, $3) AS bucket,
           event.tier AS tier,
           CASE WHEN $5 THEN event.backend ELSE '' END AS backend,
           CASE WHEN $6 THEN event.model ELSE '' END AS model,
           CASE WHEN $7 THEN request.action ELSE '' END AS action,
           CASE WHEN $8 THEN request.project ELSE '' END AS project,
           CASE WHEN $9 THEN request.key_id ELSE '' END AS key_id,
           CASE WHEN $10::text IS NULL THEN '' ELSE coalesce(request.tags ->> $10, '') END AS tag,
           count(*) FILTER (WHERE is_attempt) AS attempts,
           count(*) FILTER (WHERE is_attempt AND event.outcome = 'accepted') AS accepted,
           count(*) FILTER (WHERE event.step = 'shadow' AND event.outcome <> 'skipped') AS shadows,
           sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens,
           sum(cached_input_tokens)::bigint AS cached_input_tokens,
           sum(cache_write_tokens)::bigint AS cache_write_tokens,
           sum(reasoning_tokens)::bigint AS reasoning_tokens,
           bool_or(usage_estimated) AS usage_estimated,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 'a'), 0)::bigint AS answer_cost,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 'j'), 0)::bigint AS judge_cost,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 'c'), 0)::bigint AS consensus_cost,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 'r'), 0)::bigint AS rejected_cost,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 'r' AND event.outcome = 'presumed'), 0)
               ::bigint AS presumed_cost,
           coalesce(sum(cost_nano_usd) FILTER (WHERE part = 's'), 0)::bigint AS shadow_cost,
           sum(event.latency_us)::bigint AS busy_us
    FROM requests request
    JOIN usage_events event USING (request_id)
    CROSS JOIN LATERAL (
        SELECT event.step LIKE 'attempt/%' AND event.outcome <> 'skipped' AS is_attempt,
               CASE WHEN event.step = 'shadow' THEN 's'
                    WHEN event.step LIKE 'judge/%' THEN
                        CASE WHEN EXISTS (SELECT FROM usage_events shadow
                                          WHERE shadow.request_id = request.request_id
                                            AND shadow.step = 'shadow')
                             THEN 's' ELSE 'j' END
                    WHEN (event.tier, event.backend, event.model)
                         IS NOT DISTINCT FROM (request.tier, request.backend, request.model)
                     AND (request.outcome = 'passed' AND event.outcome = 'accepted'
                          OR request.outcome = 'best_effort' AND event.outcome = 'rejected'
                             AND event.score IS NOT DISTINCT FROM request.score) THEN 'a'
                    WHEN event.outcome = 'accepted' AND request.outcome = 'passed' THEN 'c'
                    ELSE 'r' END AS part
    ) AS kind
    WHERE request.closed_at >= $1 AND request.closed_at < $2
      AND ($4::text IS NULL OR request.project = $4)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    };
}
pub(in crate::store) use steps_sql;

pub(super) const STEPS: &str = steps_sql!();

/// Answered requests are told by what answered them. Escalated is one for which another tier was
/// called; cached is one for which nothing was. A shadow call is nobody's request.
macro_rules! requests_sql {
    () => {
        "
    SELECT width_bucket(request.closed_at, $3) AS bucket,
           coalesce(request.tier, '') AS tier,
           CASE WHEN $5 THEN coalesce(request.backend, '') ELSE '' END AS backend,
           CASE WHEN $6 THEN coalesce(request.model, '') ELSE '' END AS model,
           CASE WHEN $7 THEN request.action ELSE '' END AS action,
           CASE WHEN $8 THEN request.project ELSE '' END AS project,
           CASE WHEN $9 THEN request.key_id ELSE '' END AS key_id,
           CASE WHEN $10::text IS NULL THEN '' ELSE coalesce(request.tags ->> $10, '') END AS tag,
           request.outcome AS outcome,
           count(*) AS requests,
           count(*) FILTER (WHERE request.tier IS NOT NULL AND called.elsewhere) AS escalated,
           count(baseline_nano_usd) AS with_baseline,
           coalesce(sum(baseline_nano_usd), 0)::bigint AS baseline,
           coalesce(sum(baseline_nano_usd) FILTER (WHERE called.elsewhere IS NULL), 0)::bigint
               AS cached_baseline,
           count(score) AS scored,
           coalesce(sum(round(score * 1000000)), 0)::bigint AS score_millionths
    FROM requests request
    CROSS JOIN LATERAL (
        SELECT bool_or(event.tier IS DISTINCT FROM request.tier)
                   FILTER (WHERE event.step LIKE 'attempt/%' AND event.outcome <> 'skipped')
                   AS elsewhere,
               bool_or(event.step = 'shadow') AS by_shadow
        FROM usage_events event
        WHERE event.request_id = request.request_id
    ) AS called
    WHERE request.closed_at >= $1 AND request.closed_at < $2
      AND ($4::text IS NULL OR request.project = $4)
      AND called.by_shadow IS NOT TRUE
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    };
}
pub(in crate::store) use requests_sql;

pub(super) const REQUESTS: &str = requests_sql!();

/// A bin is the logarithm to the base of 2 of the microseconds, in sixteenths.
macro_rules! latencies_sql {
    () => {
        "
    SELECT width_bucket(request.closed_at, $3) AS bucket,
           request.tier AS tier,
           CASE WHEN $5 THEN request.backend ELSE '' END AS backend,
           CASE WHEN $6 THEN request.model ELSE '' END AS model,
           CASE WHEN $7 THEN request.action ELSE '' END AS action,
           CASE WHEN $8 THEN request.project ELSE '' END AS project,
           CASE WHEN $9 THEN request.key_id ELSE '' END AS key_id,
           CASE WHEN $10::text IS NULL THEN '' ELSE coalesce(request.tags ->> $10, '') END AS tag,
           floor(ln(greatest(latency_us, 1)) / ln(2::double precision) * 16)::smallint AS bin,
           count(*) AS requests
    FROM requests request
    WHERE request.closed_at >= $1 AND request.closed_at < $2
      AND ($4::text IS NULL OR request.project = $4)
      AND request.tier IS NOT NULL AND latency_us IS NOT NULL
      AND NOT EXISTS (SELECT FROM usage_events event
                      WHERE event.request_id = request.request_id AND event.step = 'shadow')
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    };
}
pub(in crate::store) use latencies_sql;

pub(super) const LATENCIES: &str = latencies_sql!();

/// Adds the facts of the requests that closed between these moments.
pub(super) async fn add(
    database: &mut PgConnection,
    question: &Question<'_>,
    span: (OffsetDateTime, OffsetDateTime),
    facts: &mut Facts,
) -> Result<(), Error> {
    let steps: Vec<StepColumns> = bound(sqlx::query_as(STEPS), question, span)
        .fetch_all(&mut *database)
        .await?;
    facts.steps.extend(steps.into_iter().map(Into::into));
    let requests: Vec<RequestColumns> = bound(sqlx::query_as(REQUESTS), question, span)
        .fetch_all(&mut *database)
        .await?;
    for row in requests {
        facts.requests.push(RequestFact::try_from(row)?);
    }
    let latencies: Vec<LatencyColumns> = bound(sqlx::query_as(LATENCIES), question, span)
        .fetch_all(database)
        .await?;
    facts
        .latencies
        .extend(latencies.into_iter().map(Into::into));
    Ok(())
}

type Query<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// Binds what all statements of a question take.
pub(super) fn bound<'q, T>(
    query: Query<'q, T>,
    question: &'q Question<'_>,
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> Query<'q, T> {
    query
        .bind(from)
        .bind(until)
        .bind(question.buckets.starts())
        .bind(question.project)
        .bind(question.by_backend || question.is_by(&By::Backend))
        .bind(question.is_by(&By::Model))
        .bind(question.is_by(&By::Action))
        .bind(question.is_by(&By::Project))
        .bind(question.is_by(&By::Key))
        .bind(question.tag())
}

#[cfg(test)]
mod tests;
