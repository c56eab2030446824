//! The periods of budgets: the rows that hold the sums.
//!
//! A batch locks the rows of all periods that it may move, decides, and writes the new sums. The
//! lock is what makes that safe: under it nobody else can read the sums to decide by them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};
use terrace_domain::{BudgetName, NanoUsd, Score};
use time::OffsetDateTime;

use super::Transaction;
use super::rows::{count, parsed, zone};
use super::statement::Statement;
use crate::books::{Movement, PeriodId};
use crate::budget::{Period, Purse, Purses, Standing};
use crate::error::Error;

/// A budget, with one of its periods if it has one.
#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub(super) budget_id: i64,
    name: String,
    cap_nano_usd: i64,
    alert_threshold: f64,
    time_zone: String,
    active: bool,
    paused: bool,
    origin: String,
    pub(super) now: OffsetDateTime,
    pub(super) period_id: Option<i64>,
    period_start: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    spent_nano_usd: Option<i64>,
    reserved_nano_usd: Option<i64>,
    leased_nano_usd: Option<i64>,
    topped_up_nano_usd: Option<i64>,
    recalled_at: Option<OffsetDateTime>,
    alerted_at: Option<OffsetDateTime>,
    refused_at: Option<OffsetDateTime>,
}

/// Locks the periods at hand of these budgets, and these periods besides. A budget in force whose
/// period at hand has not begun is an error that says so: it is begun in a transaction of its own,
/// because its row is locked before those of periods.
pub(crate) async fn lock(
    database: &mut PgConnection,
    names: &BTreeSet<BudgetName>,
    periods: &BTreeSet<PeriodId>,
) -> Result<BTreeMap<PeriodId, Purse>, Error> {
    let names: Vec<String> = names.iter().map(BudgetName::to_string).collect();
    let ids: Vec<i64> = periods.iter().map(|period| period.0).collect();
    let rows: Vec<Row> = sqlx::query_as(LOCK)
        .bind(&names)
        .bind(ids)
        .fetch_all(database)
        .await?;
    let mut purses = BTreeMap::new();
    let (mut wanted, mut begun) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let (budget, period) = (row.budget_id, row.period_id);
        if row.active && names.contains(&row.name) {
            wanted.insert(budget);
        }
        let purse = row.purse()?;
        if let Some(period) = period {
            if purse.at_hand {
                begun.insert(budget);
            }
            purses.insert(PeriodId(period), purse);
        }
    }
    let missing: Vec<i64> = wanted.difference(&begun).copied().collect();
    match missing.is_empty() {
        true => Ok(purses),
        false => Err(Error::NotBegun(Begin(missing))),
    }
}

const LOCK: &str = "
    WITH named AS MATERIALIZED (
        SELECT budget_id FROM budgets WHERE active AND name = ANY($1)
    ), at_hand AS MATERIALIZED (
        SELECT period_id FROM named JOIN budget_periods USING (budget_id)
        WHERE period_start <= now() AND period_end > now()
    ), locked AS MATERIALIZED (
        SELECT * FROM budget_periods
        WHERE period_id = ANY(ARRAY(SELECT period_id FROM at_hand) || $2::bigint[])
        ORDER BY period_id FOR NO KEY UPDATE
    ), touched AS (
        SELECT budget_id FROM named UNION SELECT budget_id FROM locked
    )
    SELECT budget_id, name, cap_nano_usd, alert_threshold, time_zone, active, paused, origin,
           now() AS now, period_id, period_start, period_end, spent_nano_usd, reserved_nano_usd,
           leased_nano_usd, topped_up_nano_usd, recalled_at, alerted_at, refused_at
    FROM touched JOIN budgets USING (budget_id) LEFT JOIN locked USING (budget_id)";

/// Writes the sums that have moved and the alerts that were given.
pub(super) fn apply(statement: &mut Statement, purses: &Purses) {
    let (mut ids, mut reserved, mut spent) = (vec![], vec![], vec![]);
    let (mut leased, mut recalls) = (vec![], vec![]);
    let (mut alerted, mut refused) = (vec![], vec![]);
    for (period, purse) in purses.changed() {
        ids.push(period.0);
        reserved.push(purse.moved.reserved.get());
        spent.push(purse.moved.spent.get());
        leased.push(purse.moved.leased.get());
        recalls.push(purse.recalls);
        alerted.push(purse.alerted);
        refused.push(purse.refused);
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("moved_periods", APPLY)
        .bind(ids)
        .bind(reserved)
        .bind(spent)
        .bind(leased)
        .bind(recalls)
        .bind(alerted)
        .bind(refused);
}

const APPLY: &str = "
    UPDATE budget_periods period
    SET reserved_nano_usd = reserved_nano_usd + moved.reserved,
        spent_nano_usd = spent_nano_usd + moved.spent,
        leased_nano_usd = leased_nano_usd + moved.leased,
        recalled_at = CASE WHEN moved.recalls THEN now() ELSE recalled_at END,
        alerted_at = CASE WHEN moved.alerted THEN coalesce(alerted_at, now())
                          ELSE alerted_at END,
        refused_at = CASE WHEN moved.refused THEN coalesce(refused_at, now())
                          ELSE refused_at END
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::boolean[],
                $7::boolean[])
         AS moved (period_id, reserved, spent, leased, recalls, alerted, refused)
    WHERE period.period_id = moved.period_id";

