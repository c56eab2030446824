//! Budgets and their periods: the one statement that takes money, and everything around it.

use sqlx::{FromRow, PgConnection};
use terrace_config::TimeZone;
use terrace_domain::{NanoUsd, RequestId, Score};
use time::OffsetDateTime;

use crate::books::{Hold, Movement, PeriodId};
use crate::budget::{self, Day, Standing};
use crate::config::Settings;
use crate::error::Error;

/// Takes the money, writes the hold and keeps the request alive, or does nothing at all. The
/// condition stands in the UPDATE that takes: under its row lock PostgreSQL checks it against the
/// newest sums, so no interleaving can pass the cap. Written as a subtraction: it cannot overflow.
const TAKE_AND_HOLD: &str = "
    WITH taken AS (
        UPDATE budget_periods period
        SET reserved_nano_usd = period.reserved_nano_usd + $3
        FROM budgets budget
        WHERE budget.name = $8 AND budget.active
          AND period.budget_id = budget.budget_id
          AND period.period_start <= now() AND period.period_end > now()
          AND $3 <= budget.cap_nano_usd - period.spent_nano_usd - period.reserved_nano_usd
        RETURNING period.period_id
    ), held AS (
        INSERT INTO holds (request_id, step, amount_nano_usd, tier, backend, model, state, period_id)
        SELECT $1, $2, $3, $4, $5, $6, 'open', period_id FROM taken
        RETURNING request_id
    )
    UPDATE requests
    SET expires_at = greatest(expires_at, now() + $7 * interval '1 ms'),
        ttl_ms = greatest(ttl_ms, $7)
    FROM held
    WHERE requests.request_id = held.request_id
    RETURNING expires_at";

/// The same without a budget.
const HOLD: &str = "
    WITH held AS (
        INSERT INTO holds (request_id, step, amount_nano_usd, tier, backend, model, state)
        VALUES ($1, $2, $3, $4, $5, $6, 'open')
        RETURNING request_id
    )
    UPDATE requests
    SET expires_at = greatest(expires_at, now() + $7 * interval '1 ms'),
        ttl_ms = greatest(ttl_ms, $7)
    FROM held
    WHERE requests.request_id = held.request_id
    RETURNING expires_at";

/// Takes `hold` from the budget's period at hand and returns the new expiry; `None`, and no
/// change, when it does not fit or there is no period yet.
pub(crate) async fn take(
    database: &mut PgConnection,
    request: RequestId,
    hold: &Hold,
    ttl_ms: i64,
) -> Result<Option<OffsetDateTime>, Error> {
    let expires_at = sqlx::query_scalar(TAKE_AND_HOLD)
        .bind(request.as_uuid())
        .bind(hold.step.to_string())
        .bind(hold.amount.get())
        .bind(hold.target.tier.as_str())
        .bind(hold.target.backend.as_str())
        .bind(hold.target.model.as_str())
        .bind(ttl_ms)
        .bind(budget::INSTALLATION_DAILY)
        .fetch_optional(database)
        .await?;
    Ok(expires_at)
}

/// Writes `hold` down without taking it from a budget and returns the new expiry.
pub(crate) async fn hold_freely(
    database: &mut PgConnection,
    request: RequestId,
    hold: &Hold,
    ttl_ms: i64,
) -> Result<OffsetDateTime, Error> {
    let expires_at = sqlx::query_scalar(HOLD)
        .bind(request.as_uuid())
        .bind(hold.step.to_string())
        .bind(hold.amount.get())
        .bind(hold.target.tier.as_str())
        .bind(hold.target.backend.as_str())
        .bind(hold.target.model.as_str())
        .bind(ttl_ms)
        .fetch_one(database)
        .await?;
    Ok(expires_at)
}

/// A budget's row with its period at hand, if that has begun.
#[derive(Debug, FromRow)]
struct Row {
    budget_id: i64,
    name: String,
    cap_nano_usd: i64,
    alert_threshold: f64,
    time_zone: String,
    now: OffsetDateTime,
    period_id: Option<i64>,
    period_start: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    spent_nano_usd: Option<i64>,
    reserved_nano_usd: Option<i64>,
}

/// A budget where it stands now, and the ids behind it.
#[derive(Debug)]
pub(crate) struct AtHand {
    pub(crate) standing: Standing,
    /// The database's clock.
    pub(crate) now: OffsetDateTime,
    /// The period's row; absent while nothing was booked in it.
    pub(crate) period: Option<PeriodId>,
    budget_id: i64,
}

const AT_HAND: &str = "
    SELECT budget.budget_id, name, cap_nano_usd, alert_threshold, time_zone, now() AS now,
           period_id, period_start, period_end, spent_nano_usd, reserved_nano_usd
    FROM budgets budget
    LEFT JOIN budget_periods period
      ON period.budget_id = budget.budget_id
     AND period.period_start <= now() AND period.period_end > now()
    WHERE active
    ORDER BY name";

/// Every active budget.
pub(crate) async fn all(database: &mut PgConnection) -> Result<Vec<AtHand>, Error> {
    let rows: Vec<Row> = sqlx::query_as(AT_HAND).fetch_all(database).await?;
    rows.into_iter().map(AtHand::try_from).collect()
}

/// The installation's budget, if there is one.
pub(crate) async fn installation(database: &mut PgConnection) -> Result<Option<AtHand>, Error> {
    let mut budgets = all(database).await?.into_iter();
    Ok(budgets.find(|budget| budget.standing.name == budget::INSTALLATION_DAILY))
}

