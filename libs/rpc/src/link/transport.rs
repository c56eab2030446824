//! The innermost part of a link: over a connection, or straight into the callee.
//!
//! Whatever a transport meets becomes a response with a status that carries one of our reasons;
//! the layers above never see any other kind of error.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http_body_util::BodyExt;
use terrace_domain::{Failure, Reason};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use crate::layer::{Request, Response, respond};
use crate::server::Stack;
use crate::status::{TONIC_TIMEOUT, to_status};

/// One HTTP/2 connection that is made when it is needed.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) peer: &'static str,
    pub(super) target: Arc<str>,
    pub(super) channel: Channel,
}

impl Service<Request> for Network {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The call waits for the channel instead, where its deadline holds.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self {
            peer,
            target,
            channel,
        } = self.clone();
        Box::pin(async move {
            let response = match channel.oneshot(request).await {
                Err(error) => {
                    tracing::debug!(%error, terrace.peer = peer, "call failed");
                    let status = Status::from_error(error.into());
                    respond(&failure(peer, &target, &status))
                }
                Ok(response) => response.map(|body| {
                    let broken = move |status| to_status(&failure(peer, &target, &status));
                    Body::new(body.map_err(broken))
                }),
            };
            Ok(response)
        })
    }
}

/// Says what an error of the connection means, without the words of the libraries below.
fn failure(peer: &str, target: &str, status: &Status) -> Failure {
    match status.code() {
        Code::Cancelled if status.message() == TONIC_TIMEOUT => Failure::new(
            Reason::DeadlineExceeded,
            format!("the {peer} did not answer before the deadline: allow more time"),
        ),
        Code::Unavailable => Failure::new(
            Reason::ServiceUnavailable,
            format!("cannot reach the {peer} at {target}: is it running?"),
        ),
        _ => Failure::new(
            Reason::ServiceUnavailable,
            format!("the connection to the {peer} at {target} broke: call again"),
        ),
    }
}

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
