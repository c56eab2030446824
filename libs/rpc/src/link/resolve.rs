//! Asks the name service which addresses a name has now.
//!
//! An answer is never kept here: whoever asks again wants to know what has changed. A name that
//! the service knows nothing of is an answer too (nobody is there), a service that does not answer
//! is none, and the difference decides whether replicas are let go.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// How long one question may take before it is asked once more.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

/// What the name service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The name has these addresses; none where it is not known.
    Addresses(Vec<IpAddr>),
    /// It does not say.
    Failed(String),
}

/// Asks the name service.
#[derive(Clone)]
pub(super) struct Resolver(Option<TokioResolver>);

impl Resolver {
    /// Asks `nameserver`, or those that the system names, after its own file of hosts.
    pub(super) fn new(nameserver: Option<SocketAddr>) -> Self {
        let builder = match nameserver {
            None => TokioResolver::builder_tokio(),
            Some(address) => Ok(TokioResolver::builder_with_config(
                only(address),
                TokioRuntimeProvider::default(),
            )),
        };
        // Without a file that names servers, the file of hosts is still there.
        let mut builder = builder.unwrap_or_else(|error| {
            tracing::debug!(%error, "the system names no name server");
            let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
        });
        fresh(builder.options_mut());
        Self(builder.build().ok())
    }

    /// The addresses that `name` has now.
    pub(super) async fn ask(&self, name: &str) -> Answer {
        let Some(resolver) = &self.0 else {
            return Answer::Failed("the system's name servers cannot be used".to_owned());
        };
        match resolver.lookup_ip(name).await {
            Ok(found) => {
                let mut addresses: Vec<IpAddr> = found.iter().collect();
                addresses.sort_unstable();
                addresses.dedup();
                Answer::Addresses(addresses)
            }
            Err(error) if error.is_no_records_found() && is_certain(&error) => {
                Answer::Addresses(Vec::new())
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

fn only(address: SocketAddr) -> ResolverConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let server = NameServerConfig::new(address.ip(), true, connections.map(at_port).to_vec());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// Nothing is remembered: what was true five seconds ago is what we want to hear about.
fn fresh(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = PATIENCE;
    options.attempts = ATTEMPTS;
}

/// Whether a server that should know has said that there is nothing; one that failed says so by
/// another code than these two.
fn is_certain(error: &hickory_resolver::net::NetError) -> bool {
    use hickory_resolver::net::{DnsError, NetError};
    use hickory_resolver::proto::op::ResponseCode;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(nothing)) => matches!(
            nothing.response_code,
            ResponseCode::NXDomain | ResponseCode::NoError
        ),
        _ => false,
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resolver").finish_non_exhaustive()
    }
}
