//! The innermost part of a link within a process: straight into the callee.
//!
//! As over the network, whatever it meets becomes a response with a status that carries one of our
//! reasons; the layers above never see any other kind of error.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tower::Service;

use crate::layer::{Request, Response};
use crate::server::Stack;

/// The callee itself.
#[derive(Debug, Clone)]
pub(super) struct InProcess {
    pub(super) callee: Stack,
}

impl Service<Request> for InProcess {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // What would not cross a wire does not cross here: only headers and bytes do.
        request.extensions_mut().clear();
        let response = self.callee.call(request);
        Box::pin(async move {
            // A loop over callees that never wait would otherwise keep timers from running.
            tokio::task::consume_budget().await;
            let Ok(mut response) = response.await;
            response.extensions_mut().clear();
            Ok(response)
        })
    }
}
