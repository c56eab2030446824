//! One clock for the stub backend and its callers, which are one process: a stamp that the stub
//! writes can be compared with the moment at which it is read.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, as text for an answer.
pub(crate) fn stamp() -> String {
    nanos().to_string()
}

/// Time since a stamp; `None` if the text is none.
pub(crate) fn since(stamp: &str) -> Option<Duration> {
    between(stamp, nanos())
}

/// Time from a stamp to a moment, as [`nanos`] gives it; `None` if the text is no stamp.
pub(crate) fn between(stamp: &str, moment: u64) -> Option<Duration> {
    let then = stamp.trim().parse::<u64>().ok()?;
    Some(Duration::from_nanos(moment.saturating_sub(then)))
}

/// Now, in nanoseconds on this process's clock.
pub(crate) fn nanos() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_can_be_read_back_and_other_text_cannot() {
        assert!(since(&stamp()).is_some_and(|time| time < Duration::from_secs(60)));
        assert_eq!(since("soon"), None);
    }
}
