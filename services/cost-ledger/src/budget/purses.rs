//! The budgets that a batch of writes touches, as they stand while their rows are locked.
//!
//! Deciding here instead of in a statement is safe for one reason: the rows stay locked until the
//! transaction ends, so nobody else can move the sums that a decision was made from.

use std::collections::BTreeMap;

use terrace_domain::{BudgetName, Failure, NanoUsd};
use time::OffsetDateTime;

use super::{Standing, refusal};
use crate::books::{Movement, PeriodId};

/// One budget in one period.
#[derive(Debug, Clone)]
pub(crate) struct Purse {
    pub(crate) standing: Standing,
    /// Whether it is in force: a retired budget only takes back what it gave.
    pub(crate) active: bool,
    /// Whether its period is the one at hand, not one that has ended.
    pub(crate) at_hand: bool,
    /// Whether the alert of the threshold was given.
    pub(crate) alerted: bool,
    /// Whether the alert of the first refusal was given.
    pub(crate) refused: bool,
    /// When a hold last found no room while something was lent.
    pub(crate) recalled_at: Option<OffsetDateTime>,
    /// Whether one has in this batch.
    pub(crate) recalls: bool,
    /// How the batch has moved its sums so far.
    pub(crate) moved: Movement,
}

impl Purse {
    fn apply(&mut self, movement: Movement) {
        let standing = &mut self.standing;
        standing.spent = standing.spent.plus(movement.spent);
        standing.reserved = standing.reserved.plus(movement.reserved);
        standing.leased = standing.leased.plus(movement.leased);
        self.moved = self.moved.plus(movement);
    }
}

crate::outcome::words! {
    /// Why an alert is given; each once a period.
    AlertKind {
        /// Spending has reached the alert threshold.
        Threshold = "threshold",
        /// The budget has refused a hold for the first time.
        Refused = "refused",
    }
}

/// Something that an operator wants to hear of.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) kind: AlertKind,
    pub(crate) period: PeriodId,
    /// The budget as it stood then.
    pub(crate) standing: Standing,
}

/// The budgets of a batch by their periods.
#[derive(Debug, Clone)]
pub(crate) struct Purses {
    now: OffsetDateTime,
    purses: BTreeMap<PeriodId, Purse>,
    /// How sums move that nobody has looked at; there when nobody looks at any.
    unseen: Option<BTreeMap<PeriodId, Movement>>,
    alerts: Vec<Alert>,
}

impl Purses {
    pub(crate) const fn new(now: OffsetDateTime, purses: BTreeMap<PeriodId, Purse>) -> Self {
        Self {
            now,
            purses,
            unseen: None,
            alerts: Vec::new(),
        }
    }

    /// For writes that look at no budget: how they move the sums is added up, and no more.
    pub(crate) const fn unseen(now: OffsetDateTime) -> Self {
        Self {
            now,
            purses: BTreeMap::new(),
            unseen: Some(BTreeMap::new()),
            alerts: Vec::new(),
        }
    }

    /// The periods at hand of those of these budgets that are in force, in order.
    pub(crate) fn at_hand(&self, names: &[BudgetName]) -> Vec<PeriodId> {
        let pays =
            |purse: &Purse| purse.active && purse.at_hand && names.contains(&purse.standing.name);
        let paying = self.purses.iter().filter(|(_, purse)| pays(purse));
        paying.map(|(period, _)| *period).collect()
    }

    /// Refuses unless all of these periods have room for `amount`.
    pub(crate) fn admit(&mut self, periods: &[PeriodId], amount: NanoUsd) -> Result<(), Failure> {
        let mut refusing = Vec::new();
        for period in periods {
            let Some(purse) = self.purses.get_mut(period) else {
                continue;
            };
            if !purse.standing.refuses(amount) {
                continue;
            }
            // Who paused a budget knows, and what is lent may come back.
            purse.recalls |= purse.standing.leased > NanoUsd::ZERO;
            if !purse.refused && !purse.standing.paused && !purse.recalls {
                purse.refused = true;
                self.alerts.push(Alert {
                    kind: AlertKind::Refused,
                    period: *period,
                    standing: purse.standing.clone(),
                });
            }
            refusing.push(purse.standing.clone());
        }
        if refusing.is_empty() {
            return Ok(());
        }
        let mut refusing: Vec<&Standing> = refusing.iter().collect();
        refusing.sort_by_key(|budget| &budget.name);
        Err(refusal::refusal(&refusing, amount, self.now))
    }

    /// Whether a hold on these periods has found no room and there is hope: something is lent that
    /// is asked back now.
    pub(crate) fn are_recalling(&self, periods: &[PeriodId]) -> bool {
        let mut purses = periods.iter().filter_map(|period| self.purses.get(period));
        purses.any(|purse| purse.recalls && !purse.standing.paused)
    }

    /// The purses of these periods.
    pub(crate) fn of(&self, periods: &[PeriodId]) -> impl Iterator<Item = &Purse> {
        periods.iter().filter_map(|period| self.purses.get(period))
    }

