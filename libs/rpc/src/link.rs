//! What a caller holds of a callee: its network address, or the callee itself.
//!
//! A [`Link`] goes into the constructor of any generated client. Both kinds have the same layers
//! (trace → metrics → deadline → transport) and show a callee the same bytes, so nothing behaves
//! differently when a service moves into another process. What every request needs can be asked
//! without bytes where the callee is in this one ([`Link::unary`], [`Link::streaming`]). Over the
//! network a name stands for as many replicas as it has addresses ([`Network`]), and each call goes
//! to one of them.

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
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt};
use tonic::{Request, Streaming};
use tower::Service;

use crate::deadline;
use crate::direct::{Answer, Caller, Messages};
use crate::layer::{self, Boxed, Layered};
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
    /// None over a network.
    direct: Option<Arc<Caller>>,
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
        let direct = Caller::new(peer, callee.callee().clone());
        Self {
            direct: Some(Arc::new(direct)),
            ..Self::over(peer, "in process".into(), transport::InProcess { callee })
        }
    }

    /// Calls the method that takes a `Q`: without bytes where the callee is in this process and offers
    /// that, else by `wire`, the generated client's call.
    ///
    /// # Errors
    /// What the method answers, or what the call met on its way: a status with a reason of ours.
    pub async fn unary<Q, A, F>(
        &self,
        request: Request<Q>,
        wire: impl FnOnce(Request<Q>) -> F,
    ) -> Answer<A>
    where
        Q: 'static,
        A: 'static,
        F: Future<Output = Answer<A>>,
    {
        if let Some(direct) = &self.direct
            && let Some(method) = direct.find::<Q, A>()
        {
            return direct.unary(method, request).await;
        }
        wire(request).await
    }

    /// As [`unary`](Self::unary), for a method that answers by a stream.
    ///
    /// # Errors
    /// As there.
    pub fn streaming<'a, Q, A, F>(
        &'a self,
        request: Request<Q>,
        wire: impl FnOnce(Request<Q>) -> F + Send + 'a,
    ) -> BoxFuture<'a, Answer<Messages<A>>>
    where
        Q: Send + 'static,
        A: Send + 'static,
        F: Future<Output = Answer<Streaming<A>>> + Send + 'a,
    {
        let direct = self.direct.as_ref();
        match direct.and_then(|direct| Some((direct, direct.find::<Q, Messages<A>>()?))) {
            Some((direct, method)) => direct.streaming(method, request).boxed(),
            None => async move { Ok(wire(request).await?.map(StreamExt::boxed)) }.boxed(),
        }
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
        S: Service<layer::Request, Response = layer::Response, Error = Infallible>
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
            direct: None,
        }
    }
}

impl Service<layer::Request> for Link {
    type Response = layer::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<layer::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: layer::Request) -> Self::Future {
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
