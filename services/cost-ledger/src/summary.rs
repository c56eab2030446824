//! Summary: calls, cost, baseline and signed savings over a span of time, by whatever is asked for.
//!
//! A request belongs, with all its steps, to the moment in which it closed. So the sums of spans
//! that follow each other are the sums of the whole, cost and baseline are of the same requests,
//! and a request that is still open is in no span yet. Tier, backend and model of a step are what
//! was called; of a request they are what answered it: so a tier's savings are the baseline of what
//! it answered less all that was called in it, and the savings of all tiers are those of the whole.
//! Savings are negative when the tiers cost more than they saved.

mod buckets;
mod facts;
mod fold;
mod gpu;
mod latency;
mod pieces;
mod sums;

pub(crate) use buckets::Buckets;
pub(crate) use facts::{Busy, By, Facts, Keys, LatencyFact, RequestFact, StepFact};
pub(crate) use fold::{Group, Outcomes, TierSums};
pub(crate) use gpu::Rates;
pub(crate) use pieces::{Piece, pieces};
pub(crate) use sums::Sums;

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::TimeZone;
use terrace_domain::{Failure, Violations};
use time::{Duration, OffsetDateTime};

use crate::budget::Period;
use crate::error::Error;
use crate::store::{Store, Transaction, clock, summary};

/// Which span of time, of whom, and by what.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Absent: the beginning of the day in which the span ends.
    pub(crate) from: Option<OffsetDateTime>,
    /// Not included; absent: now.
    pub(crate) until: Option<OffsetDateTime>,
    pub(crate) time_zone: TimeZone,
    /// Absent: of all.
    pub(crate) project: Option<String>,
    pub(crate) by: Vec<By>,
    /// Length of the buckets, if there are any.
    pub(crate) bucket: Option<Duration>,
    pub(crate) gpu: Rates,
}

/// The sums.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
    pub(crate) outcomes: Vec<Outcomes>,
    pub(crate) tiers: Vec<TierSums>,
    pub(crate) total: Sums,
    /// By bucket and dimensions; empty when nothing is grouped by.
    pub(crate) groups: Vec<Group>,
}

/// Sums the span up.
pub(crate) async fn sum_up(store: &Store, ask: Ask) -> Result<Summary, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

/// What the store is asked.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) buckets: &'a Buckets,
    pub(crate) project: Option<&'a str>,
    pub(crate) by: &'a [By],
    /// Whether steps are told apart by backend, for the hours of its GPU.
    pub(crate) by_backend: bool,
}

impl Question<'_> {
    /// Whether facts are told apart by this dimension.
    pub(crate) fn is_by(&self, dimension: &By) -> bool {
        self.by.contains(dimension)
    }

    /// The tag that facts are told apart by.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.by.iter().find_map(|by| match by {
            By::Tag(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl Transaction for Ask {
    type Output = Summary;
    const NAME: &'static str = "sum up";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Summary, Error> {
        let now = clock::now(database).await?;
        let (from, until) = self.span(now)?;
        let buckets = Buckets::new((from, until), self.bucket, self.time_zone)?;
        let question = Question {
            buckets: &buckets,
            project: self.project.as_deref(),
            by: &self.by,
            by_backend: !self.gpu.is_empty(),
        };
        let facts = summary::facts(database, &question).await?;
        let mut folded = fold::fold(&facts, &self.by, self.bucket.is_some());
        if !self.gpu.is_empty() {
            self.share_out(database, (&facts, &question), now, &mut folded)
                .await?;
        }
        Ok(Summary {
            from,
            until,
            outcomes: folded.outcomes(),
            tiers: folded.tiers(),
            groups: folded.groups(&buckets),
            total: folded.total,
        })
    }
}

impl Ask {
    /// Shares the hours of GPUs out over the groups, by the time that their calls ran.
    async fn share_out(
        &self,
        database: &mut PgConnection,
        (facts, question): (&Facts, &Question<'_>),
        now: OffsetDateTime,
        folded: &mut fold::Folded,
    ) -> Result<(), Error> {
        let Some(first) = summary::first(database).await? else {
            return Ok(());
        };
        let hours = self.gpu.over(question.buckets, (first, now));
        // Of one project alone, the others' calls have their share too.
        let of_all = match self.project {
            Some(_) => Some(summary::busy(database, question).await?),
            None => None,
        };
        folded.share_out(&hours, &facts.steps, of_all.as_ref());
        Ok(())
    }

    fn span(&self, now: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), Failure> {
        // Now itself is included: what has just been closed, in this very microsecond, counts.
        let until = self.until.unwrap_or(now + Duration::MICROSECOND);
        let last = until - Duration::NANOSECOND;
        let from = self
            .from
            .unwrap_or_else(|| Period::day_of(last, self.time_zone).start);
        let mut violations = Violations::new();
        let ordered = "must be later than `from`: the span would be empty";
        violations.require(from < until, "until", ordered);
        violations.finish()?;
        Ok((from, until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn span(
        from: Option<OffsetDateTime>,
        until: Option<OffsetDateTime>,
    ) -> Result<(OffsetDateTime, OffsetDateTime), Failure> {
        let time_zone = TimeZone::by_name("Europe/Berlin").unwrap();
        Ask {
            from,
            until,
            time_zone,
            project: None,
            by: Vec::new(),
            bucket: None,
            gpu: Rates::default(),
        }
        .span(NOW)
    }

    #[test]
    fn a_span_without_ends_is_today_until_now() {
        let (from, until) = span(None, None).unwrap();
        assert_eq!(from, datetime!(2026-11-22 00:00 +1));
        assert!(until > NOW);
    }

    #[test]
    fn a_span_without_a_beginning_is_the_day_of_its_end() {
        let midnight = datetime!(2026-11-20 00:00 +1);
        let (from, until) = span(None, Some(midnight)).unwrap();
        assert_eq!((from, until), (datetime!(2026-11-19 00:00 +1), midnight));
    }

    #[test]
    fn an_empty_span_is_refused() {
        let refusal = span(Some(NOW), Some(NOW)).unwrap_err();
        assert_eq!(refusal.fields[0].field, "until");
    }
}
