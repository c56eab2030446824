//! A handler that panics fails one call and nothing else.
//!
//! The panic goes to the log; the caller gets INTERNAL and the id of the trace to look for.
//! Where binaries are built to abort on panic, this layer has nothing to catch.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use http_body::Frame;
use terrace_domain::{Failure, Reason};
use terrace_runtime::tasks::panic_message;
use tonic::Status;
use tonic::body::Body;

use crate::body;
use crate::layer::{Middleware, Request, Response, respond};
use crate::status::to_status;
use crate::trace::trace_id;

/// Catches what handlers throw, before and while they stream.
#[derive(Debug, Clone)]
pub(crate) struct Catch;

impl Middleware for Catch {
    type Ticket = ();

    fn admit(&self, _request: &mut Request) -> Result<(), Failure> {
        Ok(())
    }

    async fn follow((): (), response: impl Future<Output = Response> + Send + 'static) -> Response {
        match AssertUnwindSafe(response).catch_unwind().await {
            Err(panic) => respond(&internal(&*panic)),
            Ok(response) if body::code_of(response.headers()).is_some() => response,
            Ok(response) => response.map(|inner| Body::new(Caught(Some(inner)))),
        }
    }
}

/// Logs the panic and makes the failure that the caller gets to see.
pub(crate) fn internal(panic: &(dyn Any + Send)) -> Failure {
    tracing::error!(panic.message = panic_message(panic), "handler panicked");
    let place = trace_id(&tracing::Span::current())
        .map_or_else(String::new, |id| format!(" under trace {id}"));
    let text = format!("this call met a defect of Terrace: the server's log says more{place}");
    Failure::new(Reason::Internal, text)
}

/// A body whose panic ends it with a status.
struct Caught(Option<Body>);

impl http_body::Body for Caught {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(context)));
        polled.unwrap_or_else(|panic| {
            self.0 = None;
            let status = to_status(&internal(&*panic));
            Poll::Ready(Some(Ok(Frame::trailers(body::trailers(&status)))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}
