//! Conversions between wire and domain, for what several services need.
//!
//! Into the domain a conversion can fail, and then says which field is wrong and why; onto the
//! wire it never does.

mod chat;
mod model;
mod time;

pub use chat::{PromptSize, TextOf, text_message, text_of, text_of_parts};
pub use model::InvalidModel;
pub use time::{duration, timestamp, wire_duration, wire_timestamp};
