//! One span per call on either side of a hop, parent and child.
//!
//! The client's span is written into the request, the server reads it there, so a trace goes on
//! over the network and within the process alike. Where nobody would see the client's, the one that the
//! call is made in is written instead. A span ends with its call: for a stream that is
//! the last message, and whatever the handler does while it streams belongs to the span.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use opentelemetry::trace::TraceContextExt;
use terrace_domain::Failure;
use terrace_telemetry::{fields, propagate, seen};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::body;
use crate::layer::{Middleware, Request, Response, is_infrastructure, method};
use crate::metrics::code_name;

/// The server's span: a child of the caller's.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) service: &'static str,
}

/// The client's span: a child of the current one.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) peer: &'static str,
}

impl Middleware for Server {
    type Ticket = Call;

    fn admit(&self, request: &mut Request) -> Result<Call, Failure> {
        if is_infrastructure(request) {
            return Ok(Call::new(Span::none(), is_our_fault));
        }
        let span = server_span(self.service, method(request), &Span::none());
        // Fails only where no tracing was started, and then there is nothing to continue.
        let _ = span.set_parent(propagate::extract(request.headers()));
        if let Some(id) = trace_id(&span) {
            span.record(fields::TRACE_ID, id);
        }
        Ok(Call::new(span, is_our_fault))
    }

    async fn follow(
        call: Call,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        call.follow(response).await
    }

    fn within<T>(call: &Call, inside: impl FnOnce() -> T) -> T {
        call.span.in_scope(inside)
    }
}

impl Middleware for Client {
    type Ticket = Call;

    fn admit(&self, request: &mut Request) -> Result<Call, Failure> {
        if is_infrastructure(request) {
            return Ok(Call::new(Span::none(), |_| true));
        }
        let span = seen::span(|| client_span(self.peer, method(request)));
        let carried = match span.is_none() {
            true => Span::current(),
            false => span.clone(),
        };
        propagate::inject_span(&carried, request.headers_mut());
        Ok(Call::new(span, |_| true))
    }

    /// The span is not entered: the callee's is made from the headers, and entering one more at each
    /// poll of a stream costs more than all else that a hop within the process does.
    async fn follow(
        call: Call,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        call.watch(response.await)
    }
}

fn server_span(service: &'static str, method: &str, parent: &Span) -> Span {
    tracing::info_span!(
        parent: parent,
        "rpc",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        { fields::RPC_SYSTEM_NAME } = "grpc",
        { fields::RPC_METHOD } = method,
        { fields::RPC_RESPONSE_STATUS_CODE } = Empty,
        { fields::SERVICE } = service,
        { fields::TRACE_ID } = Empty,
    )
}

fn client_span(peer: &'static str, method: &str) -> Span {
    tracing::info_span!(
        "rpc",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        { fields::RPC_SYSTEM_NAME } = "grpc",
        { fields::RPC_METHOD } = method,
        { fields::RPC_RESPONSE_STATUS_CODE } = Empty,
        { fields::PEER } = peer,
    )
}

/// Both spans of a call within the process. There are none where neither a collector nor the log
/// would show them: the call's work belongs to the caller's span then, which is of the same trace.
pub(crate) struct Hop(Option<[Call; 2]>);

impl Hop {
    pub(crate) fn begin(peer: &'static str, service: &'static str, method: &str) -> Self {
        if !seen::are_spans_seen() {
            return Self(None);
        }
        let client = client_span(peer, method);
        let server = server_span(service, method, &client);
        if let Some(id) = trace_id(&server) {
            server.record(fields::TRACE_ID, id);
        }
        let calls = [Call::new(client, |_| true), Call::new(server, is_our_fault)];
        Self(Some(calls))
    }

    /// What the callee works in.
    pub(crate) fn span(&self) -> Span {
        let server = self.0.as_ref().map(|[_, server]| server.span.clone());
        server.unwrap_or_else(Span::none)
    }

    pub(crate) fn end(self, code: Code) {
        for call in self.0.into_iter().flatten() {
            call.end(code);
        }
    }
}

/// The id of the trace that a span belongs to, if it belongs to any.
pub(crate) fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let id = context.span().span_context().trace_id();
    (id != opentelemetry::trace::TraceId::INVALID).then(|| id.to_string())
}

/// A server is in error where the callee failed, and not where the caller asked for too much.
const fn is_our_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// A span that waits for the end of its call. If the caller leaves first, it says CANCELLED.
pub(crate) struct Call {
    span: Span,
    is_error: fn(Code) -> bool,
    ended: bool,
}

impl Call {
    const fn new(span: Span, is_error: fn(Code) -> bool) -> Self {
        Self {
            span,
            is_error,
            ended: false,
        }
    }

    async fn follow(self, response: impl Future<Output = Response>) -> Response {
        if self.span.is_none() {
            return response.await;
        }
        let span = self.span.clone();
        let response = self.watch(response.instrument(span.clone()).await);
        if body::code_of(response.headers()).is_some() {
            return response;
        }
        response.map(|inner| Body::new(InSpan { inner, span }))
    }

    /// Ends with the response.
    fn watch(self, response: Response) -> Response {
        if self.span.is_none() {
            return response;
        }
        body::on_end(response, move |code| self.end(code))
    }

    fn end(mut self, code: Code) {
        self.record(code);
    }

    fn record(&mut self, code: Code) {
        self.ended = true;
        self.span
            .record(fields::RPC_RESPONSE_STATUS_CODE, code_name(code));
        if code != Code::Ok && (self.is_error)(code) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Code::Cancelled);
        }
    }
}

/// A body whose messages are made inside a span.
struct InSpan {
    inner: Body,
    span: Span,
}

impl http_body::Body for InSpan {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = this
            .span
            .in_scope(|| Pin::new(&mut this.inner).poll_frame(context));
        // The call is over with its last frame, whenever the transport drops the body.
        let over = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(Some(Err(_)) | None) => true,
            Poll::Pending => false,
        };
        if over {
            this.span = Span::none();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
