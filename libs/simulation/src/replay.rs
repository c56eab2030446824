//! The real ledger under another config: what it would have cost, and what quality it would have
//! kept.
//!
//! A request is replayed from its own rows alone. Where the other config would have taken an answer
//! that was rejected, or begun at a tier that was reached later, the rows say what follows. Where
//! it would have called what was never called, nothing is known of the answer: such a request is
//! not covered, its cost is estimated with the same tokens, and its quality is left open.

mod decide;
mod measured;
mod request;
mod sums;

pub use decide::{Change, Fate};
pub use measured::{Measured, Rate};
pub use request::{Ended, Request, Row};
pub use sums::{Figures, Replay, Replayed};

#[cfg(test)]
mod tests;
