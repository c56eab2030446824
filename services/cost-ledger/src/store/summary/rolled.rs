//! Facts of whole hours, from the sums that were made of them when they had passed.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::raw::bound;
use super::rows::{LatencyColumns, RequestColumns, StepColumns};
use crate::error::Error;
use crate::summary::{Facts, Question, RequestFact};

/// The dimensions, and which hours; $10 is the tag, which is not rolled up.
macro_rules! hours {
    ($sums:literal, $table:literal, $groups:literal) => {
        concat!(
            "SELECT width_bucket(hour, $3) AS bucket,
                    tier,
                    CASE WHEN $5 THEN backend ELSE '' END AS backend,
                    CASE WHEN $6 THEN model ELSE '' END AS model,
                    CASE WHEN $7 THEN action ELSE '' END AS action,
                    CASE WHEN $8 THEN project ELSE '' END AS project,
                    CASE WHEN $9 THEN key_id ELSE '' END AS key_id,
                    '' AS tag, ",
            $sums,
            " FROM ",
            $table,
            " WHERE hour >= $1 AND hour < $2 AND ($4::text IS NULL OR project = $4)
                AND $10::text IS NULL
              GROUP BY ",
            $groups
        )
    };
}

const STEPS: &str = hours!(
    "sum(attempts)::bigint AS attempts, sum(accepted)::bigint AS accepted,
     sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
     sum(cached_input_tokens)::bigint AS cached_input_tokens,
     sum(cache_write_tokens)::bigint AS cache_write_tokens,
     sum(reasoning_tokens)::bigint AS reasoning_tokens,
     bool_or(usage_estimated) AS usage_estimated,
     sum(answer_cost)::bigint AS answer_cost, sum(judge_cost)::bigint AS judge_cost,
     sum(consensus_cost)::bigint AS consensus_cost, sum(rejected_cost)::bigint AS rejected_cost,
     sum(presumed_cost)::bigint AS presumed_cost, sum(busy_us)::bigint AS busy_us,
     sum(shadows)::bigint AS shadows, sum(shadow_cost)::bigint AS shadow_cost",
    "rolled_steps",
    "1, 2, 3, 4, 5, 6, 7"
);

const REQUESTS: &str = hours!(
    "outcome, sum(requests)::bigint AS requests, sum(escalated)::bigint AS escalated,
     sum(with_baseline)::bigint AS with_baseline, sum(baseline)::bigint AS baseline,
     sum(cached_baseline)::bigint AS cached_baseline, sum(scored)::bigint AS scored,
     sum(score_millionths)::bigint AS score_millionths",
    "rolled_requests",
    "1, 2, 3, 4, 5, 6, 7, outcome"
);

const LATENCIES: &str = hours!(
    "bin, sum(count)::bigint AS requests",
    "rolled_latencies, unnest(bins, counts) AS counted (bin, count)",
    "1, 2, 3, 4, 5, 6, 7, bin"
);

/// Adds the facts of the hours from the first moment up to the second.
pub(super) async fn add(
    database: &mut PgConnection,
    question: &Question<'_>,
    hours: (OffsetDateTime, OffsetDateTime),
    facts: &mut Facts,
) -> Result<(), Error> {
    let steps: Vec<StepColumns> = bound(sqlx::query_as(STEPS), question, hours)
        .fetch_all(&mut *database)
        .await?;
    facts.steps.extend(steps.into_iter().map(Into::into));
    let requests: Vec<RequestColumns> = bound(sqlx::query_as(REQUESTS), question, hours)
        .fetch_all(&mut *database)
        .await?;
    for row in requests {
        facts.requests.push(RequestFact::try_from(row)?);
    }
    let latencies: Vec<LatencyColumns> = bound(sqlx::query_as(LATENCIES), question, hours)
        .fetch_all(database)
        .await?;
    facts
        .latencies
        .extend(latencies.into_iter().map(Into::into));
    Ok(())
}
