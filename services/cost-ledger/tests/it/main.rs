//! The ledger from outside: calls over an in-process link, rows on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod budgets;
mod concurrent;
mod interleaved;
mod orphans;
mod refused;
mod sandbox;
mod settled;
mod start;
mod summed_up;
