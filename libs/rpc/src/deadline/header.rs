//! The `grpc-timeout` header: at most eight digits and a unit.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use terrace_domain::{Failure, FieldViolation};

pub(crate) const NAME: &str = "grpc-timeout";

/// The most that fits into eight digits of one unit.
const MOST: u128 = 99_999_999;

/// Reads the time the caller allows; none if it does not say.
pub(crate) fn parse(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(value) = headers.get(NAME) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(parse_text)
        .map(Some)
        .ok_or_else(invalid)
}

/// Writes `time` in the finest unit that has room for it.
pub(crate) fn write(time: Duration, headers: &mut HeaderMap) {
    let units = [
        (time.as_nanos(), 'n'),
        (time.as_micros(), 'u'),
        (time.as_millis(), 'm'),
        (u128::from(time.as_secs()), 'S'),
    ];
    let fits = units.into_iter().find(|(count, _)| *count <= MOST);
    let (count, unit) = fits.unwrap_or((MOST, 'S'));
    if let Ok(value) = HeaderValue::try_from(format!("{count}{unit}")) {
        headers.insert(NAME, value);
    }
}

fn parse_text(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count = plain.then(|| digits.parse::<u64>().ok())??;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

fn invalid() -> Failure {
    Failure::invalid(vec![FieldViolation {
        field: NAME.to_owned(),
        description: "is no time-out: write up to eight digits and one of H, M, S, m, u, n"
            .to_owned(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &[u8]) -> Result<Option<Duration>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_bytes(value).unwrap());
        parse(&headers)
    }

    #[test]
    fn every_unit_is_read() {
        for (text, seconds) in [("2H", 7200.0), ("3M", 180.0), ("4S", 4.0), ("250m", 0.25)] {
            let time = parsed(text.as_bytes()).unwrap().unwrap();
            assert!((time.as_secs_f64() - seconds).abs() < 1e-9, "{text}");
        }
        assert_eq!(parsed(b"5u"), Ok(Some(Duration::from_micros(5))));
        assert_eq!(parsed(b"6n"), Ok(Some(Duration::from_nanos(6))));
        assert_eq!(parse(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        for value in [
            &b""[..],
            b"S",
            b"5",
            b"123456789S",
            b"-1S",
            b"+1S",
            b"1x",
            b"\xff\xfe",
        ] {
            let failure = parsed(value).unwrap_err();
            assert_eq!(failure.fields[0].field, NAME, "{value:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_never_longer() {
        for micros in [0, 1, 999, 1_000_000, 86_400_000_001, u64::MAX] {
            let time = Duration::from_micros(micros);
            let mut headers = HeaderMap::new();
            write(time, &mut headers);
            let read = parse(&headers).unwrap().unwrap();
            assert!(read <= time, "{read:?} > {time:?}");
        }
    }
}
