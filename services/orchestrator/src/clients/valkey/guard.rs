//! What keeps a store that fails from costing more than an answer: a breaker, so that a dead one
//! is not asked, a count of every call, and one line in the log when it goes and when it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::RedisResult;
use terrace_domain::{Failure, Reason};
use terrace_resilience::breaker::{Breaker, Policy};

use crate::metrics::{self, StoreCall, StoreResult};

/// When the store is left alone.
const POLICY: Policy = Policy {
    failures: 3,
    open_for: Duration::from_secs(1),
    max_open_for: Duration::from_secs(30),
};

/// Stands between the orchestrator and the store.
#[derive(Debug)]
pub(super) struct Guard {
    /// Where the store is, in words without credentials.
    place: String,
    breaker: Arc<Breaker>,
    is_away: AtomicBool,
}

impl Guard {
    pub(super) fn new(place: String) -> Self {
        Self {
            place,
            breaker: Arc::new(Breaker::new(POLICY)),
            is_away: AtomicBool::new(false),
        }
    }

    /// Makes a call, unless the store is to be left alone.
    pub(super) async fn call<T>(
        &self,
        call: StoreCall,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Failure> {
        let Ok(permit) = self.breaker.permit() else {
            metrics::store(call, StoreResult::NotAsked);
            return Err(self.away("it is left alone for a moment after failures in a row"));
        };
        match work.await {
            Ok(value) => {
                permit.success();
                metrics::store(call, StoreResult::Done);
                if self.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!(store.place = self.place, "the shared cache is back");
                }
                Ok(value)
            }
            Err(error) => {
                permit.failure();
                let late = error.is_timeout();
                let result = if late {
                    StoreResult::Late
                } else {
                    StoreResult::Failed
                };
                metrics::store(call, result);
                if !self.is_away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(store.place = self.place, %error, "the shared cache is away: requests are answered without it");
                }
                Err(self.away(&error.to_string()))
            }
        }
    }

    /// Counts an answer that was found and cannot be read.
    pub(super) fn unreadable(&self) {
        metrics::store(StoreCall::Get, StoreResult::Unreadable);
    }

    fn away(&self, why: &str) -> Failure {
        let message = format!(
            "the shared cache at {} cannot be used, so nothing was thrown out of it: {why}",
            self.place
        );
        Failure::new(Reason::ServiceUnavailable, message).retry_after(POLICY.open_for)
    }
}
