//! Buckets of time: one after the other without a gap, cut off at the ends of the span.
//!
//! Whole days are days of the ledger's time zone, 23 to 25 hours long. Other lengths are counted
//! from the beginning of the day in which the span begins.

use terrace_config::TimeZone;
use terrace_domain::{Failure, Violations};
use time::{Duration, OffsetDateTime};

use crate::budget::Period;

/// The most buckets of a summary.
const MOST: usize = 2000;

/// The span of a summary, cut into buckets; without buckets it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buckets {
    /// Where each begins; the first where the span does.
    starts: Vec<OffsetDateTime>,
    until: OffsetDateTime,
}

impl Buckets {
    /// Cuts a span that is not empty.
    pub(crate) fn new(
        (from, until): (OffsetDateTime, OffsetDateTime),
        length: Option<Duration>,
        zone: TimeZone,
    ) -> Result<Self, Failure> {
        let mut starts = vec![from];
        let Some(length) = length else {
            return Ok(Self { starts, until });
        };
        let days = length.whole_days();
        let is_whole_days = days > 0 && length == Duration::days(days);
        let mut start = Period::day_of(from, zone).start;
        while starts.len() <= MOST {
            start = if is_whole_days {
                (0..days).fold(start, |start, _| Period::day_of(start, zone).end)
            } else {
                start + length
            };
            if start >= until {
                return Ok(Self { starts, until });
            }
            if start > from {
                starts.push(start);
            }
        }
        let mut wrong = Violations::new();
        wrong.add(
            "bucket",
            "is too short for this span: at most 2000 buckets are told",
        );
        wrong.finish()?;
        Ok(Self { starts, until })
    }

    /// Where each begins.
    pub(crate) fn starts(&self) -> &[OffsetDateTime] {
        &self.starts
    }

    /// Beginning and end of a bucket, counted from 0.
    pub(crate) fn span(&self, index: usize) -> (OffsetDateTime, OffsetDateTime) {
        let last = self.until;
        let start = self.starts.get(index).copied().unwrap_or(last);
        (start, self.starts.get(index + 1).copied().unwrap_or(last))
    }

    /// The whole span.
    pub(crate) fn whole(&self) -> (OffsetDateTime, OffsetDateTime) {
        (self.span(0).0, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn berlin() -> TimeZone {
        TimeZone::by_name("Europe/Berlin").unwrap()
    }

    #[test]
    fn whole_days_are_days_of_the_zone_and_the_ends_are_cut_off() {
        let span = (
            datetime!(2026-10-24 12:00 UTC),
            datetime!(2026-10-26 12:00 UTC),
        );
        let buckets = Buckets::new(span, Some(Duration::DAY), berlin()).unwrap();
        let expected = [
            (
                datetime!(2026-10-24 12:00 UTC),
                datetime!(2026-10-25 00:00 +2),
            ),
            // Clocks are set back: this one has 25 hours.
            (
                datetime!(2026-10-25 00:00 +2),
                datetime!(2026-10-26 00:00 +1),
            ),
            (
                datetime!(2026-10-26 00:00 +1),
                datetime!(2026-10-26 12:00 UTC),
            ),
        ];
        let told: Vec<_> = (0..3).map(|index| buckets.span(index)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn too_many_buckets_are_refused() {
        let span = (
            datetime!(2026-01-01 00:00 UTC),
            datetime!(2026-12-31 00:00 UTC),
        );
        let refused = Buckets::new(span, Some(Duration::MINUTE), berlin()).unwrap_err();
        assert_eq!(refused.fields[0].field, "bucket");
    }

    proptest! {
        #[test]
        fn every_moment_of_the_span_is_in_exactly_one_bucket(
            from in 1_700_000_000_i64..1_800_000_000, seconds in 1_i64..2_000_000,
            minutes in 1_i64..5_000, part in 0.0_f64..1.0,
        ) {
            let from = OffsetDateTime::from_unix_timestamp(from).unwrap();
            let until = from + Duration::seconds(seconds);
            let length = Duration::minutes(minutes.max(seconds / 60 / 1900 + 1));
            let buckets = Buckets::new((from, until), Some(length), berlin()).unwrap();
            let at = from + Duration::seconds_f64(part * seconds as f64 * 0.999);
            let count = buckets.starts().len();
            let holds = (0..count).filter(|index| {
                let (start, end) = buckets.span(*index);
                start <= at && at < end
            });
            prop_assert_eq!(holds.count(), 1);
            prop_assert_eq!(buckets.span(0).0, from);
            prop_assert_eq!(buckets.span(count - 1).1, until);
        }
    }
}
