//! Budgets, pure: where one stands, what it says to a hold, and when an alert is due.
//!
//! A hold is paid from every budget above it at once, or from none: `purses` decides over all of
//! them, while their rows are locked.

mod period;
mod purses;
mod refusal;
mod slice;

use terrace_config::TimeZone;
use terrace_domain::{BudgetName, NanoUsd, Score};

pub(crate) use period::Period;
pub(crate) use purses::{Alert, AlertKind, Purse, Purses};
pub(crate) use slice::LeaseTerms;

/// A budget and where it stands in one period.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) name: BudgetName,
    /// Hard cap of every period.
    pub(crate) cap: NanoUsd,
    /// What this period has on top of the cap.
    pub(crate) topped_up: NanoUsd,
    /// A paused budget refuses everything that costs.
    pub(crate) paused: bool,
    /// Whether the config says what it is, or a call did.
    pub(crate) origin: Origin,
    pub(crate) alert_threshold: Score,
    pub(crate) time_zone: TimeZone,
    pub(crate) period: Period,
    pub(crate) spent: NanoUsd,
    pub(crate) reserved: NanoUsd,
    /// What of the reserved is lent.
    pub(crate) leased: NanoUsd,
}

impl Standing {
    /// All that may be spent and reserved in this period.
    pub(crate) fn allowed(&self) -> NanoUsd {
        self.cap.plus(self.topped_up)
    }

    /// What is neither spent nor reserved; negative when the cap was lowered below what is.
    pub(crate) fn left(&self) -> NanoUsd {
        self.allowed().minus(self.spent).minus(self.reserved)
    }

    /// Whether a hold of `amount` has to be refused.
    pub(crate) fn refuses(&self, amount: NanoUsd) -> bool {
        self.paused || amount > self.left()
    }

    /// Whether so much is spent that an alert is due.
    pub(crate) fn is_nearly_spent(&self) -> bool {
        self.spent >= alert_amount(self.allowed(), self.alert_threshold)
    }
}

crate::outcome::words! {
    /// Who says what a budget is.
    Origin {
        /// The config: what it says is written down at every start.
        Config = "config",
        /// A call of `SetBudget`.
        Call = "call",
    }
}

/// The spending from which an alert is due; never above the cap.
pub(crate) fn alert_amount(cap: NanoUsd, threshold: Score) -> NanoUsd {
    // A threshold has no more digits than people write; millionths keep the product whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a score in millionths is at most a million"
    )]
    let millionths = (threshold.get() * 1_000_000.0).round() as i64;
    let amount = i128::from(cap.get()) * i128::from(millionths) / 1_000_000;
    NanoUsd::new(i64::try_from(amount).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::macros::datetime;

    pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 20:00 UTC);

    /// A budget of ten dollars.
    pub(crate) fn standing(name: &str, spent: i64, reserved: i64) -> Standing {
        let name: BudgetName = name.parse().unwrap();
        Standing {
            period: Period::containing(NOW, TimeZone::UTC, name.span),
            name,
            cap: NanoUsd::new(10_000_000_000),
            topped_up: NanoUsd::ZERO,
            paused: false,
            origin: Origin::Config,
            alert_threshold: Score::clamped(0.8),
            time_zone: TimeZone::UTC,
            spent: NanoUsd::new(spent),
            reserved: NanoUsd::new(reserved),
            leased: NanoUsd::ZERO,
        }
    }

    #[test]
    fn the_last_nano_fits_and_one_more_does_not() {
        let standing = standing("installation/daily", 4_000_000_000, 1_000_000_000);
        assert!(!standing.refuses(NanoUsd::new(5_000_000_000)));
        assert!(standing.refuses(NanoUsd::new(5_000_000_001)));
        assert!(standing.refuses(NanoUsd::new(i64::MAX)));
    }

    #[test]
    fn a_top_up_is_allowed_on_top_of_the_cap() {
        let mut standing = standing("installation/daily", 10_000_000_000, 0);
        assert!(standing.refuses(NanoUsd::new(1)));
        standing.topped_up = NanoUsd::new(5);
        assert!(!standing.refuses(NanoUsd::new(5)));
        assert!(standing.refuses(NanoUsd::new(6)));
    }

    #[test]
    fn a_paused_budget_refuses_everything_that_costs() {
        let mut standing = standing("installation/daily", 0, 0);
        standing.paused = true;
        assert!(standing.refuses(NanoUsd::new(1)));
    }

    #[test]
    fn an_alert_is_due_at_the_wanted_part_of_the_cap() {
        let cap = NanoUsd::new(10_000_000_000);
        assert_eq!(
            alert_amount(cap, Score::clamped(0.8)),
            NanoUsd::new(8_000_000_000)
        );
        assert_eq!(alert_amount(cap, Score::ONE), cap);
        assert_eq!(alert_amount(cap, Score::ZERO), NanoUsd::ZERO);
        let all = NanoUsd::new(i64::MAX);
        assert_eq!(alert_amount(all, Score::ONE), all);
    }
}
