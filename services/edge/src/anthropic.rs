//! Anthropic's API: messages, whole and as a stream, and the count of their tokens.

mod blocks;
mod count;
pub(crate) mod error;
pub(crate) mod messages;

pub(crate) use count::count;
