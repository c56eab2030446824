//! Books of ninety days, made by the database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use terrace_testkit::TestDatabase;
use tokio::time::{Instant, sleep};

/// Requests that one statement makes.
const CHUNK: u64 = 250_000;
const DAYS: i64 = 90;
const HOUR: i64 = 3_600;

/// The end of the books: the last whole day but one, so that all of it has passed.
pub(super) fn until() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    now - now % (24 * HOUR) - 24 * HOUR
}

/// Fills the tables with so many steps, two for each request.
pub(crate) async fn load(database: &TestDatabase, rows: u64) -> anyhow::Result<()> {
    let (until, requests) = (until(), rows / 2);
    let from = until - DAYS * 24 * HOUR;
    statement(database, partitions(from)).await?;
    let mut first = 0;
    while first < requests {
        let last = requests.min(first + CHUNK);
        statement(database, chunk(from, (first, last), requests)).await?;
        first = last;
    }
    statement(database, "ANALYZE".to_owned()).await
}

/// Makes partitions of a week from a moment up to the first that the ledger has made.
fn partitions(from: i64) -> String {
    format!(
        "DO $$
         DECLARE
             at    timestamptz := to_timestamp({from});
             first timestamptz := (SELECT min(begins) FROM history_spans);
         BEGIN
             WHILE at < first LOOP
                 PERFORM begin_history_span(at, least(at + interval '7 days', first));
                 at := at + interval '7 days';
             END LOOP;
         END $$"
    )
}

/// Requests of a part of the time with their steps, as a climb from a local tier to a paid one.
fn chunk(from: i64, (first, last): (u64, u64), requests: u64) -> String {
    let micros = DAYS * 24 * HOUR * 1_000_000;
    format!(
        "WITH made AS (
             SELECT n, to_timestamp({from}) + n::numeric * {micros} / {requests} * interval '1 us' AS at
             FROM generate_series({first}::bigint, {last}::bigint - 1) AS n
         ), request AS (
             INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at, opened_at,
                                   closed_at, outcome, tier, backend, model, baseline_nano_usd, score,
                                   latency_us, tags)
             SELECT (left(first_id_of(at)::text, 14) || '7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                    'project-' || n % 20, '', 'action-' || n / 20 % 10, 1000, at, at, at, 'passed',
                    CASE WHEN n % 3 = 0 THEN 'api_fallback' ELSE 'local_quality' END, 'backend',
                    'model-' || n % 3, 45000000, 0.9, 200000 + n * 7919 % 3000000,
                    CASE WHEN n % 100000 = 0 THEN '{{\"topic\": \"rare\"}}'::jsonb END
             FROM made RETURNING request_id, closed_at AS at, tier, model
         )
         INSERT INTO usage_events (request_id, step, tier, backend, model, outcome, reason,
                                   input_tokens, output_tokens, cached_input_tokens,
                                   cache_write_tokens, reasoning_tokens, usage_estimated,
                                   cost_nano_usd, score, started_at, latency_us, settled_at)
         SELECT request_id, 'attempt/' || k, CASE k WHEN 0 THEN 'local_fast' ELSE tier END, 'backend',
                CASE k WHEN 0 THEN 'small' ELSE model END,
                CASE k WHEN 0 THEN 'rejected' ELSE 'accepted' END, '', 10000, 1000, 0, 0, 0, false,
                k * 45000000, 0.4 + k * 0.5, at, 150000, at
         FROM request, generate_series(0, 1) AS k"
    )
}

/// Waits until all hours are rolled up; says how many they are and how long it took.
pub(crate) async fn rolled_up(database: &TestDatabase) -> anyhow::Result<(u64, f64)> {
    let began = Instant::now();
    loop {
        let sql = format!(
            "SELECT count(*) FROM rolled_hours WHERE hour < to_timestamp({})",
            until()
        );
        let hours = database.number(&sql);
        if hours >= DAYS * 24 {
            return Ok((u64::try_from(hours)?, began.elapsed().as_secs_f64()));
        }
        anyhow::ensure!(
            began.elapsed() < Duration::from_secs(3600),
            "only {hours} hours were rolled up"
        );
        sleep(Duration::from_secs(1)).await;
    }
}

async fn statement(database: &TestDatabase, sql: String) -> anyhow::Result<()> {
    let url = database.url().to_owned();
    let output = tokio::process::Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql, "-d", &url])
        .output()
        .await
        .context("psql does not run")?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{told}");
    Ok(())
}
