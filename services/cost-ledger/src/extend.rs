//! Extend: raises the hold of a step whose worst case has grown, or moves the expiry of a request
//! that takes longer than it was given.
//!
//! The new amount is the step's whole hold, not what is added, so a repeated call changes nothing.
//! The difference comes from the periods that the hold was taken from, also after midnight.

use terrace_domain::{Failure, NanoUsd, Reason, RequestId, Step};
use time::OffsetDateTime;

use crate::commit::{Commits, Desk, Write};

/// What is to last longer.
#[derive(Debug)]
pub(crate) struct Extend {
    pub(crate) request_id: RequestId,
    /// The step whose hold grows, and the hold's new amount; absent to move the expiry alone.
    pub(crate) raise: Option<(Step, NanoUsd)>,
    /// New time to live from now; never shorter than the one before.
    pub(crate) ttl_ms: i64,
}

/// The hold as it is now.
#[derive(Debug)]
pub(crate) struct Extended {
    /// All that the request holds now.
    pub(crate) held: NanoUsd,
    pub(crate) expires_at: OffsetDateTime,
}

/// Raises the hold and moves the expiry.
pub(crate) async fn extend(commits: &Commits, ask: Extend) -> Result<Extended, Failure> {
    commits.write(ask).await
}

impl Write for Extend {
    type Output = Extended;

    fn request_id(&self) -> RequestId {
        self.request_id
    }

    fn decide(&self, desk: &mut Desk) -> Result<Extended, Failure> {
        let page = desk.find(self.request_id);
        let open = page.filter(|page| page.books.closed.is_none());
        let page = open.ok_or_else(|| self.not_found("is not open: there is nothing to extend"))?;
        let mut held = page.books.held();
        if let Some((step, amount)) = self.raise {
            let entries = page.books.raise(step, amount);
            let entries = entries.ok_or_else(|| {
                self.not_found(&format!(
                    "has no open hold for the step {step}: reserve it first"
                ))
            })?;
            let before = page
                .books
                .hold(step)
                .map_or(NanoUsd::ZERO, |hold| hold.amount);
            let more = amount.minus(before);
            if more > NanoUsd::ZERO {
                let periods: Vec<_> = entries.periods.keys().copied().collect();
                desk.purses.admit(&periods, more)?;
                held = held.plus(more);
            }
            desk.enter(self.request_id, &entries);
        }
        Ok(Extended {
            held,
            expires_at: desk.keep_alive(self.request_id, self.ttl_ms),
        })
    }
}

impl Extend {
    fn not_found(&self, why: &str) -> Failure {
        let message = format!("the request {} {why}", self.request_id);
        Failure::new(Reason::NotFound, message)
    }
}
