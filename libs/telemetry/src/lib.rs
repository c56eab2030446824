//! Logs, traces and metrics: start them, carry them over a hop, name them, flush them.
//!
//! A process calls [`init()`] once and keeps the [`Guard`] until its last request has ended.
//! Everything else here works without it (then spans go nowhere), so libraries and tests need
//! no set-up. Prompts, answers and keys never belong into a span, a log line or a label.
#![warn(missing_docs)]

pub mod capture;
pub mod fields;
pub mod guard;
pub mod init;
pub mod metrics;
pub mod propagate;
pub mod seen;
mod traced;

pub use guard::Guard;
pub use init::{Error, LogFormat, Settings, init};
