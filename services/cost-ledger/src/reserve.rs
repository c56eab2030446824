//! Reserve: sets the worst case of a step aside before it is called, or refuses.
//!
//! The money comes from every budget above the request at once or from none. A refusal enters
//! nothing, so a request that never got money leaves no row.

use std::time::Duration;

use terrace_domain::{BudgetName, Failure, NanoUsd, Reason, RequestId};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::books::{Entries, Hold, Identity};
use crate::commit::{Commits, Desk, Page, Write, id_used};
use crate::metrics::{self, Reservation};

/// Between two tries while leases come back.
const PAUSE: Duration = Duration::from_millis(100);

/// What to set aside, for what.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    pub(crate) identity: Identity,
    pub(crate) hold: Hold,
}

/// What came of one try.
#[derive(Debug)]
pub(crate) enum Reserved {
    /// The hold stands.
    Held(Held),
    /// Refused, and what is lent was asked back.
    Recalling(Failure),
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

/// Sets the money aside. Where some of a budget is lent and only for that there is no room, it is
/// asked back, and waited for as long as `patience`.
pub(crate) async fn reserve(
    commits: &Commits,
    ask: Reserve,
    patience: Duration,
) -> Result<Held, Failure> {
    let give_up = Instant::now() + patience;
    loop {
        match commits.write(ask.clone()).await? {
            Reserved::Held(held) => return Ok(held),
            Reserved::Recalling(refusal) if Instant::now() + PAUSE > give_up => {
                metrics::reservation(Reservation::Exhausted);
                return Err(refusal);
            }
            Reserved::Recalling(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

impl Write for Reserve {
    type Output = Reserved;

    fn request_id(&self) -> RequestId {
        self.identity.request_id
    }

    fn budgets(&self, _page: Option<&Page>) -> Vec<BudgetName> {
        self.identity.budgets()
    }

    fn decide(&self, desk: &mut Desk) -> Result<Reserved, Failure> {
        let request_id = self.identity.request_id;
        let page = desk.open(&self.identity)?;
        if page.books.knows(self.hold.step) {
            return Ok(Reserved::Held(Held {
                held: page.books.held(),
                expires_at: page.expires_at,
                repeated: true,
            }));
        }
        if page.books.closed.is_some() {
            return Err(id_used(request_id, "is of a request that has ended"));
        }
        let held = page.books.held().plus(self.hold.amount);
        let periods = desk.purses.at_hand(&self.identity.budgets());
        if let Err(refusal) = desk.purses.admit(&periods, self.hold.amount) {
            return match desk.purses.are_recalling(&periods) {
                true => Ok(Reserved::Recalling(refusal)),
                false => Err(refusal),
            };
        }
        let hold = Hold {
            periods,
            taken_at: desk.now,
            ..self.hold.clone()
        };
        desk.enter(request_id, &Entries::hold(hold));
        Ok(Reserved::Held(Held {
            held,
            expires_at: desk.keep_alive(request_id, self.identity.ttl_ms),
            repeated: false,
        }))
    }

    fn tell(&self, done: &Result<Reserved, Failure>) {
        metrics::reservation(match done {
            Ok(Reserved::Held(held)) if held.repeated => Reservation::Repeated,
            Ok(Reserved::Held(_)) => Reservation::Held,
            // Counted when it is over.
            Ok(Reserved::Recalling(_)) => return,
            Err(failure) if failure.reason == Reason::BudgetExhausted => Reservation::Exhausted,
            Err(_) => Reservation::Failed,
        });
    }
}
