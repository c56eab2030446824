//! Gateways in front of servers that speak each kind's API: real ones, and stand-ins that other
//! people wrote.
//!
//! The suite in `tests/it` asks all of them the same questions and writes the answers into a table,
//! which the documents show as it is.
#![warn(missing_docs)]

pub mod ask;
pub mod http;
pub mod kind;
pub mod model_server;
pub mod server;

pub use ask::{Answer, Gateway};
pub use kind::Kind;
pub use model_server::ModelServer;
pub use server::Server;
