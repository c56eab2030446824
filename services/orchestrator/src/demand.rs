//! How much is wanted of each gateway, as seen by whoever calls it: what to scale gateways by.
//!
//! A gateway at zero replicas measures nothing, so its callers do. Demand is what is in flight to it
//! (waiting in its queue, or for a first replica, included) and what was turned away a moment ago:
//! a refused call is over at once, and would else never be seen by anybody who looks now and then.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use terrace_domain::{BackendName, Failure, Reason};
use terrace_telemetry::metrics::Observed;
use tokio::time::Instant;

/// How long a call that was turned away counts as wanted.
const REMEMBERED: Duration = Duration::from_secs(15);
/// Refusals that are kept: beyond these the number says "very much" all the same.
const MOST_REFUSALS: usize = 10_000;

static DEMAND: LazyLock<Observed> = LazyLock::new(|| {
    Observed::new(
        "terrace.gateway.demand",
        "Calls in flight to a gateway, and those turned away lately.",
        "backend",
    )
});

/// What is wanted of one gateway. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Demand(Arc<Wanted>);

#[derive(Debug, Default)]
struct Wanted {
    in_flight: AtomicU64,
    refused: Mutex<VecDeque<Instant>>,
}

/// A call that is wanted until this is dropped.
#[derive(Debug)]
pub struct InFlight(Demand);

impl Demand {
    /// What is wanted of the gateway of `backend`, shown as `terrace_gateway_demand` from now on.
    #[must_use]
    pub fn of(backend: &BackendName) -> Self {
        let demand = Self::default();
        // The metric outlives whoever counts, and then has nothing to show.
        let counted = Arc::downgrade(&demand.0);
        DEMAND.watch(backend.to_string(), move || Some(counted.upgrade()?.now()));
        demand
    }

    /// A call begins.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// A call has failed; counts where that was for want of room.
    pub fn failed(&self, failure: &Failure) {
        if matches!(
            failure.reason,
            Reason::Overloaded | Reason::ServiceUnavailable
        ) {
            self.refused();
        }
    }

    /// A call was turned away.
    pub fn refused(&self) {
        let mut refused = self.0.lock();
        if refused.len() < MOST_REFUSALS {
            refused.push_back(Instant::now());
        }
    }

    /// How many calls are wanted now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.now()
    }
}

impl Wanted {
    fn now(&self) -> u64 {
        let mut refused = self.lock();
        while refused
            .front()
            .is_some_and(|when| when.elapsed() >= REMEMBERED)
        {
            refused.pop_front();
        }
        let refused = u64::try_from(refused.len()).unwrap_or(u64::MAX);
        self.in_flight
            .load(Ordering::Relaxed)
            .saturating_add(refused)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Instant>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_telemetry::metrics::render;

    #[tokio::test(start_paused = true)]
    async fn what_is_in_flight_counts_and_what_was_turned_away_counts_for_a_while() {
        let demand = Demand::default();
        let call = demand.begin();
        demand.failed(&Failure::new(Reason::Overloaded, "full"));
        demand.failed(&Failure::new(Reason::BackendRejected, "wrong"));
        assert_eq!(demand.now(), 2);
        drop(call);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(demand.now(), 0);
    }

    #[tokio::test]
    async fn it_is_shown_by_backend_from_the_start() {
        let backend = BackendName::new("shown-by-demand").unwrap();
        let demand = Demand::of(&backend);
        let line = |number: u8| format!("terrace_gateway_demand{{backend=\"{backend}\"}} {number}");
        assert!(render().contains(&line(0)), "{}", render());
        let _call = demand.begin();
        assert!(render().contains(&line(1)), "{}", render());
    }
}
