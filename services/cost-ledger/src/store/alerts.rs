//! Alerts: given inside the batch that moves the sums, watched and sent later.

use std::time::Duration;

use sqlx::{FromRow, PgConnection};
use terrace_domain::{BudgetName, NanoUsd, ProjectName, Score};
use time::OffsetDateTime;

use super::rows::{microseconds, parsed, zone};
use crate::alerts::Raised;
use crate::budget::{Alert, Period, Standing};
use crate::error::Error;

#[derive(Debug, FromRow)]
struct Row {
    alert_id: i64,
    kind: String,
    raised_at: OffsetDateTime,
    attempts: i32,
    budget: String,
    cap_nano_usd: i64,
    topped_up_nano_usd: i64,
    spent_nano_usd: i64,
    reserved_nano_usd: i64,
    alert_threshold: f64,
    time_zone: String,
    period_start: OffsetDateTime,
    period_end: OffsetDateTime,
    origin: String,
}

/// Writes alerts that have become due.
pub(super) async fn raise(database: &mut PgConnection, alerts: &[Alert]) -> Result<(), Error> {
    for alert in alerts {
        let budget = &alert.standing;
        sqlx::query(
            "INSERT INTO alerts (kind, budget, cap_nano_usd, topped_up_nano_usd, spent_nano_usd,
                                 reserved_nano_usd, alert_threshold, time_zone, period_start,
                                 period_end, origin)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(alert.kind.as_str())
        .bind(budget.name.to_string())
        .bind(budget.cap.get())
        .bind(budget.topped_up.get())
        .bind(budget.spent.get())
        .bind(budget.reserved.get())
        .bind(budget.alert_threshold.get())
        .bind(budget.time_zone.name())
        .bind(budget.period.start)
        .bind(budget.period.end)
        .bind(budget.origin.as_str())
        .execute(&mut *database)
        .await?;
    }
    Ok(())
}

/// The most alerts that one look returns.
const MOST: i64 = 1_000;

/// Alerts from a moment on, the oldest first; with a project those of it and above it.
pub(crate) async fn since(
    database: &mut PgConnection,
    from: OffsetDateTime,
    project: Option<&ProjectName>,
) -> Result<Vec<Raised>, Error> {
    let names = project.map(|project| -> Vec<String> {
        let names = BudgetName::paying_for(project, None);
        names.map(|name| name.to_string()).collect()
    });
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM alerts
         WHERE raised_at >= $1 AND ($2 IS NULL OR budget = ANY($2))
         ORDER BY raised_at, alert_id LIMIT $3",
    )
    .bind(from)
    .bind(names)
    .bind(MOST)
    .fetch_all(database)
    .await?;
    rows.into_iter().map(Raised::try_from).collect()
}

/// Takes alerts that are due, for `claim`: whoever dies with one leaves it to others after that.
/// Those that are older than `give_up_after` are left alone.
pub(crate) async fn claim(
    database: &mut PgConnection,
    claim: Duration,
    give_up_after: Duration,
) -> Result<Vec<Raised>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "UPDATE alerts SET due_at = now() + $1 * interval '1 us', attempts = attempts + 1
         WHERE alert_id IN (
             SELECT alert_id FROM alerts
             WHERE due_at <= now() AND raised_at > now() - $2 * interval '1 us'
             ORDER BY due_at LIMIT 10 FOR UPDATE SKIP LOCKED)
         RETURNING *",
    )
    .bind(microseconds(claim))
    .bind(microseconds(give_up_after))
    .fetch_all(database)
    .await?;
    rows.into_iter().map(Raised::try_from).collect()
}

/// Writes down that an alert has arrived, or after which wait it is to be sent again.
pub(crate) async fn sent(
    database: &mut PgConnection,
    alert_id: i64,
    again_in: Option<Duration>,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE alerts
         SET due_at = now() + $2 * interval '1 us',
             delivered_at = CASE WHEN $2 IS NULL THEN now() END
         WHERE alert_id = $1",
    )
    .bind(alert_id)
    .bind(again_in.map(microseconds))
    .execute(database)
    .await?;
    Ok(())
}

impl TryFrom<Row> for Raised {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            alert_id: row.alert_id,
            kind: parsed(&row.kind)?,
            at: row.raised_at,
            attempts: row.attempts.unsigned_abs(),
            standing: Standing {
                name: parsed(&row.budget)?,
                cap: NanoUsd::new(row.cap_nano_usd),
                topped_up: NanoUsd::new(row.topped_up_nano_usd),
                paused: false,
                origin: parsed(&row.origin)?,
                alert_threshold: Score::clamped(row.alert_threshold),
                time_zone: zone(&row.time_zone)?,
                period: Period {
                    start: row.period_start,
                    end: row.period_end,
                },
                spent: NanoUsd::new(row.spent_nano_usd),
                reserved: NanoUsd::new(row.reserved_nano_usd),
                // An alert does not tell it.
                leased: NanoUsd::ZERO,
            },
        })
    }
}
