//! Budgets, pure: what a budget says to a reservation, and when it is time for an alert.
//!
//! The decision itself is one statement in the database (`store/budgets.rs`), because no reading
//! and then writing of a budget is safe with more than one caller; here is what it means.

mod day;

use std::time::Duration;

use terrace_config::TimeZone;
use terrace_domain::{Failure, NanoUsd, QuotaViolation, Reason, Score};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use day::Day;

/// The one budget that the config can give: the whole installation's, for each day.
pub(crate) const INSTALLATION_DAILY: &str = "installation/daily";

/// A budget and where it stands in the period at hand.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) cap: NanoUsd,
    pub(crate) alert_threshold: Score,
    pub(crate) time_zone: TimeZone,
    pub(crate) period: Day,
    pub(crate) spent: NanoUsd,
    pub(crate) reserved: NanoUsd,
}

impl Standing {
    /// Whether a hold of `amount` fits under the cap.
    pub(crate) fn has_room_for(&self, amount: NanoUsd) -> bool {
        self.spent.plus(self.reserved).plus(amount) <= self.cap
    }

    /// The refusal of a hold of `asked` at `now`.
    pub(crate) fn refusal(&self, asked: NanoUsd, now: OffsetDateTime) -> Failure {
        let ends = self.period.end;
        let zone = self.time_zone.name();
        let ends_text = ends.format(&Rfc3339).unwrap_or_default();
        let left = self.cap.minus(self.spent).minus(self.reserved);
        let violation = QuotaViolation {
            subject: format!("budget:{}", self.name),
            description: format!(
                "allows {} a day ({zone}), spent {}, reserved {}, asked for {asked}; \
                 the day ends at {ends_text}",
                self.cap, self.spent, self.reserved,
            ),
        };
        let message = format!(
            "the budget {} has {left} left, this step may cost {asked}: use a cheaper tier, wait \
             until {ends_text}, or raise cost_control.daily_budget",
            self.name,
        );
        let wait = Duration::try_from(ends - now).unwrap_or_default();
        Failure::new(Reason::BudgetExhausted, message)
            .retry_after(wait)
            .quota(violation)
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
mod tests {
    use super::*;
    use time::macros::datetime;

    fn standing(spent: i64, reserved: i64) -> Standing {
        let now = datetime!(2026-11-22 20:00 UTC);
        Standing {
            name: INSTALLATION_DAILY.to_owned(),
            cap: NanoUsd::new(10_000_000_000),
            alert_threshold: Score::clamped(0.8),
            time_zone: TimeZone::UTC,
            period: Day::containing(now, TimeZone::UTC),
            spent: NanoUsd::new(spent),
            reserved: NanoUsd::new(reserved),
        }
    }

    #[test]
    fn the_last_nano_fits_and_one_more_does_not() {
        let standing = standing(4_000_000_000, 1_000_000_000);
        assert!(standing.has_room_for(NanoUsd::new(5_000_000_000)));
        assert!(!standing.has_room_for(NanoUsd::new(5_000_000_001)));
        assert!(!standing.has_room_for(NanoUsd::new(i64::MAX)));
    }

    #[test]
    fn a_refusal_says_what_is_left_and_when_to_come_back() {
        let now = datetime!(2026-11-22 20:00 UTC);
        let refusal = standing(9_500_000_000, 400_000_000).refusal(NanoUsd::new(200_000_000), now);
        assert_eq!(refusal.reason, Reason::BudgetExhausted);
        assert_eq!(refusal.retry_after, Some(Duration::from_hours(4)));
        assert_eq!(refusal.quotas[0].subject, "budget:installation/daily");
        for part in [
            "$10.000000",
            "spent $9.500000",
            "reserved $0.400000",
            "asked for $0.200000",
            "2026-11-23T00:00:00Z",
        ] {
            assert!(
                refusal.quotas[0].description.contains(part),
                "{part}: {refusal:?}"
            );
        }
        assert!(refusal.message.contains("$0.100000 left"), "{refusal}");
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
