//! Two things a response body can be wrapped in: a listener for its end, and a knife.
//!
//! A gRPC call has ended when its status has: in the headers of a response without a body, else
//! in the trailers after it. Whoever counts, limits or traces a call has to wait for that and not
//! for the headers, or streams would end when they begin.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use http::HeaderMap;
use http_body::Frame;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::layer::Response;

/// The code that a set of headers or trailers ends a call with, if it does.
pub(crate) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(Status::GRPC_STATUS)
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// Calls `ended` with the code when the call has ended. If it never does, because the caller went
/// away, `ended` is dropped without being called.
pub(crate) fn on_end(
    response: Response,
    ended: impl FnOnce(Code) + Send + Unpin + 'static,
) -> Response {
    if let Some(code) = code_of(response.headers()) {
        ended(code);
        return response;
    }
    response.map(|inner| {
        Body::new(Watched {
            inner,
            ended: Some(ended),
        })
    })
}

/// Ends the response with the status of `knife` as soon as that is ready, wherever it stands.
///
/// The knife is only looked at while somebody reads; a reader that stands still is the
/// business of the connection's keep-alive.
pub(crate) fn end_when(
    response: Response,
    knife: impl Future<Output = Status> + Send + 'static,
) -> Response {
    if code_of(response.headers()).is_some() {
        return response;
    }
    response.map(|inner| {
        Body::new(Cut {
            inner: Some(inner),
            knife: knife.boxed(),
        })
    })
}

/// The trailers that end a body with `status`.
pub(crate) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if let Err(unfit) = status.add_header(&mut trailers) {
        // Only the status' own metadata can be unfit for a header, and then code and text are not.
        trailers.insert(Status::GRPC_STATUS, (unfit.code() as i32).into());
    }
    trailers
}

struct Watched<F> {
    inner: Body,
    ended: Option<F>,
}

impl<F: FnOnce(Code)> Watched<F> {
    fn end(&mut self, code: Code) {
        if let Some(ended) = self.ended.take() {
            ended(code);
        }
    }
}

impl<F: FnOnce(Code) + Unpin> http_body::Body for Watched<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(code_of(trailers).unwrap_or(Code::Unknown));
                }
            }
            Poll::Ready(Some(Err(status))) => self.end(status.code()),
            Poll::Ready(None) => self.end(Code::Unknown),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.ended.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

struct Cut<F> {
    /// None once the body has ended, by itself or by the knife.
    inner: Option<Body>,
    knife: F,
}

impl<F: Future<Output = Status> + Unpin> http_body::Body for Cut<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        // The knife first: a body that always has a frame would never let it have its turn.
        if let Poll::Ready(status) = this.knife.poll_unpin(context) {
            this.inner = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
        let polled = Pin::new(inner).poll_frame(context);
        let over = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(Some(Err(_)) | None) => true,
            Poll::Pending => false,
        };
        if over {
            this.inner = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }
}
