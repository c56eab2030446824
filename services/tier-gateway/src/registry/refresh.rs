//! Keeps the picture of the backend fresh in the background.
//!
//! Every so often while the backend answers; soon again while it does not, and soon after a call
//! that it let down, so that a backend that comes back is used within seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Registry;
use crate::endpoints::Endpoints;

/// When to look again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// While the backend answers.
    pub(crate) every: Duration,
    /// After it did not.
    pub(crate) soon: Duration,
}

impl Registry {
    /// Asks the backend what it has, at the address that calls would go to and, while that does not
    /// answer, at the others. `true` if one answered, or none can be asked.
    ///
    /// It also tells whether an address works that was left out, at no cost.
    pub(crate) async fn look(&self, endpoints: &Endpoints) -> bool {
        if self.keys.missing().is_some() {
            return true;
        }
        let mut tried = Vec::new();
        while let Some(mut lease) = endpoints.pick(&tried) {
            let picture = self.ask(lease.provider()).await;
            let fault = picture.fault();
            lease.tell(fault);
            tried.push(lease.index());
            let answered = fault.is_none();
            if answered || tried.len() >= endpoints.len() {
                self.hang(picture);
                return answered;
            }
        }
        false
    }

    /// Refreshes for as long as it is polled; `answered` says how the last look went.
    pub(crate) async fn keep_fresh(
        &self,
        endpoints: Arc<Endpoints>,
        pace: Pace,
        mut answered: bool,
    ) {
        loop {
            if answered {
                if timeout(pace.every, self.nudge.notified()).await.is_ok() {
                    // A backend that just broke gets a moment, and many failures one look.
                    tokio::time::sleep(pace.soon.min(Duration::from_millis(200))).await;
                }
            } else {
                tokio::time::sleep(pace.soon).await;
            }
            answered = self.look(&endpoints).await;
        }
    }
}
