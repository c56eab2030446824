//! A server: its services inside the layers, and the sockets it is asked on.
//!
//! [`Stack`] is what answers calls, whether they come from a socket or from the same process.
//! [`bind`] opens the sockets and [`Bound::serve`] answers on them until shutdown; they are two
//! steps so that a test can bind port 0 and ask for the address in between.

mod announce;
mod health;
mod listen;
mod services;
mod settings;
mod stack;

pub use announce::{announce, announced};
pub use health::Health;
pub use listen::{BindError, Bound, ServeError, bind};
pub use services::{InvalidDescriptors, Services};
pub use settings::{Limits, MAX_MESSAGE_BYTES, ServerSettings};
pub use stack::Stack;
