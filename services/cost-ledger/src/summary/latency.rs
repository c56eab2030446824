//! Latencies as counts in bins whose bounds grow by a sixteenth of a power of two: counts can be
//! added up over any groups, which quantiles cannot, and a quantile is at most 2.2 % off.

use std::collections::BTreeMap;
use std::time::Duration;

/// Bins to one power of two. The statements of the store divide by the same.
const BINS: f64 = 16.0;

/// How many requests took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histogram(BTreeMap<i16, u64>);

impl Histogram {
    /// Counts `requests` in a bin: the logarithm to the base of 2 of the microseconds, in
    /// sixteenths, rounded down.
    pub(crate) fn count(&mut self, bin: i16, requests: u64) {
        *self.0.entry(bin).or_default() += requests;
    }

    /// The latency that so many hundredths of the requests do not exceed; `None` without requests.
    pub(crate) fn quantile(&self, percent: u64) -> Option<Duration> {
        let all: u64 = self.0.values().sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut below = 0;
        let (bin, _) = self.0.iter().find(|(_, count)| {
            below += **count;
            below >= rank
        })?;
        // The middle of the bin, as a ratio: the error is the same on both sides.
        let microseconds = ((f64::from(*bin) + 0.5) / BINS).exp2();
        Some(Duration::from_secs_f64(microseconds / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bin(microseconds: u64) -> i16 {
        ((microseconds as f64).log2() * BINS).floor() as i16
    }

    #[test]
    fn without_requests_there_is_no_quantile() {
        assert_eq!(Histogram::default().quantile(50), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_bin_off(
            mut times in prop::collection::vec(1_u64..600_000_000, 1..200), percent in 1_u64..100,
        ) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|time| histogram.count(bin(*time), 1));
            times.sort_unstable();
            let rank = (times.len() as u64 * percent).div_ceil(100).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1] as f64;
            let told = histogram.quantile(percent).unwrap().as_secs_f64() * 1e6;
            // A nanosecond for the rounding of very short ones.
            prop_assert!((told - exact).abs() <= exact * 0.022 + 0.001, "{told} for {exact}");
        }
    }
}
