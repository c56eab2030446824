//! Test doubles that are real servers, because a fake behind a trait hides what a wire does.
//!
//! A model server that follows a script (and can be slow, wrong or dead on request), a collector
//! of exported spans, fresh PostgreSQL databases, a PostgreSQL that can be killed, a part of a
//! Valkey, a wire that can be cut, a name service, an authority that signs certificates, and child
//! processes whose output can be awaited.
//! Each server runs on a runtime of its own, so that it outlives, and can be killed apart from,
//! the code under test. Nothing here is used in production.
//!
//! What a test kit cannot set up is a test that cannot run: its constructors panic with what to
//! do about it instead of returning an error that every test would unwrap.
#![warn(missing_docs)]

pub mod cache;
pub mod certificates;
pub mod clock;
mod host;
pub mod names;
pub mod otlp;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod relay;

pub use cache::TestCache;
pub use names::{NameService, Says};
pub use otlp::Collector;
pub use postgres::{PostgresServer, Session, TestDatabase};
pub use process::Process;
pub use provider::{Provider, Script};
pub use relay::{Relay, Wire};
