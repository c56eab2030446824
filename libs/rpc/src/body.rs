//! Two things a response body can be wrapped in: a listener for its end, and a knife.
//!
//! A gRPC call has ended when its status has: in the headers of a response without a body, else
//! in the trailers after it. Whoever counts, limits or traces a call has to wait for that and not
//! for the headers, or streams would end when they begin.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
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

/// What ends a call before its time.
pub(crate) trait Knife: Send + Unpin + 'static {
    /// Whether the moment has come.
    fn is_due(&self) -> bool;

    /// Waits for the moment.
    fn due(&self) -> BoxFuture<'static, ()>;

    /// What the call ends with.
    fn status(&self) -> Status;
}

/// Ends the response with the status of `knife` as soon as that is due, wherever it stands.
///
/// The knife is only looked at while somebody reads; a reader that stands still is the
/// business of the connection's keep-alive.
pub(crate) fn end_when(response: Response, knife: impl Knife) -> Response {
    if code_of(response.headers()).is_some() {
        return response;
    }
    response.map(|inner| {
        Body::new(Cut {
            inner: Some(inner),
            knife,
            waiting: None,
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

struct Cut<K> {
    /// None once the body has ended, by itself or by the knife.
    inner: Option<Body>,
    knife: K,
    /// Made where there is something to wait for: most frames are there when they are asked for,
    /// and a timer for each costs more than the frame.
    waiting: Option<BoxFuture<'static, ()>>,
}

impl<K: Knife> Cut<K> {
    /// Whether the knife is due; who asks is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let waiting = self.waiting.get_or_insert_with(|| self.knife.due());
        waiting.poll_unpin(context).is_ready()
    }

    fn cut(&mut self) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.inner = None;
        let trailers = trailers(&self.knife.status());
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl<K: Knife> http_body::Body for Cut<K> {
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
        if this.knife.is_due() {
            return this.cut();
        }
        let polled = Pin::new(inner).poll_frame(context);
        let over = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(Some(Err(_)) | None) => true,
            Poll::Pending if this.is_over(context) => return this.cut(),
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
