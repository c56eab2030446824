//! History: what becomes of the books with time.
//!
//! Partitions are made ahead, hours that have passed are rolled up, and what is older than it has
//! to be is deleted: whole partitions where all of one is old, rows where it is not. All of it runs
//! in rounds; a round that fails is made up for by the next, several replicas may be at it at once,
//! and nothing that is answered depends on it: without partitions rows lie in the rest, without
//! sums they are counted one by one.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use terrace_domain::Failure;
use time::OffsetDateTime;

use crate::config::Settings;
use crate::error::Error;
use crate::store::{Store, Transaction, clock, history};

/// Hours that one round rolls up at most: the next round goes on.
const HOURS: i64 = 500;
/// The most rows that one statement deletes from the rest.
const ROWS: i64 = 5_000;

/// What the config says about history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    history: terrace_config::History,
    /// After this a request that has closed is visible to all: no transaction lasts so long.
    settled_after: Duration,
}

impl Rules {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            history: settings.history,
            settled_after: settings.statement_timeout * 2 + Duration::from_mins(1),
        }
    }
}

/// Tends history every interval, for as long as the process lives.
pub(crate) async fn run(store: Store, rules: Rules) {
    loop {
        // A failure was logged where it became one; the next round tries again.
        let more = round(&store, rules).await.unwrap_or_default();
        if !more {
            tokio::time::sleep(rules.history.rollup_interval).await;
        }
    }
}

/// Does everything once and says whether there is more to do.
pub(crate) async fn round(store: &Store, rules: Rules) -> Result<bool, Failure> {
    make_ahead(store, rules).await?;
    let hours = store.transact(Arc::new(Passed(rules))).await?;
    let is_full = hours.len() as i64 == HOURS;
    for run in runs(&hours) {
        store.transact(Arc::new(RollUp(run.to_vec()))).await?;
    }
    let deleted = delete(store, rules).await?;
    Ok(is_full || deleted)
}

/// Makes the partitions of the time at hand and of the next.
pub(crate) async fn make_ahead(store: &Store, rules: Rules) -> Result<(), Failure> {
    while store.transact(Arc::new(MakeAhead(rules))).await? {}
    Ok(())
}

/// Makes one span's partitions; says whether another may be needed.
struct MakeAhead(Rules);

impl Transaction for MakeAhead {
    type Output = bool;
    const NAME: &'static str = "make partitions ahead";

    async fn run(&self, database: &mut PgConnection) -> Result<bool, Error> {
        let now = clock::now(database).await?;
        let length = self.0.history.partition;
        // Half a span ahead, and a day at the least: time enough to notice that it fails.
        let ahead = (length / 2).max(Duration::from_hours(24));
        history::lock(database).await?;
        let made_until = history::made_until(database).await?;
        if made_until.is_some_and(|until| until > now + ahead) {
            return Ok(false);
        }
        let begins = match made_until {
            Some(until) if until > now - length => until,
            _ => aligned(now, length),
        };
        let made = history::begin_span(database, (begins, begins + length)).await?;
        if made {
            tracing::info!(%begins, "partitions made");
        } else {
            tracing::warn!(%begins, "no partitions for this span: rows of it lie in the rest");
        }
        Ok(made)
    }
}

/// The beginning of the span in which a moment lies, counted from 1970.
fn aligned(at: OffsetDateTime, length: Duration) -> OffsetDateTime {
    let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX).max(1);
    let start = at.unix_timestamp().div_euclid(length) * length;
    OffsetDateTime::from_unix_timestamp(start).unwrap_or(at)
}

/// Finds hours that have passed and are not rolled up.
struct Passed(Rules);

impl Transaction for Passed {
    type Output = Vec<OffsetDateTime>;
    const NAME: &'static str = "find hours that have passed";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let now = clock::now(database).await?;
        history::passed_hours(database, now - self.0.settled_after, HOURS).await
    }
}