    /// Moves the sums. A period that an operator has cleared away is passed over: that must not
    /// keep a settlement out.
    pub(crate) fn apply(&mut self, movements: &BTreeMap<PeriodId, Movement>) {
        for (period, movement) in movements {
            if let Some(unseen) = &mut self.unseen {
                let moved = unseen.entry(*period).or_default();
                *moved = moved.plus(*movement);
            }
            let Some(purse) = self.purses.get_mut(period) else {
                continue;
            };
            purse.apply(*movement);
            let spends = movement.spent > NanoUsd::ZERO;
            if spends && purse.active && !purse.alerted && purse.standing.is_nearly_spent() {
                purse.alerted = true;
                self.alerts.push(Alert {
                    kind: AlertKind::Threshold,
                    period: *period,
                    standing: purse.standing.clone(),
                });
            }
        }
    }

    /// The purses that have changed, in the order in which their rows are locked.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (PeriodId, &Purse)> {
        let alerts = |period| self.alerts.iter().any(|alert| alert.period == period);
        let purses = self.purses.iter().map(|(period, purse)| (*period, purse));
        purses.filter(move |(period, purse)| {
            purse.moved != Movement::default() || purse.recalls || alerts(*period)
        })
    }

    /// How the sums move that nobody has looked at, in the order in which their rows are locked.
    pub(crate) fn moved_unseen(&self) -> impl Iterator<Item = (PeriodId, Movement)> {
        let unseen = self.unseen.iter().flatten();
        let moved = unseen.filter(|(_, moved)| **moved != Movement::default());
        moved.map(|(period, moved)| (*period, *moved))
    }

    /// The alerts that have become due.
    pub(crate) fn alerts(&self) -> &[Alert] {
        &self.alerts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::tests::{NOW, standing};

    fn usd(nanos: i64) -> NanoUsd {
        NanoUsd::new(nanos)
    }

    fn purses(standings: impl IntoIterator<Item = Standing>) -> Purses {
        let purse = |standing| Purse {
            standing,
            active: true,
            at_hand: true,
            alerted: false,
            refused: false,
            recalled_at: None,
            recalls: false,
            moved: Movement::default(),
        };
        let numbered = (1..).map(PeriodId).zip(standings.into_iter().map(purse));
        Purses::new(NOW, numbered.collect())
    }

    fn two() -> (Purses, [PeriodId; 2]) {
        let purses = purses([
            standing("installation/daily", 0, 0),
            standing("project/search/daily", 9_000_000_000, 0),
        ]);
        (purses, [PeriodId(1), PeriodId(2)])
    }

    fn moving(period: PeriodId, reserved: i64, spent: i64) -> BTreeMap<PeriodId, Movement> {
        let movement = Movement {
            reserved: usd(reserved),
            spent: usd(spent),
            leased: NanoUsd::ZERO,
        };
        BTreeMap::from([(period, movement)])
    }

    #[test]
    fn what_fits_into_all_is_admitted_and_what_one_refuses_is_not() {
        let (mut purses, both) = two();
        purses.admit(&both, usd(1_000_000_000)).unwrap();
        let refused = purses.admit(&both, usd(1_000_000_001)).unwrap_err();
        assert_eq!(refused.quotas.len(), 1);
        assert_eq!(refused.quotas[0].subject, "budget:project/search/daily");
        let moved = purses.changed().map(|(_, purse)| purse.moved);
        assert!(moved.eq([Movement::default()]), "a refusal moves nothing");
    }

    #[test]
    fn what_one_write_takes_the_next_does_not_get() {
        let (mut purses, both) = two();
        purses.apply(&moving(both[1], 600_000_000, 0));
        assert!(purses.admit(&both, usd(500_000_000)).is_err());
        purses.apply(&moving(both[1], -600_000_000, 100_000_000));
        purses.admit(&both, usd(500_000_000)).unwrap();
    }

    #[test]
    fn only_budgets_in_force_at_hand_and_by_name_pay() {
        let (mut purses, both) = two();
        let names =
            ["installation/daily", "project/search/daily"].map(|name| name.parse().unwrap());
        assert_eq!(purses.at_hand(&names), both);
        assert_eq!(purses.at_hand(&names[..1]), both[..1]);
        purses.purses.get_mut(&both[0]).unwrap().active = false;
        purses.purses.get_mut(&both[1]).unwrap().at_hand = false;
        assert!(purses.at_hand(&names).is_empty());
    }

    #[test]
    fn each_alert_is_given_once() {
        let (mut purses, both) = two();
        purses.apply(&moving(both[0], 0, 7_999_999_999));
        assert!(purses.alerts().is_empty());
        for _ in 0..3 {
            purses.apply(&moving(both[0], 0, 1));
            purses.admit(&both, usd(9_000_000_000)).unwrap_err();
        }
        let kinds = purses
            .alerts()
            .iter()
            .map(|alert| (alert.kind, alert.period));
        assert!(kinds.eq([
            (AlertKind::Threshold, both[0]),
            (AlertKind::Refused, both[0]),
            (AlertKind::Refused, both[1]),
        ]));
    }
}
