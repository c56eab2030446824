//! The plans of the questions, as PostgreSQL makes them over books of some size.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use terrace_domain::Violations;
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::TestDatabase;
use time::macros::datetime;

use super::*;
use crate::config::Settings;
use crate::store::Store;
use crate::usage::{Cursor, Filter, Span};

/// Sixty thousand closed requests of three months with a step or two each.
pub(crate) const BOOKS: &str = "
    INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at, opened_at,
                          closed_at, outcome, tier, backend, model, baseline_nano_usd, score,
                          latency_us, tags)
    SELECT ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           'project-' || n % 20, CASE WHEN n % 50 = 0 THEN 'key-' || n % 7 ELSE '' END,
           'action-' || n % 10, 1000, at, at, at, 'passed', 'local_fast', 'ollama',
           'model-' || n % 3, n, 0.9, n,
           CASE WHEN n % 200 = 0 THEN jsonb_build_object('topic', 'async') ELSE '{}' END
    FROM generate_series(1, 60000) AS n,
         LATERAL (SELECT timestamptz '2026-08-01 00:00Z' + n * interval '2 minutes' AS at) AS moment;
    INSERT INTO usage_events (request_id, step, tier, backend, model, outcome, reason, input_tokens,
                              output_tokens, cached_input_tokens, cache_write_tokens,
                              reasoning_tokens, usage_estimated, cost_nano_usd, score, started_at,
                              latency_us, settled_at)
    SELECT request_id, 'attempt/' || k, tier, backend, model,
           CASE WHEN k = 1 THEN 'accepted' WHEN baseline_nano_usd % 500 = 0 THEN 'failed'
                ELSE 'rejected' END,
           '', 10, 5, 0, 0, 0, false, 3, score, opened_at, 100, closed_at
    FROM requests, generate_series(0, 1) AS k WHERE k = 1 OR baseline_nano_usd % 2 = 0;
    ANALYZE;";

/// A database with tables as they are, and these books in them.
pub(crate) async fn with_books() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::create();
    let tasks = Tasks::new(Shutdown::new());
    let settings = Settings::for_testing(database.url());
    drop(Arc::new(Store::open(&settings, tasks).await.unwrap()));
    assert!(database.query(BOOKS).is_empty());
    let connection = PgConnection::connect(database.url()).await.unwrap();
    (database, connection)
}

/// Fails if a plan reads a table of the books from end to end.
pub(crate) fn assert_uses_indexes(plan: &[String], question: &str) {
    let scan = plan.iter().find(|line| {
        line.contains("Seq Scan on")
            && (line.contains("requests_rest") || line.contains("usage_events_rest"))
    });
    assert!(scan.is_none(), "{question}:\n{}", plan.join("\n"));
}

async fn plan(database: &mut PgConnection, order: Order, filter: &str) -> Vec<String> {
    let statement = match order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let span = Span {
        from: datetime!(2026-08-01 00:00 UTC),
        until: datetime!(2026-11-26 00:00 UTC),
    };
    let after = Cursor {
        closed_at: datetime!(2026-09-10 00:00 UTC),
        request_id: Uuid::nil(),
        step: "attempt/0".to_owned(),
    };
    let edge = Edge::new(order, span, Some(&after));
    let filter = Filter::read(filter, "filter", &mut Violations::new());
    let tags = Some(&filter.tags).filter(|tags| !tags.is_empty());
    sqlx::query("BEGIN").execute(&mut *database).await.unwrap();
    clock::plan_for_values(database).await.unwrap();
    let lines = sqlx::query(AssertSqlSafe(format!("EXPLAIN {statement}")))
        .bind(span.from)
        .bind(span.until)
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
        .bind(100_i64)
        .fetch_all(&mut *database)
        .await
        .unwrap();
    sqlx::query("ROLLBACK").execute(database).await.unwrap();
    lines.iter().map(|line| line.get(0)).collect()
}

#[tokio::test]
async fn no_page_is_found_by_reading_all_the_books() {
    let (_keep, mut database) = with_books().await;
    let filters = [
        "",
        "project=project-3",
        "key=key-0",
        "action=action-7 tier=local_fast",
        "tag.topic=async",
        "model=model-none",
        "model=model-1",
        "outcome=failed",
        "outcome=presumed",
        "backend=ollama tier=local_fast",
        "project=project-3 action=action-3 model=model-1 outcome=accepted tag.topic=async",
    ];
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for filter in filters {
            let plan = plan(&mut database, order, filter).await;
            assert_uses_indexes(&plan, &format!("{order:?} {filter:?}"));
        }
    }
}
