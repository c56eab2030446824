//! Cuts a span into hours that were rolled up and into what has to be counted from the rows.
//!
//! An hour can be taken as a whole when it lies in the span and in one bucket. Hours that follow
//! each other make one piece, and so does what lies between them: a month is a few questions.

use time::{Duration, OffsetDateTime};

use super::Buckets;

/// A piece of a span, from its beginning up to, not including, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Hours that were rolled up.
    Rolled(OffsetDateTime, OffsetDateTime),
    /// Anything else.
    Rows(OffsetDateTime, OffsetDateTime),
}

/// The pieces of a span in order. `rolled` are beginnings of hours in order.
pub(crate) fn pieces(buckets: &Buckets, rolled: &[OffsetDateTime]) -> Vec<Piece> {
    let (from, until) = buckets.whole();
    let fits = |hour: &&OffsetDateTime| {
        let end = **hour + Duration::HOUR;
        **hour >= from && end <= until && !is_cut(buckets, **hour, end)
    };
    let mut pieces = Vec::new();
    let mut at = from;
    for &hour in rolled.iter().filter(fits) {
        if at < hour {
            pieces.push(Piece::Rows(at, hour));
        }
        at = hour + Duration::HOUR;
        match pieces.last_mut() {
            Some(Piece::Rolled(_, end)) if *end == hour => *end = at,
            _ => pieces.push(Piece::Rolled(hour, at)),
        }
    }
    if at < until {
        pieces.push(Piece::Rows(at, until));
    }
    pieces
}

/// Whether a bucket begins inside of an hour.
fn is_cut(buckets: &Buckets, hour: OffsetDateTime, end: OffsetDateTime) -> bool {
    let starts = buckets.starts();
    let next = starts.partition_point(|start| *start <= hour);
    starts.get(next).is_some_and(|start| *start < end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use terrace_config::TimeZone;
    use time::macros::datetime;

    const DAY: OffsetDateTime = datetime!(2026-11-20 00:00 UTC);

    fn hour(number: i64) -> OffsetDateTime {
        DAY + Duration::hours(number)
    }

    fn buckets(from: OffsetDateTime, until: OffsetDateTime, length: Option<Duration>) -> Buckets {
        let zone = TimeZone::by_name("Asia/Kolkata").unwrap();
        Buckets::new((from, until), length, zone).unwrap()
    }

    #[test]
    fn a_day_is_its_hours_and_the_rows_of_its_ends() {
        let (from, until) = (hour(1) - Duration::MINUTE, hour(5) + Duration::MINUTE);
        let rolled: Vec<_> = [0, 1, 2, 4, 5].map(hour).to_vec();
        let expected = [
            Piece::Rows(from, hour(1)),
            Piece::Rolled(hour(1), hour(3)),
            Piece::Rows(hour(3), hour(4)),
            Piece::Rolled(hour(4), hour(5)),
            Piece::Rows(hour(5), until),
        ];
        assert_eq!(pieces(&buckets(from, until, None), &rolled), expected);
    }

    #[test]
    fn an_hour_that_a_bucket_cuts_is_counted_from_its_rows() {
        // Days of Kolkata begin at half past an hour of UTC.
        let buckets = buckets(hour(16), hour(21), Some(Duration::DAY));
        let rolled: Vec<_> = (16..21).map(hour).collect();
        let expected = [
            Piece::Rolled(hour(16), hour(18)),
            Piece::Rows(hour(18), hour(19)),
            Piece::Rolled(hour(19), hour(21)),
        ];
        assert_eq!(pieces(&buckets, &rolled), expected);
    }

    proptest! {
        #[test]
        fn pieces_follow_each_other_from_end_to_end(
            from in 0_i64..100_000, length in 1_i64..300_000,
            rolled in prop::collection::btree_set(0_i64..100, 0..60),
            bucket in prop::option::of(1_i64..3_000),
        ) {
            let (from, until) = (DAY + Duration::seconds(from), DAY + Duration::seconds(from + length));
            let buckets = buckets(from, until, bucket.map(|minutes| Duration::minutes(minutes + length / 60 / 1900)));
            let rolled: Vec<_> = rolled.into_iter().map(hour).collect();
            let mut at = from;
            for piece in pieces(&buckets, &rolled) {
                let (Piece::Rolled(start, end) | Piece::Rows(start, end)) = piece;
                prop_assert_eq!(start, at);
                prop_assert!(end > start);
                if let Piece::Rolled(..) = piece {
                    let mut hours = (0..(end - start).whole_hours()).map(|hour| start + Duration::hours(hour));
                    prop_assert!(hours.all(|hour| rolled.contains(&hour)));
                }
                at = end;
            }
            prop_assert_eq!(at, until);
        }
    }
}
