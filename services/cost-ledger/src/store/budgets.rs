//! What budgets are: their rows, from the config or by call, and the list of all.

use std::collections::BTreeSet;

use sqlx::{FromRow, PgConnection};
use terrace_config::{Budget, TimeZone};
use terrace_domain::{BudgetName, NanoUsd, ProjectName, Score};
use uuid::Uuid;

use super::periods::{self, Row};
use super::rows::{parsed, zone};
use crate::books::PeriodId;
use crate::budget::{self, Origin, Purse, Standing};
use crate::error::Error;

/// What a budget is, apart from what is spent of it.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) cap: NanoUsd,
    pub(crate) alert_threshold: Score,
    pub(crate) time_zone: TimeZone,
    pub(crate) paused: bool,
    /// A budget that was removed keeps its row and its past.
    pub(crate) active: bool,
    pub(crate) origin: Origin,
}

#[derive(Debug, FromRow)]
struct TermsRow {
    cap_nano_usd: i64,
    alert_threshold: f64,
    time_zone: String,
    paused: bool,
    active: bool,
    origin: String,
}

/// Locks a budget, in force or not, if there ever was one of this name.
pub(crate) async fn lock(
    database: &mut PgConnection,
    name: &BudgetName,
) -> Result<Option<Terms>, Error> {
    let row: Option<TermsRow> = sqlx::query_as(
        "SELECT cap_nano_usd, alert_threshold, time_zone, paused, active, origin
         FROM budgets WHERE name = $1 FOR NO KEY UPDATE",
    )
    .bind(name.to_string())
    .fetch_optional(database)
    .await?;
    row.map(Terms::try_from).transpose()
}

/// Writes what a budget is from now on.
pub(crate) async fn write(
    database: &mut PgConnection,
    name: &BudgetName,
    terms: &Terms,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO budgets (name, cap_nano_usd, alert_threshold, alert_nano_usd, time_zone,
                              paused, active, origin)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (name) DO UPDATE
         SET cap_nano_usd = $2, alert_threshold = $3, alert_nano_usd = $4, time_zone = $5,
             paused = $6, active = $7, origin = $8",
    )
    .bind(name.to_string())
    .bind(terms.cap.get())
    .bind(terms.alert_threshold.get())
    .bind(budget::alert_amount(terms.cap, terms.alert_threshold).get())
    .bind(terms.time_zone.name())
    .bind(terms.paused)
    .bind(terms.active)
    .bind(terms.origin.as_str())
    .execute(database)
    .await?;
    Ok(())
}

/// The period at hand of a budget whose row is locked, begun if it has not.
pub(crate) async fn period_at_hand(
    database: &mut PgConnection,
    name: &BudgetName,
) -> Result<PeriodId, Error> {
    let budget: i64 = sqlx::query_scalar("SELECT budget_id FROM budgets WHERE name = $1")
        .bind(name.to_string())
        .fetch_one(&mut *database)
        .await?;
    periods::begin_missing(database, &[budget]).await?;
    let period = begun(database, name).await?;
    period.ok_or_else(|| Error::decode(NotBegun))
}

/// The period at hand of a budget, if it has begun.
async fn begun(database: &mut PgConnection, name: &BudgetName) -> Result<Option<PeriodId>, Error> {
    let period: Option<i64> = sqlx::query_scalar(
        "SELECT period_id FROM budgets JOIN budget_periods USING (budget_id)
         WHERE name = $1 AND period_start <= now() AND period_end > now()",
    )
    .bind(name.to_string())
    .fetch_optional(database)
    .await?;
    Ok(period.map(PeriodId))
}

#[derive(Debug, thiserror::Error)]
#[error("a period that was just begun is not there")]
struct NotBegun;

/// Adds to what a period may spend, once for each id.
pub(crate) async fn top_up(
    database: &mut PgConnection,
    period: PeriodId,
    (id, amount): (Uuid, NanoUsd),
) -> Result<(), Error> {
    sqlx::query(
        "WITH added AS (
             INSERT INTO budget_top_ups (top_up_id, period_id, amount_nano_usd)
             VALUES ($1, $2, $3) ON CONFLICT (top_up_id) DO NOTHING
             RETURNING period_id, amount_nano_usd
         )
         UPDATE budget_periods period
         SET topped_up_nano_usd = period.topped_up_nano_usd + added.amount_nano_usd
         FROM added WHERE period.period_id = added.period_id",
    )
    .bind(id)
    .bind(period.0)
    .bind(amount.get())
    .execute(database)
    .await?;
    Ok(())
}

