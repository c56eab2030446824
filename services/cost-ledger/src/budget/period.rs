//! Periods of a budget: days and months in a time zone, one after the other without a gap.
//!
//! A day begins at the first midnight that the zone's clocks show for its date. Where they jump
//! over midnight, it begins with the jump; where they show it twice, with the first. So every
//! moment is in exactly one day, whatever governments decide. A month begins with its first day.

use terrace_config::TimeZone;
use terrace_domain::Span;
use time::{Date, Duration, OffsetDateTime};
use time_tz::{Offset as _, OffsetDateTimeExt as _, OffsetResult, PrimitiveDateTimeExt as _};
use time_tz::{TimeZone as _, Tz};

/// From a first moment up to, not including, the first of the next period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: OffsetDateTime,
    pub(crate) end: OffsetDateTime,
}

impl Period {
    /// The period of this span in `zone` in which `at` lies.
    pub(crate) fn containing(at: OffsetDateTime, zone: TimeZone, span: Span) -> Self {
        match span {
            Span::Daily => Self::day_of(at, zone),
            Span::Monthly => Self::month_of(at, zone),
        }
    }

    /// The day of `zone` in which `at` lies.
    pub(crate) fn day_of(at: OffsetDateTime, zone: TimeZone) -> Self {
        let date = date_of(at, zone.rules());
        Self::between(date, date.next_day().unwrap_or(date), zone)
    }

    /// The month of `zone` in which `at` lies.
    pub(crate) fn month_of(at: OffsetDateTime, zone: TimeZone) -> Self {
        let first = first_of(date_of(at, zone.rules()));
        // Any first and 31 days are in the month after.
        let next = first_of(first.saturating_add(Duration::days(31)));
        Self::between(first, next, zone)
    }

    fn between(first: Date, next: Date, zone: TimeZone) -> Self {
        Self {
            start: first_moment(first, zone.rules()),
            end: first_moment(next, zone.rules()),
        }
    }
}

/// The date whose day `at` is in.
fn date_of(at: OffsetDateTime, rules: &Tz) -> Date {
    let date = at.to_timezone(rules).date();
    // Where clocks are set back over midnight the date on them goes back too; the day does not.
    match date.next_day() {
        Some(next) if at >= first_moment(next, rules) => next,
        _ if at < first_moment(date, rules) => date.previous_day().unwrap_or(date),
        _ => date,
    }
}

fn first_of(date: Date) -> Date {
    date.replace_day(1).unwrap_or(date)
}

/// The moment in which a date begins, in UTC.
fn first_moment(date: Date, rules: &Tz) -> OffsetDateTime {
    let midnight = date.midnight();
    let moment = match midnight.assume_timezone(rules) {
        OffsetResult::Some(moment) => moment,
        OffsetResult::Ambiguous(one, other) => one.min(other),
        OffsetResult::None => jump_over(midnight.assume_utc(), rules),
    };
    moment.to_offset(time::UtcOffset::UTC)
}

