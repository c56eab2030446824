//! Reserve: sets the worst case of a step aside before it is called, or refuses.
//!
//! The money comes from every budget above the request at once or from none. A refusal enters
//! nothing, so a request that never got money leaves no row.

use terrace_domain::{BudgetName, Failure, NanoUsd, Reason, RequestId};
use time::OffsetDateTime;

use crate::books::{Entries, Hold, Identity};
use crate::commit::{Commits, Desk, Page, Write, id_used};
use crate::metrics::{self, Reservation};

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
pub(crate) async fn reserve(commits: &Commits, ask: Reserve) -> Result<Held, Failure> {
    commits.write(ask).await
}

impl Write for Reserve {
    type Output = Held;

    fn request_id(&self) -> RequestId {
        self.identity.request_id
    }

    fn budgets(&self, _page: Option<&Page>) -> Vec<BudgetName> {
        self.identity.budgets()
    }

    fn decide(&self, desk: &mut Desk) -> Result<Held, Failure> {
        let request_id = self.identity.request_id;
        let page = desk.open(&self.identity)?;
        if page.books.knows(self.hold.step) {
            return Ok(Held {
                held: page.books.held(),
                expires_at: page.expires_at,
                repeated: true,
            });
        }
        if page.books.closed.is_some() {
            return Err(id_used(request_id, "is of a request that has ended"));
        }
        let held = page.books.held().plus(self.hold.amount);
        let periods = desk.purses.at_hand(&self.identity.budgets());
        desk.purses.admit(&periods, self.hold.amount)?;
        let hold = Hold {
            periods,
            taken_at: desk.now,
            ..self.hold.clone()
        };
        desk.enter(request_id, &Entries::hold(hold));
        Ok(Held {
            held,
            expires_at: desk.keep_alive(request_id, self.identity.ttl_ms),
            repeated: false,
        })
    }

    fn tell(&self, done: &Result<Held, Failure>) {
        metrics::reservation(match done {
            Ok(held) if held.repeated => Reservation::Repeated,
            Ok(_) => Reservation::Held,
            Err(failure) if failure.reason == Reason::BudgetExhausted => Reservation::Exhausted,
            Err(_) => Reservation::Failed,
        });
    }
}
