//! How this process reaches the others: by which name service, how often it looks, with what
//! certificate.
//!
//! Made once from the config and asked for a link to each callee, so that all links of a process
//! look alike and see a new certificate at the same time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use terrace_config::Config;

use super::address::Address;
use super::{InvalidUrl, Link};
use crate::tls::{Client, Error};

/// How callees are reached. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network {
    /// Who is asked for names; absent: whom the system names.
    pub nameserver: Option<SocketAddr>,
    /// How often a name is looked up again, give or take a fifth.
    pub refresh_interval: Duration,
    /// How often each replica is asked for its health, give or take a fifth.
    pub probe_interval: Duration,
    /// With what TLS callees at `https://` addresses are reached; absent: not at all.
    pub tls: Option<Arc<Client>>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            nameserver: None,
            refresh_interval: Duration::from_secs(5),
            probe_interval: Duration::from_secs(1),
            tls: None,
        }
    }
}

impl Network {
    /// As the config says.
    ///
    /// # Errors
    /// The certificate, its key or the roots cannot be read.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            nameserver: config.network.nameserver,
            refresh_interval: config.network.refresh_interval,
            probe_interval: config.network.probe_interval,
            tls: Client::from_config(&config.tls)?.map(Arc::new),
        })
    }

    /// With what TLS callees at `https://` addresses are reached.
    #[must_use]
    pub fn with_tls(self, client: Client) -> Self {
        Self {
            tls: Some(Arc::new(client)),
            ..self
        }
    }

    /// Makes a link to the callee at `url`, as `http://127.0.0.1:7001` or
    /// `https://terrace-judge:50051`: to each address that the name has. Connects at the first
    /// call, and again whenever a connection was lost. To be made inside a tokio runtime.
    ///
    /// `peer` names the callee in messages, spans and metrics, as `classifier`.
    ///
    /// # Errors
    /// `url` is no address with a host, or begins with `https://` where there is no TLS.
    pub fn link(&self, peer: &'static str, url: &str) -> Result<Link, InvalidUrl> {
        let invalid = |problem: String| InvalidUrl {
            peer,
            url: url.to_owned(),
            problem,
        };
        let address = Address::parse(url).map_err(invalid)?;
        if address.secure && self.tls.is_none() {
            return Err(invalid(
                "https needs to know whom to trust: set tls.ca_file, tls.cert_file and tls.key_file"
                    .to_owned(),
            ));
        }
        Ok(Link::to(peer, url, address, self))
    }
}
