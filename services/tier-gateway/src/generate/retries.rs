//! Whether a call that the backend refused is made again, and when.
//!
//! Only what cannot have cost anything is, and never once an answer has begun: the caller would
//! get two. The waits end before the caller's deadline, and all calls of a backend share a budget.

use std::time::Duration;

use terrace_config::{Backend, Retry};
use terrace_resilience::{Backoff, RetryBudget};
use tokio::time::Instant;

use crate::error::Fault;

/// What all calls of one backend share.
pub(crate) struct RetryPolicy {
    limits: Retry,
    budget: RetryBudget,
}

impl RetryPolicy {
    pub(crate) fn new(backend: &Backend) -> Self {
        Self {
            limits: backend.retry,
            budget: RetryBudget::new(backend.retry.budget),
        }
    }

    /// Begins a call.
    pub(crate) fn begin(&self, deadline: Instant) -> Retries<'_> {
        self.budget.note_call();
        let Retry {
            initial_backoff,
            max_backoff,
            ..
        } = self.limits;
        Retries {
            policy: self,
            backoff: Backoff::new(initial_backoff, max_backoff),
            made: 1,
            deadline,
        }
    }
}

/// The tries of one call.
pub(crate) struct Retries<'a> {
    policy: &'a RetryPolicy,
    backoff: Backoff,
    /// Calls made so far.
    made: u32,
    deadline: Instant,
}

impl Retries<'_> {
    /// How long to wait before the next try; `None` if there is to be none.
    ///
    /// `elsewhere` says that there is another address or key, which needs no wait.
    pub(crate) fn next_wait(&mut self, fault: &Fault, elsewhere: bool) -> Option<Duration> {
        let worth = elsewhere || fault.is_passing();
        if !worth || fault.may_have_cost() || self.made >= self.policy.limits.max_attempts {
            return None;
        }
        let wait = if elsewhere {
            Duration::ZERO
        } else {
            self.backoff
                .next_wait()
                .max(fault.retry_after().unwrap_or_default())
        };
        let in_time =
            wait <= self.policy.limits.max_backoff && Instant::now() + wait < self.deadline;
        if !in_time || !self.policy.budget.take() {
            return None;
        }
        self.made += 1;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::for_testing::settings;
    use terrace_config::BackendKind;

    const UNAVAILABLE: Fault = Fault::Failed {
        status: Some(503),
        retry_after: None,
    };

    fn policy() -> RetryPolicy {
        RetryPolicy::new(&settings(BackendKind::OpenAi, &["m"]).backend)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn limited(seconds: u64) -> Fault {
        let retry_after = Some(Duration::from_secs(seconds));
        Fault::RateLimited { retry_after }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_made_three_times_at_most() {
        let policy = policy();
        let mut retries = policy.begin(soon());
        assert!(retries.next_wait(&UNAVAILABLE, false).is_some());
        assert!(retries.next_wait(&UNAVAILABLE, false).is_some());
        assert_eq!(retries.next_wait(&UNAVAILABLE, false), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_backend_asks_for_is_waited_for_if_there_is_time() {
        let policy = policy();
        let wait = policy.begin(soon()).next_wait(&limited(4), false);
        assert_eq!(wait, Some(Duration::from_secs(4)));
        let brief = Instant::now() + Duration::from_secs(3);
        assert_eq!(policy.begin(brief).next_wait(&limited(4), false), None);
        assert_eq!(policy.begin(soon()).next_wait(&limited(40), false), None);
        let elsewhere = policy.begin(soon()).next_wait(&limited(40), true);
        assert_eq!(elsewhere, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_cost_or_cannot_change_is_not_made_again() {
        let policy = policy();
        let inside = Fault::Failed {
            status: None,
            retry_after: None,
        };
        for fault in [
            Fault::Closed,
            Fault::Broken,
            inside,
            Fault::Rejected { status: 400 },
        ] {
            assert_eq!(
                policy.begin(soon()).next_wait(&fault, false),
                None,
                "{fault}"
            );
        }
    }
}
