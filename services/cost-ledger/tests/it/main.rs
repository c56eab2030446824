//! The ledger from outside: calls over an in-process link, rows on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod alerted;
mod bodies;
mod budgets;
mod concurrent;
mod dimensions;
mod durable;
mod exported;
mod extended;
mod grouped;
mod history;
mod interleaved;
mod keyed;
mod leased;
mod lent_and_held;
mod listed;
mod orphans;
mod outright;
mod payers;
mod refused;
mod rounds;
mod sandbox;
mod set_by_call;
mod settled;
mod spooled;
mod start;
mod summed_up;
mod turn_of_the_hour;
mod upgraded;
mod verified;
