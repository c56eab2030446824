//! Carries the trace over a hop, in the W3C `traceparent` and `tracestate` headers.
//!
//! The propagator is used directly and not through the global one, so that a library or a test
//! that never started telemetry passes traces on all the same. Header values that are no text
//! are as good as absent.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceFlags};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes the trace of the current span into `headers`; does nothing outside any trace.
pub fn inject(headers: &mut HeaderMap) {
    inject_span(&tracing::Span::current(), headers);
}

/// Writes the trace of `span` into `headers`, for callers that have not entered it.
pub fn inject_span(span: &tracing::Span, headers: &mut HeaderMap) {
    let context = span.context();
    let span = context.span();
    let told = span.span_context();
    if !told.is_valid() {
        return;
    }
    let flags = told.trace_flags() & TraceFlags::SAMPLED;
    let parent = format!("00-{}-{}-{flags:02x}", told.trace_id(), told.span_id());
    put(TRACE_PARENT, &parent, headers);
    let state = told.trace_state().header();
    if !state.is_empty() {
        put(TRACE_STATE, &state, headers);
    }
}

fn put(name: HeaderName, value: &str, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Reads the caller's trace; an empty context when the headers carry none that is valid.
#[must_use]
pub fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Reader(headers))
}

struct Reader<'a>(&'a HeaderMap);

impl Extractor for Reader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_parent_is_read() {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("traceparent"),
            HeaderValue::from_static(PARENT),
        )]);
        let context = extract(&headers);
        let parent = context.span().span_context().clone();
        assert_eq!(
            parent.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert!(parent.is_remote() && parent.is_sampled());
    }

    #[test]
    fn bytes_that_are_no_text_and_text_that_is_no_trace_are_ignored() {
        for value in [b"\xff\xfe\x80".as_slice(), b"00-zz-zz-01", b""] {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_bytes(value).unwrap());
            assert!(!extract(&headers).span().span_context().is_valid());
        }
    }

    #[test]
    fn outside_a_trace_nothing_is_written() {
        let mut headers = HeaderMap::new();
        inject(&mut headers);
        assert!(headers.get("traceparent").is_none());
    }
}
