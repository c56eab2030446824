//! Numbers and times as people read them.

use prost_types::{Duration, Timestamp};
use terrace_domain::NanoUsd;
use terrace_proto::convert;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[month repr:short] [day padding:none]");
const HOUR: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const DAY_HOUR: &[BorrowedFormatItem<'_>] =
    format_description!("[month repr:short] [day padding:none] [hour]:[minute]");

/// What stands where there is nothing to tell.
pub(super) const NONE: &str = "–";

/// Dollars to the last digit, for columns of amounts.
pub(super) fn exact(nanos: i64) -> String {
    NanoUsd::new(nanos).to_string()
}

/// Dollars with six decimals, for columns of lists; an amount never reads as nothing.
pub(super) fn amount(nanos: i64) -> String {
    let micros = (nanos as f64 / 1e3).round();
    if micros == 0.0 && nanos != 0 {
        return exact(nanos);
    }
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}${:.6}", micros.abs() / 1e6)
}

/// Dollars as short as they can be told apart; an amount never reads as nothing.
pub(super) fn usd(nanos: i64) -> String {
    let dollars = nanos as f64 / 1e9;
    let sign = if nanos < 0 { "-" } else { "" };
    let size = dollars.abs();
    match size {
        _ if nanos == 0 => "$0".to_owned(),
        _ if size >= 1000.0 => format!("{sign}${}", count(size.round() as u64)),
        _ if size >= 1.0 => format!("{sign}${size:.2}"),
        _ if size >= 0.01 => format!("{sign}${size:.4}"),
        _ => exact(nanos),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// A part of a whole, in percent.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// The part that `some` are of `all`; none of nothing.
pub(super) fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

/// A part of a whole in percent, or that there is none.
pub(super) fn share(some: u64, all: u64) -> String {
    part(some, all).map_or_else(|| NONE.to_owned(), percent)
}

/// A score from 0 to 1.
pub(super) fn score(score: Option<f64>) -> String {
    score.map_or_else(|| NONE.to_owned(), |score| format!("{score:.2}"))
}

/// Seconds.
pub(super) fn seconds(span: Option<&Duration>) -> Option<f64> {
    let span = span.and_then(convert::duration)?;
    Some(span.as_secs_f64())
}

/// A length of time.
pub(super) fn span(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else {
        return NONE.to_owned();
    };
    // Rounded before the unit is chosen, so that nothing reads as 60 s of a minute.
    let whole = seconds.round() as u64;
    match seconds {
        _ if seconds < 0.01 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 59.995 => format!("{seconds:.2} s"),
        _ if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A moment of the calendar.
pub(super) fn at(stamp: Option<&Timestamp>) -> Option<OffsetDateTime> {
    let stamp = stamp?;
    let nanos = i128::from(stamp.seconds) * 1_000_000_000 + i128::from(stamp.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// A moment of the calendar on the wire.
pub(super) fn stamp(at: OffsetDateTime) -> Timestamp {
    convert::wire_timestamp(at.into())
}

/// Date and time of day, in UTC.
pub(super) fn moment(stamp: Option<&Timestamp>) -> String {
    written(at(stamp), MOMENT)
}

/// The day alone.
pub(super) fn day(at: Option<OffsetDateTime>) -> String {
    written(at, DAY)
}

/// The time of day alone.
pub(super) fn hour(at: Option<OffsetDateTime>) -> String {
    written(at, HOUR)
}

/// Day and time of day.
pub(super) fn day_hour(at: Option<OffsetDateTime>) -> String {
    written(at, DAY_HOUR)
}

fn written(at: Option<OffsetDateTime>, form: &[BorrowedFormatItem<'_>]) -> String {
    let written = at.and_then(|at| at.format(form).ok());
    written.unwrap_or_else(|| NONE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_short_and_never_reads_as_nothing() {
        for (nanos, told) in [
            (0, "$0"),
            (1, "$0.000000001"),
            (1_308_000, "$0.001308"),
            (12_300_000, "$0.0123"),
            (-1_230_000_000, "-$1.23"),
            (1_234_567_000_000_000, "$1,234,567"),
        ] {
            assert_eq!(usd(nanos), told);
        }
    }

    #[test]
    fn amounts_of_a_list_are_as_long_as_each_other() {
        for (nanos, told) in [
            (0, "$0.000000"),
            (8_625_669, "$0.008626"),
            (-1_500_000_000, "-$1.500000"),
            (3, "$0.000000003"),
        ] {
            assert_eq!(amount(nanos), told);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(1), "1");
        assert_eq!(count(123_456), "123,456");
        assert_eq!(count(1_000_000), "1,000,000");
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (seconds, told) in [
            (0.0021, "2.1 ms"),
            (0.35, "350 ms"),
            (1.5, "1.50 s"),
            (0.9999, "1.00 s"),
            (119.99, "2 min 00 s"),
            (125.0, "2 min 05 s"),
            (7320.0, "2 h 02 min"),
        ] {
            assert_eq!(span(Some(seconds)), told);
        }
        assert_eq!(span(None), NONE);
    }

    #[test]
    fn a_moment_goes_to_the_wire_and_back() {
        let now = OffsetDateTime::from_unix_timestamp(1_764_180_000).unwrap();
        assert_eq!(at(Some(&stamp(now))), Some(now));
        assert_eq!(moment(Some(&stamp(now))), "2025-11-26 18:00:00");
    }
}