/// The installation's period at hand, begun if it has not; `None` without a budget.
pub(crate) async fn period_at_hand(database: &mut PgConnection) -> Result<Option<PeriodId>, Error> {
    match installation(database).await? {
        Some(budget) if budget.period.is_none() => begin_period(database, &budget).await.map(Some),
        budget => Ok(budget.and_then(|budget| budget.period)),
    }
}

/// Begins the period at hand. The lock on the budget lets one caller do it; the others find it
/// done. It begins where the last one ended if that is later than its day did: so that a change of
/// the time zone makes a shorter day, and never two that overlap.
pub(crate) async fn begin_period(
    database: &mut PgConnection,
    budget: &AtHand,
) -> Result<PeriodId, Error> {
    sqlx::query("SELECT 1 FROM budgets WHERE budget_id = $1 FOR NO KEY UPDATE")
        .bind(budget.budget_id)
        .execute(&mut *database)
        .await?;
    let begun: Option<i64> = sqlx::query_scalar(
        "SELECT period_id FROM budget_periods
         WHERE budget_id = $1 AND period_start <= now() AND period_end > now()",
    )
    .bind(budget.budget_id)
    .fetch_optional(&mut *database)
    .await?;
    if let Some(period) = begun {
        return Ok(PeriodId(period));
    }
    let day = budget.standing.period;
    let period: i64 = sqlx::query_scalar(
        "INSERT INTO budget_periods (budget_id, period_start, period_end)
         SELECT $1, greatest($2, max(period_end)), $3 FROM budget_periods WHERE budget_id = $1
         RETURNING period_id",
    )
    .bind(budget.budget_id)
    .bind(day.start)
    .bind(day.end)
    .fetch_one(database)
    .await?;
    Ok(PeriodId(period))
}

/// Moves the sums of a period; tells whether spending has passed the alert threshold just now.
pub(crate) async fn apply(
    database: &mut PgConnection,
    period: PeriodId,
    movement: Movement,
) -> Result<bool, Error> {
    let alerted: Option<bool> = sqlx::query_scalar(
        "UPDATE budget_periods period
         SET reserved_nano_usd = period.reserved_nano_usd + $2,
             spent_nano_usd = period.spent_nano_usd + $3,
             alerted_at = CASE
                 WHEN period.alerted_at IS NULL AND budget.active AND $3 > 0
                  AND period.spent_nano_usd + $3 >= budget.alert_nano_usd
                 THEN now() ELSE period.alerted_at END
         FROM budgets budget
         WHERE period.period_id = $1 AND budget.budget_id = period.budget_id
         RETURNING coalesce(period.alerted_at = now(), false)",
    )
    .bind(period.0)
    .bind(movement.reserved.get())
    .bind(movement.spent.get())
    .fetch_optional(database)
    .await?;
    // No row: an operator has cleared away the past. That must not keep a settlement out.
    Ok(alerted.unwrap_or(false))
}

/// Writes the configured budget down, or retires it. A raised cap may alert again.
pub(crate) async fn configure(
    database: &mut PgConnection,
    settings: &Settings,
) -> Result<(), Error> {
    let Some(daily) = settings.daily_budget else {
        sqlx::query("UPDATE budgets SET active = false WHERE name = $1")
            .bind(budget::INSTALLATION_DAILY)
            .execute(database)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "WITH budget AS (
             INSERT INTO budgets
                 (name, cap_nano_usd, alert_threshold, alert_nano_usd, time_zone, active)
             VALUES ($1, $2, $3, $4, $5, true)
             ON CONFLICT (name) DO UPDATE
             SET cap_nano_usd = $2, alert_threshold = $3, alert_nano_usd = $4, time_zone = $5,
                 active = true
             RETURNING budget_id, alert_nano_usd
         )
         UPDATE budget_periods period
         SET alerted_at = NULL
         FROM budget
         WHERE period.budget_id = budget.budget_id AND period.period_end > now()
           AND period.spent_nano_usd < budget.alert_nano_usd",
    )
    .bind(budget::INSTALLATION_DAILY)
    .bind(daily.cap.get())
    .bind(daily.alert_threshold.get())
    .bind(budget::alert_amount(daily.cap, daily.alert_threshold).get())
    .bind(settings.time_zone.name())
    .execute(database)
    .await?;
    Ok(())
}

impl TryFrom<Row> for AtHand {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let zone = TimeZone::by_name(&row.time_zone)
            .ok_or_else(|| Error::decode(UnknownZone(row.time_zone.clone())))?;
        let period = match (row.period_start, row.period_end) {
            (Some(start), Some(end)) => Day { start, end },
            _ => Day::containing(row.now, zone),
        };
        Ok(Self {
            standing: Standing {
                name: row.name,
                cap: NanoUsd::new(row.cap_nano_usd),
                alert_threshold: Score::clamped(row.alert_threshold),
                time_zone: zone,
                period,
                spent: NanoUsd::new(row.spent_nano_usd.unwrap_or(0)),
                reserved: NanoUsd::new(row.reserved_nano_usd.unwrap_or(0)),
            },
            now: row.now,
            period: row.period_id.map(PeriodId),
            budget_id: row.budget_id,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the time zone {0:?} of a budget is not known")]
struct UnknownZone(String);
