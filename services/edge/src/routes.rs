//! Which path goes where, and what stands in front of all of them.
//!
//! A request passes, from the outside in: the span and metrics, CORS, the guard against pages of
//! others, the net for panics, the handler. A body is read by the handler alone, after the key was
//! looked for.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, Uri, header};
use terrace_domain::{Failure, Reason};
use terrace_rpc::Link;
use terrace_runtime::tasks::panic_message;
use terrace_telemetry::metrics::{CONTENT_TYPE, render};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::Edge;
use crate::refusal::Refusal;
use crate::{anthropic, grpc_web, models, observe, openai, origin};

/// Whose words an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// OpenAI's, and of everything that is nobody's in particular.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

impl Api {
    /// The API that a path belongs to.
    pub(crate) fn of(path: &str) -> Self {
        match path == "/v1/messages" || path.starts_with("/v1/messages/") {
            true => Self::Anthropic,
            false => Self::OpenAi,
        }
    }

    /// A refusal in its words.
    pub(crate) fn refuse(self, refusal: &Refusal) -> Response {
        match self {
            Self::OpenAi => openai::error::response(refusal),
            Self::Anthropic => anthropic::error::response(refusal),
        }
    }
}

/// The table of routes, with the pages for people where there are any.
pub(crate) fn table(edge: Arc<Edge>, link: Link, pages: Option<Router<Arc<Edge>>>) -> Router {
    let mut routes = Router::new()
        .route("/v1/chat/completions", post(openai::chat::completions))
        .route("/v1/embeddings", post(openai::embeddings::embeddings))
        .route("/v1/responses", post(openai::responses::create))
        .route("/v1/messages", post(anthropic::messages::create))
        .route("/v1/messages/count_tokens", post(anthropic::count))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/healthz", get(health));
    if edge.settings.shows_metrics() {
        routes = routes.merge(metrics());
    }
    if let Some(pages) = pages {
        routes = routes.merge(pages);
    }
    // As one layer: each that the router is given by itself is cloned and boxed for every request.
    let before_all = ServiceBuilder::new()
        .layer(from_fn(observe::observe))
        .layer(origin::cors(&edge.settings))
        .layer(from_fn_with_state(Arc::clone(&edge), origin::guard))
        .layer(CatchPanicLayer::custom(panicked));
    let has_tls = edge.settings.certificate.is_some();
    let routes = routes
        .merge(grpc_web::routes(link))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(before_all)
        .with_state(edge);
    match has_tls {
        true => routes.layer(map_request(over_tls)),
        false => routes,
    }
}

/// Says of a request that it came over TLS, as something in front of the edge would.
async fn over_tls(mut request: Request) -> Request {
    let https = HeaderValue::from_static("https");
    request.headers_mut().insert("x-forwarded-proto", https);
    request
}

/// The metrics of the process.
pub(crate) fn metrics<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let text = || async { ([(header::CONTENT_TYPE, CONTENT_TYPE)], render()) };
    Router::new().route("/metrics", get(text))
}

async fn health(State(edge): State<Arc<Edge>>) -> Response {
    match edge.shutdown.is_requested() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        false => "ok\n".into_response(),
    }
}

/// What there is at a path of nobody.
pub(crate) async fn not_found(uri: Uri) -> Response {
    let text = "there is nothing at this path; docs/HTTP.md lists what there is";
    let refusal = Refusal::from(Failure::new(Reason::NotFound, text));
    Api::of(uri.path()).refuse(&refusal)
}

async fn wrong_method(uri: Uri) -> Response {
    let text = "this path takes another method; docs/HTTP.md says which";
    let refusal = Refusal::http(StatusCode::METHOD_NOT_ALLOWED, text);
    Api::of(uri.path()).refuse(&refusal)
}

/// Where a handler panics, one request fails and nothing else.
// The signature is the layer's.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over by value"
)]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(panic.message = panic_message(&*panic), "handler panicked");
    let text = "this request met a defect of Terrace: the edge's log says more";
    Api::OpenAi.refuse(&Failure::new(Reason::Internal, text).into())
}
