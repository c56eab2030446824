//! What every layer here is made of: a look at the request, and a hand on the response.
//!
//! All layers of this crate are always ready and never fail; what goes wrong is a response that
//! carries a status. So a layer is two functions instead of the usual service, future and body,
//! and one adapter turns it into a tower service.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use terrace_domain::Failure;
use tonic::body::Body;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::status::to_status;

pub(crate) type Request = http::Request<Body>;
pub(crate) type Response = http::Response<Body>;
pub(crate) type Boxed = BoxCloneSyncService<Request, Response, Infallible>;

/// One layer.
pub(crate) trait Middleware: Clone + Send + Sync + 'static {
    /// What a call carries from its admission to its end.
    type Ticket: Send + 'static;

    /// Looks at the request before anything inside sees it, and lets it in or refuses it.
    fn admit(&self, request: &mut Request) -> Result<Self::Ticket, Failure>;

    /// Accompanies the call to the end of its response.
    fn follow(
        ticket: Self::Ticket,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> impl Future<Output = Response> + Send + 'static;

    /// Runs the synchronous part of the call, the admission by the layers inside.
    fn within<T>(_ticket: &Self::Ticket, inside: impl FnOnce() -> T) -> T {
        inside()
    }
}

/// A service inside a layer.
#[derive(Debug, Clone)]
pub(crate) struct Layered<M, S> {
    middleware: M,
    inner: S,
}

impl<M, S> Layered<M, S> {
    pub(crate) const fn new(middleware: M, inner: S) -> Self {
        Self { middleware, inner }
    }
}

impl<M, S> Service<Request> for Layered<M, S>
where
    M: Middleware,
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.middleware.admit(&mut request) {
            Err(failure) => ready(Ok(respond(&failure))).boxed(),
            Ok(ticket) => {
                let response = M::within(&ticket, || self.inner.call(request));
                let response = response.map(|Ok(response)| response);
                M::follow(ticket, response).map(Ok).boxed()
            }
        }
    }
}

/// The response that carries `failure` and nothing else.
pub(crate) fn respond(failure: &Failure) -> Response {
    to_status(failure).into_http()
}

/// The full method of a request, as `terrace.classifier.v1.ClassifierService/Classify`.
pub(crate) fn method(request: &Request) -> &str {
    let path = request.uri().path();
    path.strip_prefix('/').unwrap_or(path)
}

/// Whether a request is for health or reflection: these are asked by the platform and by people,
/// have to be answered under overload, and stay open for as long as somebody watches.
pub(crate) fn is_infrastructure(request: &Request) -> bool {
    method(request).starts_with("grpc.")
}
