//! What a caller holds of a callee: its network address, or the callee itself.
//!
//! A [`Link`] goes into the constructor of any generated client. Both kinds have the same layers
//! (trace → metrics → deadline → transport) and show a callee the same bytes, so nothing behaves
//! differently when a service moves into another process. A network link is one lazy HTTP/2
//! connection; choosing among several replicas is to be a transport of its own, beside these two.

mod transport;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use tonic::transport::Endpoint;
use tower::Service;

use crate::deadline;
use crate::layer::{Boxed, Layered, Request, Response};
use crate::metrics::Metrics;
use crate::server::Stack;
use crate::trace;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A peer that vanished without a word is noticed while calls wait for it.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// Failures travel in headers; hyper's 16 KiB would turn a long one into a broken connection.
const MAX_HEADERS: u32 = 64 * 1024;

/// The way to one callee. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Link {
    peer: &'static str,
    target: Arc<str>,
    service: Boxed,
}

/// An address that no link can be made to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no address of the {peer}: {problem}; an example is http://127.0.0.1:7001")]
pub struct InvalidUrl {
    peer: &'static str,
    url: String,
    problem: String,
}

impl Link {
    /// Makes a link to the server at `url`, as `http://127.0.0.1:7001`. Connects at the first
    /// call, and again whenever the connection was lost. To be made inside a tokio runtime.
    ///
    /// `peer` names the callee in messages, spans and metrics, as `classifier`.
    ///
    /// # Errors
    /// `url` is no `http://` address with a host.
    pub fn network(peer: &'static str, url: &str) -> Result<Self, InvalidUrl> {
        let channel = endpoint(url)
            .map_err(|problem| InvalidUrl {
                peer,
                url: url.to_owned(),
                problem,
            })?
            .connect_lazy();
        let target: Arc<str> = url.into();
        let network = transport::Network {
            peer,
            target: Arc::clone(&target),
            channel,
        };
        Ok(Self::over(peer, target, network))
    }

    /// Makes a link to a callee in this process.
    #[must_use]
    pub fn in_process(peer: &'static str, callee: Stack) -> Self {
        Self::over(peer, "in process".into(), transport::InProcess { callee })
    }

    /// The name of the callee.
    #[must_use]
    pub const fn peer(&self) -> &'static str {
        self.peer
    }

    /// Where it is: an address, or `in process`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    fn over<S>(peer: &'static str, target: Arc<str>, transport: S) -> Self
    where
        S: Service<Request, Response = Response, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        // From the transport outwards: the deadline cuts what is sent and received, metrics and
        // trace see how it ended.
        let service = Layered::new(deadline::client::Client { peer }, transport);
        let service = Layered::new(Metrics::client(peer), service);
        let service = Layered::new(trace::Client { peer }, service);
        Self {
            peer,
            target,
            service: Boxed::new(service),
        }
    }
}

impl Service<Request> for Link {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.service.call(request)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn endpoint(url: &str) -> Result<Endpoint, String> {
    let uri: http::Uri = url
        .parse()
        .map_err(|error: http::uri::InvalidUri| error.to_string())?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https is not supported yet".to_owned()),
        _ => return Err("it has to begin with http://".to_owned()),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(PING_EVERY))
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .http2_max_header_list_size(MAX_HEADERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_of_small_packets_are_off() {
        assert!(endpoint("http://127.0.0.1:7001").unwrap().get_tcp_nodelay());
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_called_is_refused_with_an_example() {
        for url in [
            "",
            "127.0.0.1:7001",
            "localhost",
            "ftp://x:1",
            "https://x:1",
            "http://",
        ] {
            let error = Link::network("classifier", url).unwrap_err();
            assert!(
                error.to_string().contains("http://127.0.0.1:7001"),
                "{error}"
            );
        }
    }
}
