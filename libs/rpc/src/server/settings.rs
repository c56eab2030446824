//! What a server allows: addresses, sizes, times and counts.
//!
//! The defaults are the ones every service runs with; a service's own section of the
//! configuration changes what an operator may want to change.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use terrace_config::{Config, Service};
use terrace_runtime::Grace;

use crate::tls::Security;

/// Largest message, in bytes, that a service of ours takes or sends.
///
/// tonic keeps this limit per generated service and client: each has to be given it, with
/// `max_decoding_message_size` and `max_encoding_message_size`.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// How one server listens and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where calls are answered; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where health alone is answered, in plain text, for the probes of a platform.
    pub health_listen: Option<SocketAddr>,
    /// Where `/metrics` is answered over HTTP.
    pub metrics_listen: Option<SocketAddr>,
    /// What it shows to callers, and whom it lets in.
    pub security: Security,
    /// What a caller may ask for.
    pub limits: Limits,
    /// How the server stops.
    pub grace: Grace,
}

/// What callers of one server may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, over all connections; further ones are refused with a time to come back.
    pub concurrency: usize,
    /// Calls at once on one connection; further ones wait at the caller.
    pub max_concurrent_streams: u32,
    /// Time of a call whose caller states none.
    pub default_deadline: Duration,
    /// Longest time of a call, whatever its caller states.
    pub max_deadline: Duration,
    /// Age at which a connection is asked to close, give or take a tenth, so that callers look
    /// for new replicas now and then. Calls on it finish within their own deadlines.
    pub max_connection_age: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            health_listen: None,
            metrics_listen: None,
            security: Security::default(),
            limits: Limits::default(),
            grace: Grace::default(),
        }
    }
}

impl ServerSettings {
    /// How the config says that `service` listens and what it allows; `listen` stands instead of
    /// the config's address.
    #[must_use]
    pub fn from_config(config: &Config, service: &Service, listen: Option<SocketAddr>) -> Self {
        Self {
            listen: listen.unwrap_or(service.listen),
            health_listen: service.health_listen,
            metrics_listen: service.metrics_listen,
            security: Security::from_config(config, service.part),
            limits: Limits {
                concurrency: config.limits.max_in_flight,
                default_deadline: config.routing.default_deadline,
                max_deadline: config.routing.max_deadline,
                ..Limits::default()
            },
            grace: Grace::default(),
        }
    }

    /// A free port on loopback and a short grace.
    #[must_use]
    pub fn for_testing() -> Self {
        Self {
            grace: Grace::short(),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 1024,
            max_concurrent_streams: 256,
            default_deadline: Duration::from_secs(120),
            max_deadline: Duration::from_secs(600),
            max_connection_age: Duration::from_secs(300),
        }
    }
}
