//! What one call changes in the books, ready to be written in one transaction.

use std::collections::BTreeMap;

use terrace_domain::{NanoUsd, Step};

use super::rows::{Close, Event, Hold, PeriodId, Settlement};
use crate::outcome::HoldState;

/// How a call moves the sums of one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) reserved: NanoUsd,
    pub(crate) spent: NanoUsd,
}

/// What one call changes.
#[derive(Debug, Default)]
pub(crate) struct Entries {
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
    /// Whether events came for a request that was closed for good.
    pub(crate) after_close: bool,
}

impl Entries {
    /// Whether the hold of this step ends.
    pub(super) fn ends(&self, step: Step) -> bool {
        self.ended.iter().any(|(ended, _)| *ended == step)
    }

    /// Ends an open hold: its whole amount is free again.
    pub(super) fn end_hold(&mut self, hold: &Hold, state: HoldState) {
        self.ended.push((hold.step, state));
        self.freed = self.freed.plus(hold.amount);
        if let Some(period) = hold.period {
            let movement = self.periods.entry(period).or_default();
            movement.reserved = movement.reserved.minus(hold.amount);
        }
    }

    /// Books a step, in place of an event that had cost `before`.
    pub(super) fn book(
        &mut self,
        step: Settlement,
        period: Option<PeriodId>,
        before: Option<NanoUsd>,
    ) {
        let added = step.cost.minus(before.unwrap_or_default());
        self.added_cost = self.added_cost.plus(added);
        if let Some(period) = period
            && !added.is_zero()
        {
            let movement = self.periods.entry(period).or_default();
            movement.spent = movement.spent.plus(added);
        }
        self.events.push(Event { step, period });
    }
}
