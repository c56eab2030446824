//! Reserve: sets the worst case of a step aside before it is called, or refuses.
//!
//! One transaction: lock the request, look whether the step is known, take the money. A refusal
//! rolls all of it back, so a request that never got money leaves no row.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::{Failure, NanoUsd, Reason};
use time::OffsetDateTime;

use crate::books::Hold;
use crate::error::Error;
use crate::metrics::{self, Reservation};
use crate::store::requests::{self, Identity};
use crate::store::{Store, Transaction, budgets};

/// How often taking is tried before the refusal stands: the first try of a day finds no period,
/// and between a try and the look at the budget another call may have given money back.
const TRIES: usize = 3;

/// What to set aside, for what.
#[derive(Debug)]
pub(crate) struct Reserve {
    pub(crate) identity: Identity,
    pub(crate) hold: Hold,
}

/// The hold stands.
#[derive(Debug)]
pub(crate) struct Held {
    /// All that the request holds now.
    pub(crate) held: NanoUsd,
    pub(crate) expires_at: OffsetDateTime,
    /// The step was held or settled before; nothing was added.
    pub(crate) repeated: bool,
}

/// Sets the money aside.
pub(crate) async fn reserve(store: &Store, ask: Reserve) -> Result<Held, Failure> {
    let done = store.transact(Arc::new(ask)).await.map_err(Failure::from);
    metrics::reservation(match &done {
        Ok(held) if held.repeated => Reservation::Repeated,
        Ok(_) => Reservation::Held,
        Err(failure) if failure.reason == Reason::BudgetExhausted => Reservation::Exhausted,
        Err(_) => Reservation::Failed,
    });
    done
}

impl Transaction for Reserve {
    type Output = Held;
    const NAME: &'static str = "reserve";

    async fn run(&self, database: &mut PgConnection) -> Result<Held, Error> {
        let request_id = self.identity.request_id;
        let locked = requests::lock_or_begin(database, &self.identity).await?;
        if locked.books.knows(self.hold.step) {
            return Ok(Held {
                held: locked.books.held(),
                expires_at: locked.expires_at,
                repeated: true,
            });
        }
        if locked.books.closed.is_some() {
            return Err(Error::id_used(request_id, "is of a request that has ended"));
        }
        Ok(Held {
            held: locked.books.held().plus(self.hold.amount),
            expires_at: self.take(database).await?,
            repeated: false,
        })
    }
}

impl Reserve {
    /// Takes the money from the budget, or holds without one if there is none.
    async fn take(&self, database: &mut PgConnection) -> Result<OffsetDateTime, Error> {
        let (request_id, ttl_ms) = (self.identity.request_id, self.identity.ttl_ms);
        let mut tries = 0;
        loop {
            tries += 1;
            if let Some(expires_at) =
                budgets::take(database, request_id, &self.hold, ttl_ms).await?
            {
                return Ok(expires_at);
            }
            let Some(budget) = budgets::installation(database).await? else {
                return budgets::hold_freely(database, request_id, &self.hold, ttl_ms).await;
            };
            let fits = budget.standing.has_room_for(self.hold.amount);
            if !fits || tries == TRIES {
                let refusal = budget.standing.refusal(self.hold.amount, budget.now);
                return Err(Error::Refused(refusal));
            }
            if budget.period.is_none() {
                budgets::begin_period(database, &budget).await?;
            }
        }
    }
}
