//! One span and one row of the metrics for every request, from its head to the last byte of its
//! answer.
//!
//! The caller's trace goes on here, and from here to the orchestrator. Labels are bounded: a path
//! is the one of the table of routes, a method or path that nobody serves is `_OTHER`.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Frame;
use opentelemetry::trace::{TraceContextExt as _, TraceId};
use terrace_telemetry::metrics::{BoundGauge, Gauges, Histograms, RPC_SECONDS};
use terrace_telemetry::{fields, propagate};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// How a method or a path that nobody serves is counted.
const OTHER: &str = "_OTHER";

struct Instruments {
    duration: Histograms<3>,
    active: BoundGauge,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| Instruments {
    duration: Histograms::seconds(
        "http.server.request.duration",
        "Time from a request's head to the end of its answer.",
        [
            fields::HTTP_REQUEST_METHOD,
            fields::HTTP_ROUTE,
            fields::HTTP_RESPONSE_STATUS_CODE,
        ],
        &RPC_SECONDS,
    ),
    active: Gauges::new(
        "http.server.active_requests",
        "Requests being answered, open streams among them.",
        [],
    )
    .of([]),
});

/// Accompanies a request.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or(OTHER, MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let span = span(&request, method, &route);
    let mut watch = Watch::begin(span.clone(), method, route);
    let response = next.run(request).instrument(span).await;
    watch.status = Some(response.status());
    response.map(|inner| Body::new(Watched { inner, watch }))
}

fn span(request: &Request, method: &'static str, route: &str) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        { fields::HTTP_REQUEST_METHOD } = method,
        { fields::HTTP_ROUTE } = route,
        { fields::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { fields::SERVICE } = "edge",
        { fields::TRACE_ID } = Empty,
    );
    // Fails only where no tracing was started, and then there is nothing to continue.
    let _ = span.set_parent(propagate::extract(request.headers()));
    let id = span.context().span().span_context().trace_id();
    if id != TraceId::INVALID {
        span.record(fields::TRACE_ID, id.to_string());
    }
    span
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => OTHER,
    }
}

/// A request that is recorded when it is dropped: with its answer, or by a client that left.
struct Watch {
    span: Span,
    method: &'static str,
    route: String,
    began: Instant,
    status: Option<StatusCode>,
}

impl Watch {
    fn begin(span: Span, method: &'static str, route: String) -> Self {
        INSTRUMENTS.active.inc();
        Self {
            span,
            method,
            route,
            began: Instant::now(),
            status: None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // 499 is what proxies write for a client that left before it was answered.
        let status = self.status.map_or(499, |status| status.as_u16());
        self.span.record(fields::HTTP_RESPONSE_STATUS_CODE, status);
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        let labels = [self.method, &self.route, &status.to_string()];
        let seconds = self.began.elapsed().as_secs_f64();
        INSTRUMENTS.duration.record(seconds, labels);
        INSTRUMENTS.active.dec();
    }
}

/// A body that ends what watches it, and whose pieces are made inside the request's span.
struct Watched {
    inner: Body,
    watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let inner = Pin::new(&mut this.inner);
        this.watch.span.in_scope(|| inner.poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
