//! When to try again, and when not to.
//!
//! Three small machines that know nothing of what they guard: how long to wait before the next
//! try, how many tries a backend in trouble is given, and when it is left alone for a while. They
//! read tokio's clock, so that tests can stop it, and spawn nothing.
#![warn(missing_docs)]

pub mod backoff;
pub mod breaker;
pub mod retry_budget;

pub use backoff::Backoff;
pub use breaker::{Breaker, Permit, State};
pub use retry_budget::RetryBudget;
