//! Which web pages may call.
//!
//! A page that somebody opened in a browser can send requests to an address on the same machine. It
//! cannot read answers that CORS does not allow, but money would be spent all the same. So where no
//! key is needed, a request with an `Origin` that the config does not name is refused, unless it is
//! the edge's own address on loopback: a page of another host that had its name point here (DNS
//! rebinding) is none of these.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use terrace_domain::{Failure, Reason};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::app::Edge;
use crate::config::Settings;
use crate::routes::Api;

/// Response headers that pages may read.
const EXPOSED: [&str; 16] = [
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "request-id",
    "retry-after",
    "x-request-id",
    "x-should-retry",
    "x-terrace-attempts",
    "x-terrace-backend",
    "x-terrace-cached",
    "x-terrace-cost-nano-usd",
    "x-terrace-cost-usd",
    "x-terrace-model",
    "x-terrace-passed",
    "x-terrace-request-id",
    "x-terrace-score",
];

/// What browsers are told.
pub(crate) fn cors(settings: &Settings) -> CorsLayer {
    let origins = settings.cors.origins.iter();
    let origins = origins.filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = match settings.cors.any_origin {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(settings.cors.max_age)
}

/// Refuses what a page of somebody else sends.
pub(crate) async fn guard(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    if may_call(request.headers(), &edge.settings) {
        return next.run(request).await;
    }
    let text = "web pages of this origin may not call: name it in `edge.cors.origins`";
    let failure = Failure::new(Reason::PermissionDenied, text);
    Api::of(request.uri().path()).refuse(&failure.into())
}

fn may_call(headers: &HeaderMap, settings: &Settings) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    if settings.needs_keys || settings.cors.any_origin {
        return true;
    }
    let origin = origin.to_str().unwrap_or_default();
    settings.cors.origins.iter().any(|named| named == origin) || is_own(origin, headers)
}

/// Whether the page came from the very address that it calls, and that is on loopback.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let called = ["http://", "https://"];
    let called = called.iter().find_map(|scheme| origin.strip_prefix(scheme));
    host.is_some() && called == host && host.is_some_and(is_loopback)
}

/// Whether a host, with or without a port, is this machine by its address or as `localhost`.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = host.parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Settings {
        let yaml = format!("{{tiers: {{t: {{models: [{{name: m, backend: ollama}}]}}}}, {yaml}}}");
        let config = terrace_config::parse(&yaml, "a.yaml", []).unwrap().config;
        Settings::from_config(&config, None)
    }

    fn call(origin: Option<&str>, host: &str, settings: &Settings) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        may_call(&headers, settings)
    }

    #[test]
    fn without_keys_only_pages_that_are_named_or_its_own_may_call() {
        let named = settings("edge: {cors: {origins: ['https://chat.example']}}");
        assert!(call(None, "evil.example", &named));
        assert!(call(Some("https://chat.example"), "127.0.0.1:7680", &named));
        for own in ["127.0.0.1:7680", "localhost:7680", "[::1]:7680"] {
            assert!(call(Some(&format!("http://{own}")), own, &named), "{own}");
        }
        for (origin, host) in [
            ("https://evil.example", "127.0.0.1:7680"),
            ("http://evil.example", "evil.example"),
            ("null", "127.0.0.1:7680"),
            ("http://localhost:3000", "localhost:7680"),
        ] {
            assert!(!call(Some(origin), host, &named), "{origin}");
        }
    }

    #[test]
    fn where_a_key_is_needed_the_key_decides() {
        let closed = settings("edge: {listen: '0.0.0.0:1'}");
        assert!(call(Some("https://dash.example"), "dash.example", &closed));
        let open = settings("edge: {cors: {origins: ['*']}}");
        assert!(call(Some("https://any.example"), "x", &open));
    }
}
