//! Times of many calls as the three figures that people compare.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Median, 99th percentile and worst of a set of times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}

impl Quantiles {
    /// Sorts the times; all zero if there are none.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            let time = times.get(index).copied().unwrap_or_default();
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        };
        Self {
            p50_us: at(50),
            p99_us: at(99),
            max_us: at(100),
        }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.p50_us, self.p99_us, self.max_us);
        write!(f, "p50 {p50:>6} us   p99 {p99:>6} us   max {max:>6} us")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let times = (1..=100).rev().map(Duration::from_micros).collect();
        let found = Quantiles::of(times);
        assert_eq!((found.p50_us, found.p99_us, found.max_us), (51, 100, 100));
        assert_eq!(Quantiles::of(vec![]).max_us, 0);
    }
}
