//! Points and spans of time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A span of time on the wire; longer than the wire can say becomes the longest it can.
#[must_use]
pub fn wire_duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

/// A span of time from the wire; `None` when it is negative.
#[must_use]
pub fn duration(wire: &prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(wire.seconds).ok()?;
    let nanos = u32::try_from(wire.nanos).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

/// A point of time on the wire; before 1970 becomes 1970.
#[must_use]
pub fn wire_timestamp(at: SystemTime) -> prost_types::Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    prost_types::Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}

/// A point of time from the wire; `None` before 1970 and for what no clock can show.
#[must_use]
pub fn timestamp(wire: &prost_types::Timestamp) -> Option<SystemTime> {
    let since = duration(&prost_types::Duration {
        seconds: wire.seconds,
        nanos: wire.nanos,
    })?;
    UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_points_round_trip() {
        let span = Duration::new(3, 141_592_653);
        assert_eq!(duration(&wire_duration(span)), Some(span));
        let point = UNIX_EPOCH + span;
        assert_eq!(timestamp(&wire_timestamp(point)), Some(point));
    }

    #[test]
    fn negative_spans_and_odd_nanos_are_refused() {
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000)] {
            assert_eq!(duration(&prost_types::Duration { seconds, nanos }), None);
        }
    }
}
