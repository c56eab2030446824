//! When something that keeps failing is left alone.
//!
//! ```text
//!            failures in a row              time is up, one asks
//!   Closed ─────────────────────▶ Open ─────────────────────▶ Probing
//!      ▲                            ▲                             │
//!      │                            └──────── it failed ──────────┤
//!      └───────────────────── it went well ───────────────────────┘
//! ```
//!
//! One call at a time probes; the others are refused until it has told that it has begun well, or
//! how it went. A probe that is dropped without a word (its caller left) lets the next one probe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through; so many in a row have failed.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Calls are refused.
    Open {
        /// When one may probe.
        until: Instant,
        /// How long it is open this time.
        lasting: Duration,
    },
    /// One call tries whether it works again.
    Probing {
        /// How long it was open before.
        lasting: Duration,
    },
}

/// When to open, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it is open the first time; doubles with each failed probe.
    pub open_for: Duration,
    /// The longest that it is open.
    pub max_open_for: Duration,
}

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Success,
    Failure,
    /// Nothing can be said: its caller left.
    Untold,
}

impl State {
    /// The state after a call that was let through in `Closed` or as a probe.
    fn after(self, event: Event, policy: &Policy, now: Instant) -> Self {
        let open = |lasting: Duration| Self::Open {
            until: now + lasting,
            lasting,
        };
        match (self, event) {
            (Self::Closed { .. }, Event::Success) => Self::Closed { failures: 0 },
            (Self::Closed { failures }, Event::Failure) if failures + 1 >= policy.failures => {
                open(policy.open_for.min(policy.max_open_for))
            }
            (Self::Closed { failures }, Event::Failure) => Self::Closed {
                failures: failures + 1,
            },
            (Self::Probing { .. }, Event::Success) => Self::Closed { failures: 0 },
            (Self::Probing { lasting }, Event::Failure) => {
                open(lasting.saturating_mul(2).min(policy.max_open_for))
            }
            (Self::Probing { lasting }, Event::Untold) => Self::Open {
                until: now,
                lasting,
            },
            // Late news of calls from before it opened.
            (state @ (Self::Open { .. } | Self::Closed { .. }), _) => state,
        }
    }
}

/// A circuit breaker; clones of one `Arc` guard one thing.
#[derive(Debug)]
pub struct Breaker {
    policy: Policy,
    state: Mutex<State>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        *self.lock()
    }

    /// How long calls are still refused; `None` if one would be let through now.
    #[must_use]
    pub fn refuses_for(&self) -> Option<Duration> {
        match self.state() {
            State::Closed { .. } => None,
            State::Open { until, .. } => {
                let left = until.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(left)
            }
            State::Probing { lasting } => Some(lasting.min(self.policy.open_for)),
        }
    }

    /// Lets a call through, or says how long to stay away.
    ///
    /// # Errors
    /// It is open, or somebody else probes.
    pub fn permit(self: &Arc<Self>) -> Result<Permit, Duration> {
        if let Some(left) = self.refuses_for() {
            return Err(left);
        }
        let mut state = self.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { lasting, .. } => {
                *state = State::Probing { lasting };
                true
            }
            // Somebody was faster between the two looks.
            State::Probing { lasting } => return Err(lasting.min(self.policy.open_for)),
        };
        drop(state);
        Ok(Permit {
            breaker: Arc::clone(self),
            is_probe,
            told: false,
        })
    }

    fn tell(&self, event: Event, is_probe: bool) {
        let mut state = self.lock();
        // A call from before it opened has no say in how a probe went.
        if is_probe == matches!(*state, State::Probing { .. }) {
            *state = state.after(event, &self.policy, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one call, which is to tell how it went.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once tells nothing"]
pub struct Permit {
    breaker: Arc<Breaker>,
    is_probe: bool,
    told: bool,
}

impl Permit {
    /// It went well.
    pub fn success(mut self) {
        self.tell(Event::Success);
    }

    /// It failed.
    pub fn failure(mut self) {
        self.tell(Event::Failure);
    }

    /// It has begun well: a probe that takes long need not hold up the others until its end, which
    /// it still tells.
    pub fn begun(&mut self) {
        if self.is_probe {
            self.breaker.tell(Event::Success, true);
            self.is_probe = false;
        }
    }

    fn tell(&mut self, event: Event) {
        self.told = true;
        self.breaker.tell(event, self.is_probe);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Event::Untold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        failures: 3,
        open_for: Duration::from_secs(1),
        max_open_for: Duration::from_secs(3),
    };

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(POLICY))
    }

    fn fail(breaker: &Arc<Breaker>, times: usize) {
        for _ in 0..times {
            breaker.permit().unwrap().failure();
        }
    }

    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_good_probe_closes_it() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.permit().unwrap().success();
        fail(&breaker, 3);
        assert_eq!(breaker.permit().unwrap_err(), Duration::from_secs(1));
        pass(Duration::from_secs(1)).await;
        let probe = breaker.permit().unwrap();
        assert!(breaker.permit().is_err(), "one probes, the others wait");
        probe.success();
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn each_failed_probe_doubles_the_wait_up_to_the_longest() {
        let breaker = breaker();
        fail(&breaker, 3);
        for expected in [1, 2, 3, 3] {
            let left = breaker.permit().unwrap_err();
            assert_eq!(left, Duration::from_secs(expected));
            pass(left).await;
            breaker.permit().unwrap().failure();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_left_lets_the_next_one_probe() {
        let breaker = breaker();
        fail(&breaker, 3);
        pass(Duration::from_secs(1)).await;
        drop(breaker.permit().unwrap());
        breaker.permit().unwrap().success();
        assert!(breaker.permit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_begins_well_closes_it_and_its_end_still_counts() {
        let breaker = breaker();
        fail(&breaker, 3);
        pass(Duration::from_secs(1)).await;
        let mut probe = breaker.permit().unwrap();
        probe.begun();
        breaker.permit().unwrap().success();
        probe.failure();
        assert_eq!(breaker.state(), State::Closed { failures: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn news_from_before_it_opened_change_nothing() {
        let breaker = breaker();
        let late: Vec<_> = (0..5).map(|_| breaker.permit().unwrap()).collect();
        fail(&breaker, 3);
        let open = breaker.state();
        for (index, permit) in late.into_iter().enumerate() {
            if index % 2 == 0 {
                permit.success();
            } else {
                permit.failure();
            }
        }
        assert_eq!(breaker.state(), open);
    }
}
