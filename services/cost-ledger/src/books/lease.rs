//! A lease: money of budgets that an orchestrator decides over by itself.
//!
//! What is lent is reserved in the periods it was taken from, and stays so until a step that was
//! paid from it is settled or it is given back. Of a lease that is lost everything left is presumed
//! to be spent: calls may have been made with it, and nobody is there to say which.

use terrace_domain::{KeyId, NanoUsd, ProjectName, RequestId, Step, Usage};
use time::OffsetDateTime;

use super::entries::Entries;
use super::rows::{Close, Identity, PeriodId, Settlement, Target};
use crate::books::Books;
use crate::outcome::StepOutcome;

/// A lease that is out.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) lease_id: RequestId,
    pub(crate) project: ProjectName,
    pub(crate) key: Option<KeyId>,
    /// Periods that it was taken from and goes back to, in order.
    pub(crate) periods: Vec<PeriodId>,
    /// All that was ever lent with it.
    pub(crate) granted: NanoUsd,
    /// What of it is neither settled nor given back.
    pub(crate) remaining: NanoUsd,
    pub(crate) target: Target,
    pub(crate) taken_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
}

/// What was taken from a lease for a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debit {
    pub(crate) lease_id: RequestId,
    pub(crate) amount: NanoUsd,
}

impl Lease {
    /// What the books of a lost lease begin with: its id stands for a request's.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            request_id: self.lease_id,
            project: self.project.clone(),
            key: self.key.clone(),
            action: None,
            ttl_ms: 1,
            body_fingerprint: None,
        }
    }

    /// Everything left, presumed to be spent at `now`.
    pub(crate) fn presumed(&self, now: OffsetDateTime) -> Entries {
        let mut entries = Entries::default();
        let step = Settlement {
            step: Step::Lease,
            target: self.target.clone(),
            outcome: StepOutcome::Presumed,
            reason: None,
            usage: Usage {
                estimated: true,
                ..Usage::default()
            },
            cost: self.remaining,
            score: None,
            started_at: Some(self.taken_at),
            latency: (now - self.taken_at).try_into().unwrap_or_default(),
            debit: None,
        };
        entries.book(step, self.periods.clone(), None);
        entries.close = Some(Close::presumed());
        entries
    }
}

impl Books {
    /// Lowers what is presumed to be spent of a lost lease to `left`; nothing when it is no more.
    pub(crate) fn presume_less(&self, left: NanoUsd) -> Entries {
        let mut entries = Entries::default();
        let presumed = self.event(Step::Lease);
        if let Some(presumed) = presumed.filter(|event| event.step.cost > left) {
            let before = presumed.step.cost;
            let mut step = presumed.step.clone();
            step.cost = left;
            entries.book(step, presumed.periods.clone(), Some(before));
        }
        entries
    }

    /// What is presumed to be spent of a lost lease, if these are its books.
    pub(crate) fn presumed_lease(&self) -> Option<NanoUsd> {
        self.event(Step::Lease).map(|event| event.step.cost)
    }
}
