//! The edge's part of the config.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use terrace_config::{CommitMode, Config, Cors, Dashboard};

use crate::names::Names;

/// Everything that the edge takes from the config.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it shows its metrics, if that is a place of their own.
    pub metrics_listen: Option<SocketAddr>,
    /// The files of the certificate that it shows and of the key; without, it speaks plain HTTP.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// How often these files are looked at again.
    pub reload_interval: Duration,
    /// Whether plain HTTP may be spoken where others than this machine listen.
    pub allow_plaintext: bool,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a stream may have nothing to say before its headers leave.
    pub status_patience: Duration,
    /// How often a silent stream is kept open.
    pub keep_alive: Duration,
    /// Connections at once.
    pub max_connections: usize,
    /// When chunks of a stream may leave, where the request does not say.
    pub commit_mode: CommitMode,
    /// Which web pages may call.
    pub cors: Cors,
    /// Whether a call without a key is refused.
    pub needs_keys: bool,
    /// Time of a request that states none.
    pub default_deadline: Duration,
    /// Longest time of a request.
    pub max_deadline: Duration,
    /// The largest message to and from the orchestrator, in bytes.
    pub max_message_bytes: usize,
    /// What a request's `model` may be.
    pub names: Names,
    /// The tiers from the lowest to the highest.
    pub tiers: Vec<String>,
    /// The pages for people.
    pub dashboard: Dashboard,
}

impl Settings {
    /// Takes the edge's part of a checked config; `listen` stands instead of its address.
    #[must_use]
    pub fn from_config(config: &Config, listen: Option<SocketAddr>) -> Self {
        let edge = &config.edge;
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        Self {
            listen: listen.unwrap_or(edge.listen),
            metrics_listen: edge.metrics_listen,
            certificate: edge.cert_file.clone().zip(edge.key_file.clone()),
            reload_interval: config.tls.reload_interval,
            allow_plaintext: edge.allow_plaintext,
            max_body_bytes: bytes(edge.max_body_bytes.get()),
            body_timeout: edge.body_timeout,
            status_patience: edge.status_patience,
            keep_alive: edge.keep_alive,
            max_connections: edge.max_connections,
            commit_mode: edge.commit_mode,
            cors: edge.cors.clone(),
            needs_keys: config.needs_keys(),
            default_deadline: config.routing.default_deadline,
            max_deadline: config.routing.max_deadline,
            max_message_bytes: bytes(config.limits.max_message_bytes.get()),
            names: Names::from_config(config),
            tiers: config
                .tiers
                .iter()
                .map(|tier| tier.name.to_string())
                .collect(),
            dashboard: edge.dashboard.clone(),
        }
    }

    /// Whether whoever reaches the edge may see its metrics there.
    #[must_use]
    pub const fn shows_metrics(&self) -> bool {
        self.metrics_listen.is_none() && self.listen.ip().is_loopback()
    }
}
