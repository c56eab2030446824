//! TLS between the parts of Terrace, and for those who come in from outside.
//!
//! Both sides of a hop show a certificate and trust one authority ([`Security`] for what listens,
//! [`Client`] for what calls). The files may be replaced at any time: a connection that is made
//! later uses the new ones, those that are open go on, and files that do not fit together change
//! nothing. ring is the one crypto provider.

mod caller;
mod client;
mod files;
mod fresh;
mod refusal;
mod server;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub(crate) use caller::Callers;
pub use client::Client;
pub use files::File;
pub use server::{Protocols, Security, Server};
pub use stream::{Connection, Stream};

/// What keeps TLS from being used; names the config's key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{key}: {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{key}: {} {problem}", path.display())]
    Unusable {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The library refuses what the files hold.
    #[error("TLS cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
