//! What one call changes in the books, ready to be written in one transaction.

use std::collections::BTreeMap;

use terrace_domain::{NanoUsd, Step};

use super::lease::Debit;
use super::rows::{Close, Event, Hold, PeriodId, Settlement};
use crate::outcome::HoldState;

/// How a call moves the sums of one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) reserved: NanoUsd,
    pub(crate) spent: NanoUsd,
    /// What of the reserved is lent.
    pub(crate) leased: NanoUsd,
}

impl Movement {
    /// Both, one after the other.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            reserved: self.reserved.plus(other.reserved),
            spent: self.spent.plus(other.spent),
            leased: self.leased.plus(other.leased),
        }
    }
}

/// What one call changes.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// A new hold.
    pub(crate) held: Option<Hold>,
    /// A hold that grows: its step and new amount.
    pub(crate) raised: Option<(Step, NanoUsd)>,
    /// New events, and real ones that replace presumed ones.
    pub(crate) events: Vec<Event>,
    /// Holds that end, and how.
    pub(crate) ended: Vec<(Step, HoldState)>,
    /// The close, if it changes anything.
    pub(crate) close: Option<Close>,
    /// Sums of periods, in the order in which they are locked.
    pub(crate) periods: BTreeMap<PeriodId, Movement>,
    /// What the ended holds had set aside.
    pub(crate) freed: NanoUsd,
    /// What the events add to the cost of the request; negative when a presumed one was too high.
    pub(crate) added_cost: NanoUsd,
    /// Steps that cost more than was held for them: step, held, cost.
    pub(crate) above_hold: Vec<(Step, NanoUsd, NanoUsd)>,
    /// What was taken from leases for steps that are settled now.
    pub(crate) debits: Vec<Debit>,
    /// Whether events came for a request that was closed for good.
    pub(crate) after_close: bool,
}

impl Entries {
    /// Takes a new hold.
    pub(crate) fn hold(hold: Hold) -> Self {
        let mut entries = Self::default();
        entries.reserve(&hold.periods, hold.amount);
        entries.held = Some(hold);
        entries
    }

    /// Raises an open hold to a new amount.
    pub(super) fn raise(hold: &Hold, to: NanoUsd) -> Self {
        let mut entries = Self::default();
        entries.reserve(&hold.periods, to.minus(hold.amount));
        entries.raised = Some((hold.step, to));
        entries
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        let holds = self.held.is_none() && self.raised.is_none() && self.ended.is_empty();
        holds && self.events.is_empty() && self.close.is_none()
    }

    /// Whether the hold of this step ends.
    pub(super) fn ends(&self, step: Step) -> bool {
        self.ended.iter().any(|(ended, _)| *ended == step)
    }

    /// Ends an open hold: its whole amount is free again.
    pub(super) fn end_hold(&mut self, hold: &Hold, state: HoldState) {
        self.ended.push((hold.step, state));
        self.freed = self.freed.plus(hold.amount);
        self.reserve(&hold.periods, NanoUsd::ZERO.minus(hold.amount));
    }

    /// Books a step, in place of an event that had cost `before`.
    pub(super) fn book(
        &mut self,
        step: Settlement,
        periods: Vec<PeriodId>,
        before: Option<NanoUsd>,
    ) {
        let added = step.cost.minus(before.unwrap_or_default());
        self.added_cost = self.added_cost.plus(added);
        self.debits.extend(step.debit);
        if !added.is_zero() {
            for period in &periods {
                let movement = self.periods.entry(*period).or_default();
                movement.spent = movement.spent.plus(added);
            }
        }
        self.events.push(Event { step, periods });
    }

    fn reserve(&mut self, periods: &[PeriodId], amount: NanoUsd) {
        for period in periods {
            let movement = self.periods.entry(*period).or_default();
            movement.reserved = movement.reserved.plus(amount);
        }
    }
}