/// The moment in which clocks jump over the local time that `skipped` shows, found by halving.
fn jump_over(skipped: OffsetDateTime, rules: &Tz) -> OffsetDateTime {
    let offset_at = |at: OffsetDateTime| {
        let seconds = rules.get_offset_utc(&at).to_utc().whole_seconds();
        Duration::seconds(i64::from(seconds))
    };
    // No offset is longer than a day, so these lie on either side of the jump.
    let (before, after) = (
        offset_at(skipped - Duration::DAY),
        offset_at(skipped + Duration::DAY),
    );
    let (mut low, mut high) = (skipped - after, skipped - before);
    while high - low > Duration::SECOND {
        let middle = low + Duration::seconds((high - low).whole_seconds() / 2);
        if offset_at(middle) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::{date, datetime};

    fn zone(name: &str) -> TimeZone {
        TimeZone::by_name(name).unwrap()
    }

    fn day_of(at: OffsetDateTime, name: &str) -> Period {
        Period::day_of(at, zone(name))
    }

    #[test]
    fn a_day_begins_and_ends_at_local_midnight() {
        let day = day_of(datetime!(2026-11-22 23:30 UTC), "Europe/Berlin");
        assert_eq!(day.start, datetime!(2026-11-23 00:00 +1));
        assert_eq!(day.end, datetime!(2026-11-24 00:00 +1));
    }

    #[test]
    fn days_on_which_clocks_change_are_shorter_and_longer() {
        let spring = day_of(datetime!(2026-03-29 12:00 UTC), "Europe/Berlin");
        assert_eq!(spring.end - spring.start, Duration::hours(23));
        let autumn = day_of(datetime!(2026-10-25 12:00 UTC), "Europe/Berlin");
        assert_eq!(autumn.end - autumn.start, Duration::hours(25));
    }

    #[test]
    fn a_day_without_a_midnight_begins_with_the_jump() {
        // The clocks of Sao Paulo went from 23:59:59 to 01:00:00.
        let day = day_of(datetime!(2018-11-04 12:00 UTC), "America/Sao_Paulo");
        assert_eq!(day.start, datetime!(2018-11-04 03:00 UTC));
        assert_eq!(day.end, datetime!(2018-11-05 02:00 UTC));
    }

    #[test]
    fn a_day_with_two_midnights_begins_with_the_first() {
        // St. John's went from 00:00:59 back to 23:01:00 of the day before.
        let first = datetime!(2010-11-07 02:30 UTC);
        for minutes in [0, 20, 40, 60, 90] {
            let day = day_of(first + Duration::minutes(minutes), "America/St_Johns");
            assert_eq!(day.start, first);
            assert_eq!(day.end - day.start, Duration::hours(25));
        }
        let before = day_of(first - Duration::SECOND, "America/St_Johns");
        assert_eq!(before.end, first);
    }

    #[test]
    fn the_last_moment_of_a_day_is_not_in_the_next() {
        let day = day_of(datetime!(2026-01-01 00:00 UTC), "UTC");
        assert_eq!(day.start.date(), date!(2026 - 01 - 01));
        let last = day.end - Duration::NANOSECOND;
        assert_eq!(day_of(last, "UTC"), day);
        assert_ne!(day_of(day.end, "UTC"), day);
    }

    #[test]
    fn a_month_begins_and_ends_with_first_days() {
        let berlin = zone("Europe/Berlin");
        let month = Period::month_of(datetime!(2026-10-31 23:30 UTC), berlin);
        assert_eq!(month.start, datetime!(2026-11-01 00:00 +1));
        assert_eq!(month.end, datetime!(2026-12-01 00:00 +1));
        let december = Period::month_of(datetime!(2026-12-31 22:59:59 UTC), berlin);
        assert_eq!(december.end, datetime!(2027-01-01 00:00 +1));
        let leap = Period::month_of(datetime!(2028-02-29 12:00 UTC), zone("UTC"));
        assert_eq!(leap.end - leap.start, Duration::days(29));
    }

    const ZONES: [&str; 9] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "America/Santiago",
    ];

    proptest! {
        #[test]
        fn every_moment_is_in_its_day_and_days_follow_each_other(
            seconds in 946_684_800_i64..2_145_916_800, // 2000 to 2037
            index in 0..ZONES.len(),
        ) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let day = day_of(at, ZONES[index]);
            prop_assert!(day.start <= at && at < day.end);
            prop_assert_eq!(day_of(day.start, ZONES[index]), day);
            let next = day_of(day.end, ZONES[index]);
            prop_assert_eq!(next.start, day.end);
        }

        #[test]
        fn every_moment_is_in_its_month_and_months_are_made_of_days(
            seconds in 946_684_800_i64..2_145_916_800,
            index in 0..ZONES.len(),
        ) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let zone = zone(ZONES[index]);
            let month = Period::month_of(at, zone);
            prop_assert!(month.start <= at && at < month.end);
            prop_assert_eq!(Period::day_of(month.start, zone).start, month.start);
            prop_assert_eq!(Period::month_of(month.end, zone).start, month.end);
        }
    }
}
