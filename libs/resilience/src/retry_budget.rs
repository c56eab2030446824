//! How many tries a backend in trouble is given.
//!
//! A count of retries per call multiplies the load when it can be borne least; a budget bounds
//! their share of all calls. After Finagle's `RetryBudget`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Retries that are always allowed, so that few calls can be tried again at all.
const FLOOR: u64 = 10;
/// Parts of a retry that are counted.
const PARTS: u64 = 1000;

/// A store of retries that every call adds a share to.
#[derive(Debug)]
pub struct RetryBudget {
    /// What a call adds, in parts.
    share: u64,
    /// What there is, in parts; never above the floor.
    store: AtomicU64,
}

impl RetryBudget {
    /// A budget of `share` retries a call, from 0 to 1; 0 allows none at all.
    #[must_use]
    pub fn new(share: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a clamped share is 0 to 1000 parts"
        )]
        let share = (share.clamp(0.0, 1.0) * 1000.0) as u64;
        let store = if share == 0 { 0 } else { FLOOR * PARTS };
        Self {
            share,
            store: AtomicU64::new(store),
        }
    }

    /// Notes a call.
    pub fn note_call(&self) {
        let add = |store: u64| Some((store + self.share).min(FLOOR * PARTS));
        // It always adds, so there is no other outcome.
        let _always = self
            .store
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Takes a retry; `false` when there is none.
    pub fn take(&self) -> bool {
        let less = |store: u64| store.checked_sub(PARTS);
        let taken = self
            .store
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_storm_of_failures_gets_the_floor_and_its_share() {
        let budget = RetryBudget::new(0.1);
        let mut retries = 0;
        for _ in 0..1000 {
            budget.note_call();
            retries += u32::from(budget.take());
        }
        assert!((100..=110).contains(&retries), "{retries}");
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing() {
        let budget = RetryBudget::new(0.0);
        budget.note_call();
        assert!(!budget.take());
    }

    proptest! {
        #[test]
        fn retries_never_pass_the_floor_and_the_share(calls in prop::collection::vec(0u8..5, 1..300), share in 0.0f64..1.0) {
            let budget = RetryBudget::new(share);
            let mut retries = 0.0;
            for (made, tries) in calls.iter().enumerate() {
                budget.note_call();
                for _ in 0..*tries {
                    retries += f64::from(u8::from(budget.take()));
                }
                #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
                let most = 10.0 + share * (made + 1) as f64;
                prop_assert!(retries <= most + 1e-6);
            }
        }
    }
}
