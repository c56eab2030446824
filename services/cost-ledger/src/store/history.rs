//! Partitions, sums of hours, and what goes when it is old. The work on tables is done by functions
//! of the database, which know their names (`migrations/0008_history.sql`).

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::summary::raw::{latencies_sql, requests_sql, steps_sql};
use crate::error::Error;

/// Lets one replica at a time change tables. It waits for its locks for a short time only, because
/// whoever wants to write waits behind it.
pub(crate) async fn lock(database: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SELECT set_config('lock_timeout', '1s', true), pg_advisory_xact_lock(7263544101)")
        .execute(database)
        .await?;
    Ok(())
}

/// Up to when there are partitions.
pub(crate) async fn made_until(
    database: &mut PgConnection,
) -> Result<Option<OffsetDateTime>, Error> {
    let until = sqlx::query_scalar("SELECT max(ends) FROM history_spans");
    Ok(until.fetch_one(database).await?)
}

/// Makes the partitions of a span, unless the rest has rows of it.
pub(crate) async fn begin_span(
    database: &mut PgConnection,
    (begins, ends): (OffsetDateTime, OffsetDateTime),
) -> Result<bool, Error> {
    let made = sqlx::query_scalar("SELECT begin_history_span($1, $2)");
    Ok(made.bind(begins).bind(ends).fetch_one(database).await?)
}

/// Spans with partitions that end before this, the oldest first.
pub(crate) async fn spans_before(
    database: &mut PgConnection,
    cutoff: OffsetDateTime,
) -> Result<Vec<String>, Error> {
    let names = sqlx::query_scalar(
        "SELECT name FROM history_spans WHERE ends <= $1 AND dropped_at IS NULL ORDER BY ends",
    );
    Ok(names.bind(cutoff).fetch_all(database).await?)
}

/// Drops the partitions of a span, unless they have a request that did not close before this.
pub(crate) async fn drop_span(
    database: &mut PgConnection,
    name: &str,
    cutoff: OffsetDateTime,
) -> Result<bool, Error> {
    let dropped = sqlx::query_scalar("SELECT drop_history_span($1, $2)");
    Ok(dropped.bind(name).bind(cutoff).fetch_one(database).await?)
}

/// Deletes requests of the rest that closed before this, with all that hangs on them, and says how
/// many it were.
pub(crate) async fn delete_rest(
    database: &mut PgConnection,
    cutoff: OffsetDateTime,
    at_most: i64,
) -> Result<i64, Error> {
    let deleted: i64 = sqlx::query_scalar(
        "WITH old AS (
             SELECT request_id FROM requests_rest WHERE closed_at < $1 ORDER BY closed_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         ), events AS (
             DELETE FROM usage_events_rest USING old WHERE usage_events_rest.request_id = old.request_id
         ), holds AS (
             DELETE FROM holds_rest USING old WHERE holds_rest.request_id = old.request_id
         ), requests AS (
             DELETE FROM requests_rest USING old WHERE requests_rest.request_id = old.request_id
             RETURNING 1
         )
         SELECT count(*) FROM requests",
    )
    .bind(cutoff)
    .bind(at_most)
    .fetch_one(&mut *database)
    .await?;
    if deleted > 0 {
        sqlx::query("UPDATE history_horizon SET horizon = greatest(horizon, $1)")
            .bind(cutoff)
            .execute(database)
            .await?;
    }
    Ok(deleted)
}

/// What is kept: rows that closed from the first hour up to the horizon may be missing.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct Kept {
    pub(crate) first: Option<OffsetDateTime>,
    pub(crate) horizon: Option<OffsetDateTime>,
}

/// What is kept.
pub(crate) async fn kept(database: &mut PgConnection) -> Result<Kept, Error> {
    // Minus infinity is no moment that we could read.
    let kept = sqlx::query_as(
        "SELECT (SELECT min(hour) FROM rolled_hours) AS first,
                CASE WHEN isfinite(horizon) THEN horizon END AS horizon
         FROM history_horizon",
    );
    Ok(kept.fetch_one(database).await?)
}

/// Hours that had passed at this moment and are not rolled up, the oldest first.
pub(crate) async fn passed_hours(
    database: &mut PgConnection,
    before: OffsetDateTime,
    at_most: i64,
) -> Result<Vec<OffsetDateTime>, Error> {
    let hours = sqlx::query_scalar(
        "SELECT hour
         FROM (SELECT least(
                   (SELECT min(hour) FROM rolled_hours),
                   (SELECT date_trunc('hour', closed_at, 'UTC') FROM requests
                    WHERE closed_at IS NOT NULL ORDER BY closed_at LIMIT 1)) AS first) AS begins,
              generate_series(first, $1 - interval '1 hour', interval '1 hour') AS hour
         WHERE hour >= (SELECT horizon FROM history_horizon)
           AND NOT EXISTS (SELECT FROM rolled_hours WHERE rolled_hours.hour = hour.hour)
         ORDER BY hour LIMIT $2",
    );
    Ok(hours.bind(before).bind(at_most).fetch_all(database).await?)
}

