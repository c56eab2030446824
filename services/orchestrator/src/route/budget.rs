//! What the ledger said of budgets a moment ago.
//!
//! A budget that had no room for a step has none for a dearer one right after it: such a step is
//! not asked for again for a moment. Whenever money comes free here, the ledger is asked anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, ProjectName};
use tokio::time::Instant;

/// How long a refusal holds: others may free money that this orchestrator does not hear of.
const MOMENT: Duration = Duration::from_secs(1);
/// From so many projects on, refusals that have passed are thrown out.
const MANY: usize = 1024;

/// A budget that had no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The least amount that found no room.
    pub amount: NanoUsd,
    /// What the ledger said.
    pub failure: Failure,
}

impl Refusal {
    /// The refusal of a step that may cost `worst_case`, if it is one.
    #[must_use]
    pub fn of(&self, worst_case: NanoUsd) -> Option<&Failure> {
        (!worst_case.is_zero() && worst_case >= self.amount).then_some(&self.failure)
    }
}

/// The last refusals, one a project.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<ProjectName, (Instant, Refusal)>>);

impl Refusals {
    /// Notes that there was no room for `amount`.
    pub fn note(&self, project: &ProjectName, amount: NanoUsd, failure: &Failure) {
        let until = Instant::now() + failure.retry_after.unwrap_or(MOMENT).min(MOMENT);
        let refusal = Refusal {
            amount,
            failure: failure.clone(),
        };
        self.with(|refusals| {
            if refusals.len() >= MANY {
                refusals.retain(|_, (until, _)| *until > Instant::now());
            }
            refusals.insert(project.clone(), (until, refusal));
        });
    }

    /// What was refused a moment ago.
    #[must_use]
    pub fn told(&self, project: &ProjectName) -> Option<Refusal> {
        self.with(|refusals| {
            let (until, refusal) = refusals.get(project)?;
            (*until > Instant::now()).then(|| refusal.clone())
        })
    }

    /// Notes that money has come free.
    pub fn forget(&self, project: &ProjectName) {
        self.with(|refusals| refusals.remove(project));
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<ProjectName, (Instant, Refusal)>) -> T) -> T {
        // Each change is one insertion or removal: a panic leaves none half made.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::Reason;

    fn refused(amount: i64) -> (Refusals, ProjectName) {
        let refusals = Refusals::default();
        let project = ProjectName::new("default").unwrap();
        let failure = Failure::new(Reason::BudgetExhausted, "nothing left")
            .retry_after(Duration::from_hours(3));
        refusals.note(&project, NanoUsd::new(amount), &failure);
        (refusals, project)
    }

    #[tokio::test(start_paused = true)]
    async fn what_costs_as_much_or_more_is_refused_and_what_costs_less_is_not() {
        let (refusals, project) = refused(100);
        let refusal = refusals.told(&project).unwrap();
        assert!(refusal.of(NanoUsd::new(100)).is_some());
        assert!(refusal.of(NanoUsd::new(500)).is_some());
        assert!(refusal.of(NanoUsd::new(99)).is_none());
        assert!(refusal.of(NanoUsd::ZERO).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_for_a_moment_and_no_longer_than_nothing_comes_free() {
        let (refusals, project) = refused(100);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(refusals.told(&project).is_some());
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(refusals.told(&project).is_none());
        let (refusals, project) = refused(100);
        refusals.forget(&project);
        assert!(refusals.told(&project).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn another_projects_budget_is_another_matter() {
        let (refusals, _) = refused(100);
        let other = ProjectName::new("other").unwrap();
        assert!(refusals.told(&other).is_none());
    }
}
