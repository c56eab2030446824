//! The plans of summaries, as PostgreSQL makes them over books of some size.

use sqlx::{AssertSqlSafe, Row as _};
use terrace_config::TimeZone;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::store::clock;
use crate::store::usage::tests::{assert_uses_indexes, with_books};
use crate::summary::Buckets;

#[tokio::test]
async fn no_summary_of_a_day_is_made_by_reading_all_the_books() {
    let (_keep, mut database) = with_books().await;
    sqlx::query("BEGIN").execute(&mut database).await.unwrap();
    clock::plan_for_values(&mut database).await.unwrap();
    let span = (
        datetime!(2026-09-01 00:00 UTC),
        datetime!(2026-09-02 00:00 UTC),
    );
    let buckets = Buckets::new(span, Some(Duration::HOUR), TimeZone::UTC).unwrap();
    let dimensions = [
        By::Tier,
        By::Backend,
        By::Model,
        By::Action,
        By::Project,
        By::Key,
        By::Tag("topic".to_owned()),
    ];
    for project in [None, Some("project-3")] {
        let question = Question {
            buckets: &buckets,
            project,
            by: &dimensions,
            by_backend: true,
        };
        for statement in [STEPS, REQUESTS, LATENCIES] {
            let explain: Vec<PlanLine> = bound(
                sqlx::query_as(AssertSqlSafe(format!("EXPLAIN {statement}"))),
                &question,
                span,
            )
            .fetch_all(&mut database)
            .await
            .unwrap();
            let lines: Vec<String> = explain.into_iter().map(|line| line.0).collect();
            assert_uses_indexes(&lines, &format!("{project:?} {statement}"));
        }
    }
}

struct PlanLine(String);

impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for PlanLine {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        row.try_get(0).map(Self)
    }
}
