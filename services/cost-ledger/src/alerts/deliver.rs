//! Sends alerts to the webhook until they arrive.
//!
//! Any number of ledgers may do this at once: an alert that is due is claimed in the database by
//! one of them, and is due again when its sending failed or its sender died.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use terrace_resilience::Backoff;

use super::{LOOK, Raised, Webhook};
use crate::error::Error;
use crate::metrics;
use crate::store::{Store, Transaction, alerts};

/// The longest wait before the second message, and before any later one.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What is added to the time that a message may take before others may claim it.
const MARGIN: Duration = Duration::from_secs(30);

/// Sends alerts for as long as the process lives.
pub(crate) async fn run(store: Store, webhook: Webhook) {
    loop {
        let claim = Claim {
            claim: webhook.timeout() + MARGIN,
            give_up_after: webhook.give_up_after,
        };
        // A failure was logged where it became one; the next look tries again.
        let due = store.transact(Arc::new(claim)).await.unwrap_or_default();
        if due.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        let sending = due.iter().map(|alert| deliver(&store, &webhook, alert));
        futures::future::join_all(sending).await;
    }
}

async fn deliver(store: &Store, webhook: &Webhook, alert: &Raised) {
    let sent = webhook.send(alert).await;
    metrics::webhook(sent.is_ok());
    let again_in = sent.err().map(|why| {
        let wait = wait_after(alert.attempts);
        tracing::warn!(
            alert.id = alert.alert_id, alert.attempts = alert.attempts, %why, ?wait,
            "alert not delivered, sending it again"
        );
        wait
    });
    let sent = Sent {
        alert_id: alert.alert_id,
        again_in,
    };
    if store.transact(Arc::new(sent)).await.is_err() {
        tracing::warn!(alert.id = alert.alert_id, "alert may be sent twice");
    }
}

/// The wait before the next message, when so many did not arrive.
fn wait_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let limit = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    // Half of it for certain, so that no receiver is hammered, and half of it by chance.
    limit / 2 + Backoff::new(limit / 2, LONGEST_WAIT).next_wait()
}

struct Claim {
    claim: Duration,
    give_up_after: Duration,
}

impl Transaction for Claim {
    type Output = Vec<Raised>;
    const NAME: &'static str = "claim alerts";

    async fn run(&self, database: &mut PgConnection) -> Result<Vec<Raised>, Error> {
        alerts::claim(database, self.claim, self.give_up_after).await
    }
}

struct Sent {
    alert_id: i64,
    again_in: Option<Duration>,
}

impl Transaction for Sent {
    type Output = ();
    const NAME: &'static str = "write down that an alert was sent";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        alerts::sent(database, self.alert_id, self.again_in).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_the_longest() {
        for (attempts, least, most) in [(1, 1, 2), (2, 2, 4), (4, 8, 16), (50, 150, 300)] {
            let wait = wait_after(attempts);
            assert!(wait >= Duration::from_secs(least), "{attempts}: {wait:?}");
            assert!(wait <= Duration::from_secs(most), "{attempts}: {wait:?}");
        }
    }
}
