//! What the judge learns from answers, and how well it tells right ones from wrong ones.

mod answers;
pub(super) mod eval;
mod report;
pub(super) mod set;
pub(super) mod train;