/// Hours that follow each other, a day of them at most, so that a failure costs no more than that.
fn runs(hours: &[OffsetDateTime]) -> impl Iterator<Item = &[OffsetDateTime]> {
    let follow =
        |one: &OffsetDateTime, next: &OffsetDateTime| *next == *one + Duration::from_hours(1);
    hours.chunk_by(follow).flat_map(|run| run.chunks(24))
}

/// Rolls up hours that follow each other.
struct RollUp(Vec<OffsetDateTime>);

impl Transaction for RollUp {
    type Output = ();
    const NAME: &'static str = "roll hours up";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        history::roll_up(database, &self.0).await
    }
}

/// Deletes what is older than it has to be; says whether there may be more.
async fn delete(store: &Store, rules: Rules) -> Result<bool, Failure> {
    let mut more = false;
    if rules.history.retention.is_some() {
        let old = store.transact(Arc::new(OldSpans(rules))).await?;
        for (name, cutoff) in old {
            store.transact(Arc::new(DropSpan { name, cutoff })).await?;
        }
        more = store.transact(Arc::new(DeleteRest(rules))).await?;
    }
    if let Some(kept) = rules.history.rollup_retention {
        store.transact(Arc::new(DeleteSums(kept))).await?;
    }
    Ok(more)
}

/// The moment before which rows may go: as old as that, and rolled up.
async fn cutoff(
    database: &mut PgConnection,
    rules: Rules,
) -> Result<Option<OffsetDateTime>, Error> {
    let Some(kept) = rules.history.retention else {
        return Ok(None);
    };
    let now = clock::now(database).await?;
    let rolled = history::rolled_until(database).await?;
    Ok(rolled.map(|rolled| rolled.min(now - kept)))
}

/// Finds spans that are older than they have to be.
struct OldSpans(Rules);

impl Transaction for OldSpans {
    type Output = Vec<(String, OffsetDateTime)>;
    const NAME: &'static str = "find old partitions";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let Some(cutoff) = cutoff(database, self.0).await? else {
            return Ok(Vec::new());
        };
        let names = history::spans_before(database, cutoff).await?;
        Ok(names.into_iter().map(|name| (name, cutoff)).collect())
    }
}

struct DropSpan {
    name: String,
    cutoff: OffsetDateTime,
}

impl Transaction for DropSpan {
    type Output = ();
    const NAME: &'static str = "drop old partitions";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        history::lock(database).await?;
        if history::drop_span(database, &self.name, self.cutoff).await? {
            tracing::info!(partition = self.name, "old partitions dropped");
        }
        Ok(())
    }
}

/// Deletes old rows that lie in no partition of their own.
struct DeleteRest(Rules);

impl Transaction for DeleteRest {
    type Output = bool;
    const NAME: &'static str = "delete old rows of the rest";

    async fn run(&self, database: &mut PgConnection) -> Result<bool, Error> {
        match cutoff(database, self.0).await? {
            Some(cutoff) => Ok(history::delete_rest(database, cutoff, ROWS).await? == ROWS),
            None => Ok(false),
        }
    }
}

struct DeleteSums(Duration);

impl Transaction for DeleteSums {
    type Output = ();
    const NAME: &'static str = "delete old sums";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        let now = clock::now(database).await?;
        history::delete_sums(database, now - self.0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn hours_are_rolled_up_in_runs_without_a_gap() {
        let start = datetime!(2026-11-26 00:00 UTC);
        let hours: Vec<_> = (0..30_u64)
            .filter(|hour| *hour != 2)
            .map(|hour| start + Duration::from_hours(hour))
            .collect();
        let lengths: Vec<usize> = runs(&hours).map(<[_]>::len).collect();
        assert_eq!(lengths, [2, 24, 3]);
    }

    #[test]
    fn spans_of_a_length_begin_at_the_same_moments_whoever_makes_them() {
        let week = Duration::from_hours(7 * 24);
        let start = aligned(datetime!(2026-11-26 12:34:56.789 UTC), week);
        assert_eq!(start, datetime!(2026-11-26 00:00 UTC));
        assert_eq!(aligned(start - Duration::from_secs(1), week), start - week);
    }
}
