//! What a month would cost: by a closed form, by simulation, and by replaying the real ledger.
//!
//! Everything here is a pure function: of a scenario and a seed, or of rows of the books and two
//! configs. It reads no file, asks no service and prints nothing; `terrace simulate` does. Money
//! that was spent or drawn is added up in whole nano-USD; an expectation is a real number of them
//! and is rounded once.
#![warn(missing_docs)]

mod break_even;
mod cascade;
mod claims;
mod draws;
mod expected;
mod gpu;
mod interval;
pub mod replay;
mod shipped;
mod simulated;

pub use break_even::{Cheapest, break_even};
pub use cascade::Rates;
pub use claims::{Answer, answer_claim, rate_for};
pub use expected::{Expected, TierExpected, baseline, expected};
pub use interval::{Interval, Share};
pub use shipped::{Shipped, shipped};
pub use simulated::{Draws, Simulated, simulate};

#[cfg(test)]
mod tests;
