//! The books as an outsider reads them: SQL on the ledger's tables, without the ledger.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use terrace_domain::NanoUsd;
use terrace_testkit::Session;
use tokio::time::{Instant, sleep};

/// How often it is looked whether all is written.
const POLL: Duration = Duration::from_millis(500);
/// Requests that are read by one statement.
const AT_ONCE: usize = 500;
/// Looks in a row that have to see the same.
const STEADY: u32 = 4;

/// What the books have of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// How it ended; empty while it is open.
    pub outcome: String,
    /// Its steps, as name, outcome and cost.
    pub steps: Vec<(String, String, NanoUsd)>,
}

/// All requests by their ids.
pub type Requests = HashMap<String, Request>;

/// Reads every request and every step.
///
/// # Errors
/// The database does not answer.
pub fn read(session: &mut Session) -> anyhow::Result<Requests> {
    read_where(session, "")
}

fn read_where(session: &mut Session, which: &str) -> anyhow::Result<Requests> {
    let mut requests = Requests::new();
    let outcomes = format!("SELECT request_id, coalesce(outcome, '') FROM requests {which}");
    for row in session.ask(&outcomes)? {
        let [id, outcome] = row.try_into().map_err(unexpected)?;
        requests.entry(id).or_default().outcome = outcome;
    }
    let steps = format!(
        "SELECT request_id, step, outcome, cost_nano_usd FROM usage_events {which} \
         ORDER BY request_id, nullif(split_part(step, '/', 2), '')::int, step"
    );
    for row in session.ask(&steps)? {
        let [id, step, outcome, cost] = row.try_into().map_err(unexpected)?;
        let cost = NanoUsd::new(cost.parse()?);
        let request = requests.entry(id).or_default();
        request.steps.push((step, outcome, cost));
    }
    Ok(requests)
}

/// Reads these requests, by their ids, and their steps.
///
/// # Errors
/// The database does not answer.
pub fn read_these<T>(
    session: &mut Session,
    wanted: &HashMap<String, T>,
) -> anyhow::Result<Requests> {
    let mut requests = Requests::new();
    let ids: Vec<String> = wanted.keys().map(|id| format!("'{id}'")).collect();
    for some in ids.chunks(AT_ONCE) {
        let which = format!("WHERE request_id IN ({})", some.join(","));
        requests.extend(read_where(session, &which)?);
    }
    Ok(requests)
}

/// The one number that a statement returns.
///
/// # Errors
/// The database does not answer, or with something else.
pub fn number(session: &mut Session, sql: &str) -> anyhow::Result<i64> {
    let rows = session.ask(sql)?;
    let number = rows.first().and_then(|row| row.first()?.parse().ok());
    number.with_context(|| format!("{sql}: is no number: {rows:?}"))
}

/// Waits until no request is open and no row is added any more; `false` if that takes too long.
///
/// # Errors
/// The database does not answer.
pub async fn wait_until_quiet(session: &mut Session, patience: Duration) -> anyhow::Result<bool> {
    let give_up = Instant::now() + patience;
    let state = "SELECT count(*) FILTER (WHERE closed_at IS NULL), count(*) FROM requests";
    let (mut before, mut same) = (Vec::new(), 0);
    while Instant::now() < give_up {
        let now = session.ask(state)?;
        let is_quiet = now.iter().flatten().next().is_some_and(|open| open == "0");
        same = match is_quiet && now == before {
            true => same + 1,
            false => 0,
        };
        if same >= STEADY {
            return Ok(true);
        }
        before = now;
        sleep(POLL).await;
    }
    Ok(false)
}

fn unexpected(row: Vec<String>) -> anyhow::Error {
    anyhow::anyhow!("an unexpected row: {row:?}")
}
