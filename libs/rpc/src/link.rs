//! What a caller holds of a callee: its network address, or the callee itself.
//!
//! A [`Link`] goes into the constructor of any generated client. Both kinds have the same layers
//! (trace → metrics → deadline → transport) and show a callee the same bytes, so nothing behaves
//! differently when a service moves into another process. Over the network a name stands for as
//! many replicas as it has addresses ([`Network`]), and each call goes to one of them.

mod address;
mod balance;
mod connect;
mod network;
mod replay;
mod resolve;
mod transport;
mod unsent;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tower::Service;

use crate::deadline;
use crate::layer::{Boxed, Layered, Request, Response};
use crate::metrics::Metrics;
use crate::server::Stack;
use crate::trace;
use address::Address;
use balance::Balance;

pub use network::Network;

/// The way to one callee. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Link {
    peer: &'static str,
    target: Arc<str>,
    service: Boxed,
    /// None in the same process.
    replicas: Option<Balance>,
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
    /// Makes a link over the network in plain text, with everything else as [`Network::default`]
    /// has it.
    ///
    /// # Errors
    /// As [`Network::link`].
    pub fn network(peer: &'static str, url: &str) -> Result<Self, InvalidUrl> {
        Network::default().link(peer, url)
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

    /// Whether the callee has no replica: its name is known to have no address.
    #[must_use]
    pub fn is_at_zero(&self) -> bool {
        self.replicas.as_ref().is_some_and(Balance::is_at_zero)
    }

    /// Waits until the callee has a replica; at once where that cannot be told.
    pub async fn present(&self) {
        if let Some(replicas) = &self.replicas {
            replicas.present().await;
        }
    }

    fn to(peer: &'static str, url: &str, address: Address, network: &Network) -> Self {
        let target: Arc<str> = url.into();
        let balance = Balance::new(peer, Arc::clone(&target), address, network);
        Self {
            replicas: Some(balance.clone()),
            ..Self::over(peer, target, balance)
        }
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
            replicas: None,
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

#[cfg(test)]
mod tests {
    use super::*;

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
