//! gRPC between the parts of Terrace: links, servers, deadlines, and one way to fail.
//!
//! A caller holds a [`Link`], which is either a network channel or the callee itself in the same
//! process; generated clients cannot tell. A callee is a [`Stack`]: its services inside layers
//! that trace, count, limit and end calls, the same ones for both kinds of link. Within the process
//! the methods that every request needs can be called without bytes, see [`direct`]. What went wrong
//! travels as one [`terrace_domain::Failure`], see [`status`]. Nothing here knows what the
//! services do.
#![warn(missing_docs)]

mod body;
pub mod deadline;
pub mod direct;
mod drain;
mod layer;
mod limit;
pub mod link;
mod metrics;
mod panic;
pub mod process;
mod reject;
pub mod server;
pub mod status;
pub mod tls;
mod trace;

pub use deadline::Deadline;
pub use link::{Link, Network};
pub use server::{Bound, Limits, ServerSettings, Services, Stack};
