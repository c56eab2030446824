//! OpenAI's API.

pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod error;
mod format;
mod logprobs;
pub(crate) mod responses;
mod tools;
mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