/// Moves sums that nobody has looked at, as `moved`, once all of `paying` have paid: none of a period
/// that an alert becomes due for, and none of one that is not there. Returns how many are to move.
pub(super) fn move_unseen(statement: &mut Statement, purses: &Purses, paying: i64) -> i64 {
    let (mut ids, mut reserved, mut spent, mut leased) = (vec![], vec![], vec![], vec![]);
    for (period, moved) in purses.moved_unseen() {
        ids.push(period.0);
        reserved.push(moved.reserved.get());
        spent.push(moved.spent.get());
        leased.push(moved.leased.get());
    }
    let moving = count(&ids);
    statement
        .part("moved", MOVE_UNSEEN)
        .bind(ids)
        .bind(reserved)
        .bind(spent)
        .bind(leased)
        .bind(paying);
    moving
}

/// The alert is that of [`Standing::is_nearly_spent`], in the same whole numbers.
const MOVE_UNSEEN: &str = "
    UPDATE budget_periods period
    SET reserved_nano_usd = period.reserved_nano_usd + moving.reserved,
        spent_nano_usd = period.spent_nano_usd + moving.spent,
        leased_nano_usd = period.leased_nano_usd + moving.leased
    FROM (SELECT period_id, budget_id, reserved, spent, leased
          FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
               AS new (period_id, reserved, spent, leased)
          JOIN budget_periods USING (period_id)
          WHERE (SELECT count(*) FROM paying) = $5
          ORDER BY period_id FOR NO KEY UPDATE OF budget_periods) AS moving
    JOIN budgets budget ON budget.budget_id = moving.budget_id
    WHERE period.period_id = moving.period_id
      AND NOT (budget.active AND moving.spent > 0 AND period.alerted_at IS NULL
               AND period.spent_nano_usd + moving.spent
                   >= div((cap_nano_usd::numeric + period.topped_up_nano_usd)
                          * round(alert_threshold * 1000000)::bigint, 1000000))
    RETURNING 1";

/// Begins the periods at hand of these budgets.
#[derive(Debug)]
pub(crate) struct Begin(Vec<i64>);

impl Transaction for Begin {
    type Output = ();
    const NAME: &'static str = "begin periods";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        // The lock on the budgets lets one caller do it; the others find it done.
        sqlx::query(
            "SELECT 1 FROM budgets WHERE budget_id = ANY($1) ORDER BY budget_id FOR NO KEY UPDATE",
        )
        .bind(&self.0)
        .execute(&mut *database)
        .await?;
        begin_missing(database, &self.0).await
    }
}

/// Begins the periods at hand of those of these budgets that have none; their rows are locked.
pub(super) async fn begin_missing(
    database: &mut PgConnection,
    budgets: &[i64],
) -> Result<(), Error> {
    for row in at_hand(database, budgets).await? {
        if row.period_id.is_none() {
            begin(database, row).await?;
        }
    }
    Ok(())
}

/// Begins a period where the last one ended, if that is later than its day or month did: so that a
/// change of the time zone makes a shorter one, and never two that overlap.
async fn begin(database: &mut PgConnection, row: Row) -> Result<(), Error> {
    let budget = row.budget_id;
    let Period { start, end } = row.purse()?.standing.period;
    sqlx::query(
        "INSERT INTO budget_periods (budget_id, period_start, period_end)
         SELECT $1, greatest($2, max(period_end)), $3 FROM budget_periods WHERE budget_id = $1",
    )
    .bind(budget)
    .bind(start)
    .bind(end)
    .execute(database)
    .await?;
    Ok(())
}

async fn at_hand(database: &mut PgConnection, budgets: &[i64]) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query_as(
        "SELECT budget.*, now() AS now, period_id, period_start, period_end, spent_nano_usd,
                reserved_nano_usd, leased_nano_usd, topped_up_nano_usd, recalled_at, alerted_at,
                refused_at
         FROM budgets budget
         LEFT JOIN budget_periods period
           ON period.budget_id = budget.budget_id
          AND period.period_start <= now() AND period.period_end > now()
         WHERE budget.budget_id = ANY($1)
         ORDER BY budget.budget_id",
    );
    Ok(rows.bind(budgets).fetch_all(database).await?)
}

impl Row {
    /// The budget where it stands in this period; in the one at hand if it has not begun.
    pub(super) fn purse(self) -> Result<Purse, Error> {
        let zone = zone(&self.time_zone)?;
        let name: BudgetName = parsed(&self.name)?;
        let period = match (self.period_start, self.period_end) {
            (Some(start), Some(end)) => Period { start, end },
            _ => Period::containing(self.now, zone, name.span),
        };
        let money = |nanos: Option<i64>| NanoUsd::new(nanos.unwrap_or(0));
        Ok(Purse {
            standing: Standing {
                name,
                cap: NanoUsd::new(self.cap_nano_usd),
                topped_up: money(self.topped_up_nano_usd),
                paused: self.paused,
                origin: parsed(&self.origin)?,
                alert_threshold: Score::clamped(self.alert_threshold),
                time_zone: zone,
                period,
                spent: money(self.spent_nano_usd),
                reserved: money(self.reserved_nano_usd),
                leased: money(self.leased_nano_usd),
            },
            active: self.active,
            at_hand: period.start <= self.now && self.now < period.end,
            alerted: self.alerted_at.is_some(),
            refused: self.refused_at.is_some(),
            recalled_at: self.recalled_at,
            recalls: false,
            moved: Movement::default(),
        })
    }
}
