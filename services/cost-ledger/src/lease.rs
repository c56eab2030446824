//! Leases: a slice of a hot budget that an orchestrator decides over by itself.
//!
//! `acquire` lends it, `renew` is its sign of life and lets it grow, `give_back` ends it; `lose`
//! ends it when there is no sign of life. What is lent is reserved, so no budget is ever passed.

mod acquire;
mod give_back;
mod lose;
mod renew;

pub(crate) use acquire::{Acquire, Acquired, acquire};
pub(crate) use give_back::{GiveBack, give_back};
pub(crate) use lose::lose_expired;
pub(crate) use renew::{Renew, Renewed, renew};

use std::time::Duration;

use crate::books::PeriodId;
use crate::budget::LeaseTerms;
use crate::commit::Desk;

/// For how long a lease on these periods may be taken from: not past the end of any of them, so
/// that what is called after midnight is paid by the new day.
fn usable(desk: &Desk, terms: LeaseTerms, periods: &[PeriodId]) -> Duration {
    let ends = desk.purses.of(periods).map(|purse| {
        let left = purse.standing.period.end - desk.now;
        Duration::try_from(left).unwrap_or_default()
    });
    ends.fold(terms.usable(), Duration::min)
}
