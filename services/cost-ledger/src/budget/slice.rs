//! How much of a budget may be lent.
//!
//! Little of what is left: what one orchestrator holds and does not need, another one may want.
//! Near a cap nothing is lent any more, so that the last affordable call is decided where all money
//! is in sight.

use std::time::Duration;

use terrace_domain::NanoUsd;
use time::OffsetDateTime;

use super::Purse;

/// One lease gets at most one part in so many of what is left: eight orchestrators that ask one
/// after the other leave more than half.
const PARTS: i64 = 16;

/// What the config says of leases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseTerms {
    pub(crate) enabled: bool,
    /// The most that is given at once.
    pub(crate) slice: NanoUsd,
    /// After this without a sign of life a lease is lost.
    pub(crate) ttl: Duration,
    /// The most of one budget that may be lent.
    pub(crate) max_stranded: NanoUsd,
}

impl From<terrace_config::Leases> for LeaseTerms {
    fn from(leases: terrace_config::Leases) -> Self {
        Self {
            enabled: leases.enabled,
            slice: leases.slice,
            ttl: leases.ttl,
            max_stranded: leases.max_stranded,
        }
    }
}

impl LeaseTerms {
    /// For how long who got a lease, or renewed it, may take from it: well before it is lost, so
    /// that clocks of different speed do no harm.
    pub(crate) fn usable(self) -> Duration {
        self.ttl / 4 * 3
    }

    /// How long a hold that found no room waits for what is lent to come back.
    pub(crate) fn recall(self) -> Duration {
        self.ttl
    }

    /// How long nothing is lent of a budget that had no room: until all have heard of it.
    fn quiet(self) -> Duration {
        self.ttl * 2
    }

    /// What may be lent of these purses: from `least` to `most`, or nothing.
    pub(crate) fn slice<'a>(
        self,
        purses: impl Iterator<Item = &'a Purse>,
        (least, most): (NanoUsd, NanoUsd),
        now: OffsetDateTime,
    ) -> NanoUsd {
        let mut room = most.min(self.slice);
        let mut limited = false;
        for purse in purses {
            limited = true;
            let standing = &purse.standing;
            if !self.enabled || standing.paused || self.is_recalling(purse, now) {
                return NanoUsd::ZERO;
            }
            let part = NanoUsd::new(standing.left().get() / PARTS);
            room = room.min(part);
            room = room.min(self.max_stranded.minus(standing.leased));
        }
        // Where no budget is, nothing has to be decided.
        match limited && room >= least {
            true => room,
            false => NanoUsd::ZERO,
        }
    }

    /// Whether somebody found no room a moment ago.
    pub(crate) fn is_recalling(self, purse: &Purse, now: OffsetDateTime) -> bool {
        purse.recalled_at.is_some_and(|at| now - at < self.quiet())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Movement;
    use crate::budget::tests::{NOW, standing};

    const TERMS: LeaseTerms = LeaseTerms {
        enabled: true,
        slice: NanoUsd::new(1_000_000_000),
        ttl: Duration::from_secs(4),
        max_stranded: NanoUsd::new(3_000_000_000),
    };

    fn purse(spent: i64, leased: i64) -> Purse {
        let mut standing = standing("installation/daily", spent, leased);
        standing.leased = NanoUsd::new(leased);
        Purse {
            standing,
            active: true,
            at_hand: true,
            alerted: false,
            refused: false,
            recalled_at: None,
            recalls: false,
            moved: Movement::default(),
        }
    }

    fn lent(purses: &[Purse], least: i64) -> i64 {
        let span = (NanoUsd::new(least), NanoUsd::new(i64::MAX));
        TERMS.slice(purses.iter(), span, NOW).get()
    }

    #[test]
    fn a_slice_is_a_part_of_what_is_left_and_never_more_than_the_config_says() {
        assert_eq!(lent(&[purse(0, 0)], 1), 10_000_000_000 / PARTS);
        assert_eq!(lent(&[purse(9_000_000_000, 0)], 1), 1_000_000_000 / PARTS);
        let mut large = purse(0, 0);
        large.standing.cap = NanoUsd::new(1_000_000_000_000);
        assert_eq!(lent(&[large], 1), 1_000_000_000);
    }

    #[test]
    fn the_tightest_budget_decides() {
        let purses = [purse(0, 0), purse(9_990_000_000, 0)];
        assert_eq!(lent(&purses, 1), 10_000_000 / PARTS);
        assert_eq!(lent(&purses, 10_000_000), 0, "less than is of use");
    }

    #[test]
    fn no_more_is_lent_than_may_be_stranded() {
        assert_eq!(lent(&[purse(0, 2_999_999_999)], 1), 1);
        assert_eq!(lent(&[purse(0, 3_000_000_000)], 1), 0);
    }

    #[test]
    fn a_paused_budget_and_one_that_had_no_room_lend_nothing() {
        let mut paused = purse(0, 0);
        paused.standing.paused = true;
        assert_eq!(lent(&[paused], 1), 0);
        let mut short = purse(0, 0);
        short.recalled_at = Some(NOW - Duration::from_secs(7));
        assert_eq!(lent(&[short.clone()], 1), 0);
        short.recalled_at = Some(NOW - Duration::from_secs(8));
        assert!(lent(&[short], 1) > 0);
    }

    #[test]
    fn where_there_is_no_budget_nothing_is_lent() {
        assert_eq!(lent(&[], 1), 0);
    }
}