/// Lets a period that has money again give its alerts again.
pub(crate) async fn rearm(database: &mut PgConnection, period: PeriodId) -> Result<(), Error> {
    let purse = one(database, period).await?;
    sqlx::query(
        "UPDATE budget_periods
         SET refused_at = NULL, alerted_at = CASE WHEN $2 THEN alerted_at END
         WHERE period_id = $1",
    )
    .bind(period.0)
    .bind(purse.standing.is_nearly_spent())
    .execute(database)
    .await?;
    Ok(())
}

/// Where a budget stands in one period.
pub(crate) async fn standing(
    database: &mut PgConnection,
    period: PeriodId,
) -> Result<Standing, Error> {
    Ok(one(database, period).await?.standing)
}

async fn one(database: &mut PgConnection, period: PeriodId) -> Result<Purse, Error> {
    let row: Row = sqlx::query_as(
        "SELECT budget.*, now() AS now, period_id, period_start, period_end, spent_nano_usd,
                reserved_nano_usd, leased_nano_usd, topped_up_nano_usd, recalled_at, alerted_at,
                refused_at
         FROM budget_periods JOIN budgets budget USING (budget_id)
         WHERE period_id = $1 FOR NO KEY UPDATE OF budget_periods",
    )
    .bind(period.0)
    .fetch_one(database)
    .await?;
    row.purse()
}

/// Where every budget in force stands now, by name; with a project those of it and above it.
pub(crate) async fn all(
    database: &mut PgConnection,
    project: Option<&ProjectName>,
) -> Result<Vec<Standing>, Error> {
    let names = project.map(|project| -> Vec<String> {
        let names = BudgetName::paying_for(project, None);
        names.map(|name| name.to_string()).collect()
    });
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT budget.*, now() AS now, period_id, period_start, period_end, spent_nano_usd,
                reserved_nano_usd, leased_nano_usd, topped_up_nano_usd, recalled_at, alerted_at,
                refused_at
         FROM budgets budget
         LEFT JOIN budget_periods period
           ON period.budget_id = budget.budget_id
          AND period.period_start <= now() AND period.period_end > now()
         WHERE active AND ($1 IS NULL OR name = ANY($1))
         ORDER BY name",
    )
    .bind(names)
    .fetch_all(database)
    .await?;
    let purses = rows.into_iter().map(Row::purse);
    purses
        .map(|purse| purse.map(|purse| purse.standing))
        .collect()
}

/// Writes the budgets of the config down, by name, and retires those that are no longer in it. The
/// config takes a budget over that was set by call; a pause outlasts a restart.
pub(crate) async fn configure(
    database: &mut PgConnection,
    budgets: &[Budget],
) -> Result<(), Error> {
    let names: Vec<String> = budgets
        .iter()
        .map(|budget| budget.name.to_string())
        .collect();
    sqlx::query(
        "UPDATE budgets SET active = false
         WHERE origin = 'config' AND active AND name <> ALL($1)",
    )
    .bind(&names)
    .execute(&mut *database)
    .await?;
    let mut periods = BTreeSet::new();
    let mut budgets: Vec<&Budget> = budgets.iter().collect();
    budgets.sort_by(|one, other| one.name.cmp(&other.name));
    for budget in budgets {
        let known = lock(database, &budget.name).await?;
        let terms = Terms {
            cap: budget.cap,
            alert_threshold: budget.alert_threshold,
            time_zone: budget.time_zone,
            paused: known.is_some_and(|known| known.active && known.paused),
            active: true,
            origin: Origin::Config,
        };
        write(database, &budget.name, &terms).await?;
        periods.extend(begun(database, &budget.name).await?);
    }
    for period in periods {
        rearm(database, period).await?;
    }
    Ok(())
}

impl TryFrom<TermsRow> for Terms {
    type Error = Error;

    fn try_from(row: TermsRow) -> Result<Self, Error> {
        Ok(Self {
            cap: NanoUsd::new(row.cap_nano_usd),
            alert_threshold: Score::clamped(row.alert_threshold),
            time_zone: zone(&row.time_zone)?,
            paused: row.paused,
            active: row.active,
            origin: parsed(&row.origin)?,
        })
    }
}
