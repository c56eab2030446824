//! When a backend wants to be asked again: `retry-after` in seconds or as a date, and the
//! millisecond form that some vendors add.
//!
//! What cannot be read is taken as not said. A wish for more than a day is a mistake or a
//! punishment; either way nobody waits that long, so it is cut there.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long to wait, if the headers say so.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry_after_at(headers, SystemTime::now())
}

fn retry_after_at(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    if let Some(millis) = text("retry-after-ms").and_then(|ms| ms.parse::<u64>().ok()) {
        return Some(Duration::from_millis(millis).min(LONGEST));
    }
    let value = text(RETRY_AFTER.as_str())?;
    let delay = match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => httpdate::parse_http_date(&value)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(delay.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};
    use std::time::UNIX_EPOCH;

    fn read(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(value).unwrap();
        headers.insert(HeaderName::from_static(name), value);
        // 1994-11-06 08:49:30 UTC
        let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
        retry_after_at(&headers, now)
    }

    #[test]
    fn seconds_milliseconds_and_dates_are_understood() {
        assert_eq!(read("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(read("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(
            read("retry-after-ms", "250"),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            read("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::from_secs(7))
        );
    }

    #[test]
    fn a_date_in_the_past_means_now_and_a_far_one_a_day() {
        assert_eq!(
            read("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(read("retry-after", "999999999"), Some(LONGEST));
    }

    #[test]
    fn nonsense_is_taken_as_not_said() {
        for text in ["", "soon", "-1", "NaN", "inf"] {
            assert_eq!(read("retry-after", text), None, "{text}");
        }
    }
}
