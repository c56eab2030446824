//! Hours of rented GPUs: they cost the same whether anybody calls or not, and are shared out by the
//! time that calls ran.

use std::collections::BTreeMap;

use terrace_domain::NanoUsd;
use time::OffsetDateTime;

use super::Buckets;

/// Nanoseconds in an hour.
const HOUR: i128 = 3_600_000_000_000;

/// What backends cost for each hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rates(BTreeMap<String, NanoUsd>);

/// What the hours of each bucket cost on each backend.
pub(crate) type Hours = BTreeMap<(usize, String), NanoUsd>;

impl Rates {
    /// Costs by the backend's name; those of nothing are left out.
    pub(crate) fn new(rates: impl IntoIterator<Item = (String, NanoUsd)>) -> Self {
        Self(
            rates
                .into_iter()
                .filter(|(_, rate)| !rate.is_zero())
                .collect(),
        )
    }

    /// Whether no backend costs anything by the hour.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the hours cost in each bucket, as far as they lie between the first request and now.
    pub(super) fn over(
        &self,
        buckets: &Buckets,
        (first, now): (OffsetDateTime, OffsetDateTime),
    ) -> Hours {
        let mut hours = Hours::new();
        for bucket in 0..buckets.starts().len() {
            let (start, end) = buckets.span(bucket);
            let time = (end.min(now) - start.max(first)).whole_nanoseconds().max(0);
            for (backend, rate) in &self.0 {
                let cost = i128::from(rate.get()) * time / HOUR;
                let cost = NanoUsd::new(i64::try_from(cost).unwrap_or(i64::MAX));
                hours.insert((bucket, backend.clone()), cost);
            }
        }
        hours
    }
}

/// Shares an amount out by weights: the shares add up to it, to the last nano-USD. Without any
/// weight nobody bears it.
pub(super) fn shares(amount: NanoUsd, weights: &[u64]) -> Vec<NanoUsd> {
    let all: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let (mut seen, mut given) = (0_u128, 0_i64);
    let mut share = |weight: &u64| {
        seen += u128::from(*weight);
        // What all up to here bear together, less what was given: no rounding is lost.
        let together = u128::from(amount.get().unsigned_abs()) * seen / all.max(1);
        let together = i64::try_from(together).unwrap_or(i64::MAX);
        let share = together - given;
        given = together;
        NanoUsd::new(share)
    };
    weights.iter().map(&mut share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use terrace_config::TimeZone;
    use time::Duration;
    use time::macros::datetime;

    #[test]
    fn hours_count_from_the_first_request_until_now() {
        let span = (
            datetime!(2026-11-01 00:00 UTC),
            datetime!(2026-11-30 00:00 UTC),
        );
        let buckets = Buckets::new(span, None, TimeZone::UTC).unwrap();
        let rates = Rates::new([
            ("gpu".to_owned(), NanoUsd::new(500_000_000)),
            ("free".to_owned(), NanoUsd::ZERO),
        ]);
        let known = (
            datetime!(2026-11-20 00:00 UTC),
            datetime!(2026-11-20 03:30 UTC),
        );
        let hours = rates.over(&buckets, known);
        assert_eq!(
            hours,
            Hours::from([((0, "gpu".to_owned()), NanoUsd::new(1_750_000_000))])
        );
        let daily = Buckets::new(span, Some(Duration::DAY), TimeZone::UTC).unwrap();
        let sum: NanoUsd = rates.over(&daily, known).into_values().sum();
        assert_eq!(sum, NanoUsd::new(1_750_000_000));
    }

    proptest! {
        #[test]
        fn shares_add_up_and_who_ran_nothing_bears_nothing(
            amount in 0_i64..1_000_000_000_000, weights in prop::collection::vec(0_u64..1_000_000_000, 1..20),
        ) {
            let shares = shares(NanoUsd::new(amount), &weights);
            let sum: NanoUsd = shares.iter().copied().sum();
            let ran = weights.iter().any(|weight| *weight > 0);
            prop_assert_eq!(sum, NanoUsd::new(if ran { amount } else { 0 }));
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!(share.get() >= 0);
                prop_assert!(*weight > 0 || share.is_zero());
            }
        }
    }
}
