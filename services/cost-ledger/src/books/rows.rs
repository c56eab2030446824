//! The rows of the books: holds, events, closes, and what they say was called.

use std::collections::BTreeMap;
use std::time::Duration;

use terrace_domain::{
    ActionName, BackendName, BudgetName, KeyId, ModelName, NanoUsd, ProjectName, Reason, RequestId,
    Score, Step, TierName, Usage,
};
use time::OffsetDateTime;

use super::lease::Debit;
use crate::outcome::{HoldState, RequestOutcome, StepOutcome};

/// Identifies a period of a budget. Ordered: where a call touches several, it takes them in this
/// order, so that no two calls wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeriodId(pub(crate) i64);

/// Who a request belongs to and how long it lives without a sign of its orchestrator.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) request_id: RequestId,
    pub(crate) project: ProjectName,
    pub(crate) key: Option<KeyId>,
    pub(crate) action: Option<ActionName>,
    pub(crate) ttl_ms: i64,
    /// Of what the caller sent, if the id is its own.
    pub(crate) body_fingerprint: Option<Vec<u8>>,
}

impl Identity {
    /// The names of all budgets that it would be paid from.
    pub(crate) fn budgets(&self) -> Vec<BudgetName> {
        BudgetName::paying_for(&self.project, self.key.as_ref()).collect()
    }

    /// Whether another body came with the same id, where both are known.
    pub(crate) fn has_other_body(&self, other: &Self) -> bool {
        let both = self
            .body_fingerprint
            .as_ref()
            .zip(other.body_fingerprint.as_ref());
        both.is_some_and(|(own, other)| own != other)
    }
}

/// What a step calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) tier: TierName,
    pub(crate) backend: BackendName,
    pub(crate) model: ModelName,
}

/// Money set aside for a step.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) step: Step,
    pub(crate) amount: NanoUsd,
    /// Periods that it was taken from and goes back to, in order; none when there was no budget.
    pub(crate) periods: Vec<PeriodId>,
    pub(crate) target: Target,
    pub(crate) state: HoldState,
    pub(crate) taken_at: OffsetDateTime,
}

impl Hold {
    /// The event of a step that nobody will settle any more.
    pub(crate) fn presumed(&self, now: OffsetDateTime) -> Settlement {
        Settlement {
            step: self.step,
            target: self.target.clone(),
            outcome: StepOutcome::Presumed,
            reason: None,
            usage: Usage {
                estimated: true,
                ..Usage::default()
            },
            cost: self.amount,
            score: None,
            started_at: Some(self.taken_at),
            latency: Duration::try_from(now - self.taken_at).unwrap_or_default(),
            debit: None,
        }
    }
}

/// What one step really was.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) step: Step,
    pub(crate) target: Target,
    pub(crate) outcome: StepOutcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) usage: Usage,
    pub(crate) cost: NanoUsd,
    pub(crate) score: Option<Score>,
    /// When it began; absent: when it was written down.
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) latency: Duration,
    /// What was taken from a lease for it, if its worst case was not held.
    pub(crate) debit: Option<Debit>,
}

/// A settled step in the books.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) step: Settlement,
    /// Periods that its cost stands in, in order; none for free steps and without a budget.
    pub(crate) periods: Vec<PeriodId>,
}

/// The end of a request.
#[derive(Debug, Clone)]
pub(crate) struct Close {
    pub(crate) outcome: RequestOutcome,
    /// What answered; there exactly when the outcome is an answer.
    pub(crate) answer: Option<Target>,
    /// What the answer would have cost on the baseline model, if that is known.
    pub(crate) baseline: Option<NanoUsd>,
    pub(crate) score: Option<Score>,
    pub(crate) latency: Duration,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Close {
    /// The end of a request that nobody will close any more.
    pub(crate) const fn presumed() -> Self {
        Self {
            outcome: RequestOutcome::Presumed,
            answer: None,
            baseline: None,
            score: None,
            latency: Duration::ZERO,
            tags: BTreeMap::new(),
        }
    }
}
