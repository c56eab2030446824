//! Summary: calls, cost, baseline and signed savings over a span of time.
//!
//! A request belongs, with all its steps, to the moment in which it closed. So the sums of spans
//! that follow each other are the sums of the whole, cost and baseline are of the same requests,
//! and a request that is still open is in no span yet. Savings are the baseline of the answered
//! requests less everything that was spent, on judges, rejected attempts and orphans too; they are
//! negative when the tiers cost more than they saved.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::TimeZone;
use terrace_domain::{Failure, NanoUsd, Violations};
use time::{Duration, OffsetDateTime};

use crate::budget::Period;
use crate::error::Error;
use crate::store::summary::{self, Outcomes, TierSums};
use crate::store::{Store, Transaction};

/// Which span of time.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Absent: the beginning of the day in which the span ends.
    pub(crate) from: Option<OffsetDateTime>,
    /// Not included; absent: now.
    pub(crate) until: Option<OffsetDateTime>,
    pub(crate) time_zone: TimeZone,
}

/// The sums.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
    pub(crate) outcomes: Vec<Outcomes>,
    pub(crate) tiers: Vec<TierSums>,
}

impl Summary {
    pub(crate) fn requests(&self) -> u64 {
        self.outcomes.iter().map(|ended| ended.requests).sum()
    }

    pub(crate) fn cost(&self) -> NanoUsd {
        self.tiers.iter().map(|tier| tier.cost).sum()
    }

    pub(crate) fn unanswered_cost(&self) -> NanoUsd {
        self.tiers.iter().map(|tier| tier.unanswered_cost).sum()
    }

    pub(crate) fn presumed_cost(&self) -> NanoUsd {
        self.tiers.iter().map(|tier| tier.presumed_cost).sum()
    }

    /// What the answered requests would have cost on the baseline model.
    pub(crate) fn baseline(&self) -> NanoUsd {
        self.answered().map(|ended| ended.baseline).sum()
    }

    /// Answered requests whose baseline is known.
    pub(crate) fn baseline_requests(&self) -> u64 {
        self.answered().map(|ended| ended.with_baseline).sum()
    }

    pub(crate) fn savings(&self) -> NanoUsd {
        self.baseline().minus(self.cost())
    }

    fn answered(&self) -> impl Iterator<Item = &Outcomes> {
        let answered = |ended: &&Outcomes| ended.outcome.is_answered();
        self.outcomes.iter().filter(answered)
    }
}

/// Sums the span up.
pub(crate) async fn sum_up(store: &Store, ask: Ask) -> Result<Summary, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

impl Transaction for Ask {
    type Output = Summary;
    const NAME: &'static str = "sum up";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Summary, Error> {
        let (from, until) = self.span(summary::now(database).await?)?;
        Ok(Summary {
            from,
            until,
            outcomes: summary::outcomes(database, from, until).await?,
            tiers: summary::tiers(database, from, until).await?,
        })
    }
}

impl Ask {
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
