//! What is learned from outcomes and how good it is: `terrace train` and `terrace eval`.
//!
//! Both read files of [`outcomes`] and call no server. Everything random has a seed, so that the
//! same files give the same weights to the last byte and the same table to the last digit.

mod consensus;
pub(crate) mod eval;
mod judge;
mod outcomes;
mod report;
mod rows;
mod splits;
mod svg;
pub(crate) mod train;

use std::path::Path;

use terrace_domain::{Failure, Reason};

/// A failure that the files or flags of the caller are the reason for.
fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(Reason::InvalidRequest, message)
}

/// What to say of a file that cannot be written.
fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    invalid(format!("{} cannot be written: {error}", path.display()))
}
