//! The books of one request, pure: what is held, what was spent, and what a call changes.
//!
//! Every call of the ledger that moves money is one pass: lock the request, load its [`Books`],
//! work out the [`Entries`] here, enter and write them. The rules of idempotency live in this file
//! alone:
//!
//! 1. A step has one hold and one event. What is there already is not booked again.
//! 2. Settling an open hold frees its whole amount and spends the cost, in the periods the hold was
//!    taken from, also after midnight. A step without a hold is spent in the periods at hand.
//! 3. A presumed event gives way to the real one, once, and a skipped one to that of a step that was made
//!    after all (a request may be sent again under its id before its failure has come out of a
//!    spool); spending moves by the difference.
//! 4. A close ends all holds that are open. The first close stands, but for a presumed one, and for one
//!    without an answer when there is one after all: a request that failed may be sent again under
//!    its id before its failure has come out of a spool.
//! 5. What was spent is booked, also above its hold and after the close: money is money.

mod entries;
mod lease;
mod rows;

pub(crate) use entries::{Entries, Movement};
pub(crate) use lease::{Debit, Lease};
pub(crate) use rows::{Close, Event, Hold, Identity, PeriodId, Settlement, Target};

use terrace_domain::{NanoUsd, Step};
use time::OffsetDateTime;

use crate::outcome::{HoldState, RequestOutcome};

/// What the books have of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    /// How it ended, if it has.
    pub(crate) closed: Option<RequestOutcome>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) events: Vec<Event>,
}

impl Books {
    /// What the request holds now.
    pub(crate) fn held(&self) -> NanoUsd {
        self.open_holds().map(|hold| hold.amount).sum()
    }

    /// What the request has cost so far.
    pub(crate) fn cost(&self) -> NanoUsd {
        self.events.iter().map(|event| event.step.cost).sum()
    }

    /// Whether a step was held or settled before.
    pub(crate) fn knows(&self, step: Step) -> bool {
        self.hold(step).is_some() || self.event(step).is_some()
    }

    /// Whether settling `steps` spends money that no hold or event ties to periods.
    pub(crate) fn needs_periods(&self, steps: &[Settlement]) -> bool {
        steps.iter().any(|step| {
            !step.cost.is_zero() && self.is_news(step) && self.periods_of(step.step).is_empty()
        })
    }

    /// Books what steps really were. `otherwise` says the periods of those that have none yet.
    pub(crate) fn settle(
        &self,
        steps: &[Settlement],
        otherwise: impl Fn(&Settlement) -> Vec<PeriodId>,
    ) -> Entries {
        let mut entries = Entries::default();
        for step in steps.iter().filter(|step| self.is_news(step)) {
            if let Some(hold) = self.hold(step.step) {
                if hold.state == HoldState::Open {
                    entries.end_hold(hold, HoldState::Settled);
                }
                if step.cost > hold.amount {
                    entries.above_hold.push((step.step, hold.amount, step.cost));
                }
            }
            let periods = match self.periods_of(step.step) {
                [] if step.cost.is_zero() => Vec::new(),
                [] => otherwise(step),
                known => known.to_vec(),
            };
            let before = self.event(step.step).map(|event| &event.step);
            let mut step = step.clone();
            let began = before.and_then(|step| step.started_at);
            step.started_at = step.started_at.or(began);
            entries.book(step, periods, before.map(|step| step.cost));
        }
        entries.after_close = self
            .closed
            .is_some_and(|end| end != RequestOutcome::Presumed)
            && !entries.events.is_empty();
        entries
    }

    /// Closes the request and frees what it still holds after `entries`.
    pub(crate) fn close(&self, close: Close, entries: &mut Entries) {
        self.free(|_| true, entries);
        if self
            .closed
            .is_none_or(|before| before.gives_way_to(close.outcome))
        {
            entries.close = Some(close);
        }
    }

    /// Frees the open holds of `steps`, or all if none is named.
    pub(crate) fn release(&self, steps: &[Step]) -> Entries {
        let mut entries = Entries::default();
        self.free(
            |hold| steps.is_empty() || steps.contains(&hold.step),
            &mut entries,
        );
        entries
    }

    /// Raises the open hold of a step to `amount`; a hold that is as large already stays as it is.
    /// `None` when the step has no open hold.
    pub(crate) fn raise(&self, step: Step, amount: NanoUsd) -> Option<Entries> {
        let hold = self.open_holds().find(|hold| hold.step == step)?;
        Some(match amount > hold.amount {
            true => Entries::raise(hold, amount),
            false => Entries::default(),
        })
    }

    /// Books every open hold at its worst case and closes the request, at `now`.
    pub(crate) fn presume(&self, now: OffsetDateTime) -> Entries {
        let mut entries = Entries::default();
        for hold in self.open_holds() {
            entries.end_hold(hold, HoldState::Settled);
            entries.book(hold.presumed(now), hold.periods.clone(), None);
        }
        if self.closed.is_none() {
            entries.close = Some(Close::presumed());
        }
        entries
    }

    /// Takes over what a call has changed, so that the next one is worked out from it.
    pub(crate) fn enter(&mut self, entries: &Entries) {
        self.holds.extend(entries.held.clone());
        for hold in &mut self.holds {
            if let Some((_, state)) = entries.ended.iter().find(|(step, _)| *step == hold.step) {
                hold.state = *state;
            }
            if let Some((_, amount)) = entries.raised.filter(|(step, _)| *step == hold.step) {
                hold.amount = amount;
            }
        }
        for event in &entries.events {
            self.events
                .retain(|known| known.step.step != event.step.step);
            self.events.push(event.clone());
        }
        if let Some(close) = &entries.close {
            self.closed = Some(close.outcome);
        }
    }

    /// Every period that the known steps are booked in.
    pub(crate) fn periods(&self) -> impl Iterator<Item = PeriodId> {
        let holds = self.holds.iter().flat_map(|hold| &hold.periods);
        let events = self.events.iter().flat_map(|event| &event.periods);
        holds.chain(events).copied()
    }

    /// Whether settling the step would book anything.
    fn is_news(&self, step: &Settlement) -> bool {
        self.event(step.step)
            .is_none_or(|event| event.step.outcome.gives_way_to(step.outcome))
    }

    /// The periods that a known step is booked in.
    fn periods_of(&self, step: Step) -> &[PeriodId] {
        let event = self.event(step).map(|event| event.periods.as_slice());
        let hold = || self.hold(step).map(|hold| hold.periods.as_slice());
        let booked = event.filter(|periods| !periods.is_empty());
        booked.or_else(hold).unwrap_or_default()
    }

    fn free(&self, chosen: impl Fn(&Hold) -> bool, entries: &mut Entries) {
        for hold in self.open_holds().filter(|hold| chosen(hold)) {
            if !entries.ends(hold.step) {
                entries.end_hold(hold, HoldState::Released);
            }
        }
    }

    fn open_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds
            .iter()
            .filter(|hold| hold.state == HoldState::Open)
    }

    pub(crate) fn hold(&self, step: Step) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.step == step)
    }

    pub(crate) fn event(&self, step: Step) -> Option<&Event> {
        self.events.iter().find(|event| event.step.step == step)
    }
}

#[cfg(test)]
mod tests;
