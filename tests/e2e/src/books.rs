//! The books as an outsider reads them: SQL on the ledger's tables, without the ledger.

use std::time::Duration;

use terrace_testkit::postgres::TestDatabase;
use tokio::time::{Instant, sleep};

/// Rows of a request as `tier model OUTCOME REASON cost`, in order; the judge's own calls behind the
/// attempts, with their step before them.
#[must_use]
pub fn rows(database: &TestDatabase, request_id: &str) -> Vec<String> {
    let sql = format!(
        "SELECT step, tier, model, upper(outcome), CASE reason WHEN '' THEN '-' ELSE reason END, \
         cost_nano_usd FROM usage_events WHERE request_id = '{request_id}' ORDER BY step"
    );
    let told = |row: Vec<String>| {
        let nanos = row
            .last()
            .and_then(|nanos| nanos.parse().ok())
            .unwrap_or(i64::MIN);
        let cost = terrace_domain::NanoUsd::new(nanos);
        let is_of_the_judge = row[0].starts_with("judge/");
        let first = usize::from(!is_of_the_judge);
        format!("{} {cost}", row[first..row.len() - 1].join(" "))
    };
    database.query(&sql).into_iter().map(told).collect()
}

/// How the last request to close ended, in upper case; empty when none has.
#[must_use]
pub fn last_outcome(database: &TestDatabase) -> String {
    let sql = "SELECT upper(outcome) FROM requests WHERE closed_at IS NOT NULL \
               ORDER BY closed_at DESC LIMIT 1";
    let rows = database.query(sql);
    rows.into_iter().flatten().next().unwrap_or_default()
}

/// How a request ended, in upper case; `-` when the ledger has not heard of it.
#[must_use]
pub fn outcome(database: &TestDatabase, request_id: &str) -> String {
    let sql = format!("SELECT upper(outcome) FROM requests WHERE request_id = '{request_id}'");
    let rows = database.query(&sql).into_iter().flatten();
    rows.last().unwrap_or_else(|| "-".to_owned())
}

/// What open holds have set aside, and what the budgets say of it.
#[must_use]
pub fn reserved(database: &TestDatabase) -> (i64, i64) {
    (
        database.number("SELECT coalesce(sum(amount_nano_usd), 0) FROM holds WHERE state = 'open'"),
        database.number("SELECT coalesce(sum(reserved_nano_usd), 0) FROM budget_periods"),
    )
}

/// Spent and reserved of the budget's period, together.
#[must_use]
pub fn committed(database: &TestDatabase) -> i64 {
    database
        .number("SELECT coalesce(sum(spent_nano_usd + reserved_nano_usd), 0) FROM budget_periods")
}

/// Waits until a query gives this number.
pub async fn wait_for(database: &TestDatabase, sql: &str, wanted: i64, patience: Duration) -> bool {
    let give_up = Instant::now() + patience;
    while Instant::now() < give_up {
        if database.number(sql) == wanted {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}
