//! The door as a tower service around another.

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use terrace_rpc::status::to_status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use super::{Door, Scope};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// A service behind the door. A call comes in with the [`super::Caller`] in its extensions.
#[derive(Clone)]
pub struct Guarded<S> {
    door: Door,
    inner: S,
    scope: fn(&str) -> Scope,
}

impl<S> Guarded<S> {
    /// `scope` says what a method, as `/terrace.router.v1.RouterService/Route`, needs.
    pub(super) const fn new(door: Door, inner: S, scope: fn(&str) -> Scope) -> Self {
        Self { door, inner, scope }
    }
}

impl<S> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

impl<S: NamedService> NamedService for Guarded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The one that is ready is called; its clone waits to be.
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        let (door, scope) = (self.door.clone(), (self.scope)(request.uri().path()));
        Box::pin(async move {
            match door.admit(request.headers(), scope).await {
                Ok(caller) => {
                    if let Some(caller) = caller {
                        request.extensions_mut().insert(caller);
                    }
                    inner.call(request).await
                }
                Err(failure) => Ok(to_status(&failure).into_http()),
            }
        })
    }
}
