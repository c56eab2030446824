//! Settle: writes down what steps really were, and closes the request if told so.
//!
//! Nothing that was spent is refused: a cost above its hold, a step that was never held and a
//! step of a request that is closed already are booked like any other, with a line in the log.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::{Failure, NanoUsd};
use terrace_telemetry::fields;

use crate::books::{Close, Entries, Settlement};
use crate::error::Error;
use crate::metrics;
use crate::store::requests::{self, Identity};
use crate::store::{Store, Transaction, budgets, entries};

/// What steps were, and how the request ended if it has.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) identity: Identity,
    pub(crate) steps: Vec<Settlement>,
    pub(crate) close: Option<Close>,
}

/// The settlement is durable.
#[derive(Debug)]
pub(crate) struct Settled {
    /// All that the request still holds.
    pub(crate) held: NanoUsd,
    /// All that it has cost so far.
    pub(crate) cost: NanoUsd,
    written: Entries,
    alerted: bool,
}

/// Settles the steps and closes the request.
pub(crate) async fn settle(store: &Store, ask: Settle) -> Result<Settled, Failure> {
    let ask = Arc::new(ask);
    let settled = store.transact(Arc::clone(&ask)).await?;
    metrics::booked(&settled.written);
    tell(&ask, &settled);
    Ok(settled)
}

impl Transaction for Settle {
    type Output = Settled;
    const NAME: &'static str = "settle";

    async fn run(&self, database: &mut PgConnection) -> Result<Settled, Error> {
        let request_id = self.identity.request_id;
        let books = requests::lock_or_begin(database, &self.identity)
            .await?
            .books;
        let at_hand = if books.needs_period(&self.steps) {
            budgets::period_at_hand(database).await?
        } else {
            None
        };
        let mut written = books.settle(&self.steps, at_hand);
        if let Some(close) = &self.close {
            books.close(close.clone(), &mut written);
        } else {
            requests::keep_alive(database, request_id).await?;
        }
        let alerted = entries::write(database, request_id, &written).await?;
        Ok(Settled {
            held: books.held().minus(written.freed),
            cost: books.cost().plus(written.added_cost),
            written,
            alerted,
        })
    }
}

/// Logs what an operator should hear of.
fn tell(ask: &Settle, settled: &Settled) {
    let request_id = ask.identity.request_id;
    for (step, held, cost) in &settled.written.above_hold {
        tracing::warn!(
            { fields::REQUEST_ID } = %request_id, { fields::STEP } = %step,
            hold.nano_usd = held.get(), { fields::COST } = cost.get(),
            "step cost more than was held for it"
        );
    }
    if settled.written.after_close {
        tracing::warn!({ fields::REQUEST_ID } = %request_id, "step settled after the close");
    }
    if settled.alerted {
        metrics::alert();
    }
}