/// The end of the hours, from the first on, that are all rolled up.
pub(crate) async fn rolled_until(
    database: &mut PgConnection,
) -> Result<Option<OffsetDateTime>, Error> {
    let until = sqlx::query_scalar(
        "SELECT min(hour) + interval '1 hour' FROM rolled_hours
         WHERE NOT EXISTS (SELECT FROM rolled_hours AS next
                           WHERE next.hour = rolled_hours.hour + interval '1 hour')",
    );
    Ok(until.fetch_one(database).await?)
}

/// Hours between these moments that are rolled up, in order.
pub(crate) async fn rolled_hours(
    database: &mut PgConnection,
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<OffsetDateTime>, Error> {
    let hours = sqlx::query_scalar(
        "SELECT hour FROM rolled_hours WHERE hour >= $1 AND hour < $2 ORDER BY hour",
    );
    Ok(hours.bind(from).bind(until).fetch_all(database).await?)
}

/// Parameters are those of the statements that count rows: hours as buckets, and every dimension but
/// tags.
const STEPS: &str = concat!(
    "INSERT INTO rolled_steps
         (hour, project, key_id, action, tier, backend, model, attempts, accepted, input_tokens,
          output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens,
          usage_estimated, answer_cost, judge_cost, consensus_cost, rejected_cost, presumed_cost,
          busy_us, shadows, shadow_cost)
     SELECT ($3::timestamptz[])[bucket], project, key_id, action, tier, backend, model, attempts, accepted, input_tokens,
            output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens,
            usage_estimated, answer_cost, judge_cost, consensus_cost, rejected_cost,
            presumed_cost, busy_us, shadows, shadow_cost
     FROM (",
    steps_sql!(),
    ") AS counted"
);

const REQUESTS: &str = concat!(
    "INSERT INTO rolled_requests
         (hour, project, key_id, action, tier, backend, model, outcome, requests, escalated,
          with_baseline, baseline, cached_baseline, scored, score_millionths)
     SELECT ($3::timestamptz[])[bucket], project, key_id, action, tier, backend, model, outcome, requests, escalated,
            with_baseline, baseline, cached_baseline, scored, score_millionths
     FROM (",
    requests_sql!(),
    ") AS counted"
);

const LATENCIES: &str = concat!(
    "INSERT INTO rolled_latencies
         (hour, project, key_id, action, tier, backend, model, bins, counts)
     SELECT ($3::timestamptz[])[bucket], project, key_id, action, tier, backend, model, array_agg(bin ORDER BY bin),
            array_agg(requests ORDER BY bin)
     FROM (",
    latencies_sql!(),
    ") AS counted GROUP BY bucket, project, key_id, action, tier, backend, model"
);

/// Makes the sums of hours that follow each other anew. Whoever corrects one of them waits until
/// they are written, or was done before: see the migration.
pub(crate) async fn roll_up(
    database: &mut PgConnection,
    hours: &[OffsetDateTime],
) -> Result<(), Error> {
    let (Some(&first), Some(&last)) = (hours.first(), hours.last()) else {
        return Ok(());
    };
    // Nobody waits for it, and a busy hour has more rows than an answer to a caller ever counts.
    sqlx::query(
        "SELECT set_config('statement_timeout', '10min', true), pg_advisory_xact_lock(7263544100)",
    )
    .execute(&mut *database)
    .await?;
    let span = (first, last + Duration::HOUR);
    delete_hours(database, span).await?;
    for statement in [STEPS, REQUESTS, LATENCIES] {
        sqlx::query(statement)
            .bind(span.0)
            .bind(span.1)
            .bind(hours)
            .bind(None::<&str>)
            .bind(true)
            .bind(true)
            .bind(true)
            .bind(true)
            .bind(true)
            .bind(None::<&str>)
            .execute(&mut *database)
            .await?;
    }
    sqlx::query("INSERT INTO rolled_hours (hour) SELECT unnest($1::timestamptz[])")
        .bind(hours)
        .execute(database)
        .await?;
    Ok(())
}

/// Deletes the sums of hours before this one.
pub(crate) async fn delete_sums(
    database: &mut PgConnection,
    before: OffsetDateTime,
) -> Result<(), Error> {
    delete_hours(database, (OffsetDateTime::UNIX_EPOCH, before)).await
}

async fn delete_hours(
    database: &mut PgConnection,
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> Result<(), Error> {
    for statement in [
        "DELETE FROM rolled_hours WHERE hour >= $1 AND hour < $2",
        "DELETE FROM rolled_steps WHERE hour >= $1 AND hour < $2",
        "DELETE FROM rolled_requests WHERE hour >= $1 AND hour < $2",
        "DELETE FROM rolled_latencies WHERE hour >= $1 AND hour < $2",
    ] {
        sqlx::query(statement)
            .bind(from)
            .bind(until)
            .execute(&mut *database)
            .await?;
    }
    Ok(())
}
