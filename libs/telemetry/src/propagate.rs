//! Carries the trace over a hop, in the W3C `traceparent` and `tracestate` headers.
//!
//! The propagator is used directly and not through the global one, so that a library or a test
//! that never started telemetry passes traces on all the same. Header values that are no text
//! are as good as absent.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Writes the trace of the current span into `headers`; does nothing outside any trace.
pub fn inject(headers: &mut HeaderMap) {
    inject_span(&tracing::Span::current(), headers);
}

/// Writes the trace of `span` into `headers`, for callers that have not entered it.
pub fn inject_span(span: &tracing::Span, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut Carrier(headers));
}

/// Reads the caller's trace; an empty context when the headers carry none that is valid.
#[must_use]
pub fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Reader(headers))
}

struct Carrier<'a>(&'a mut HeaderMap);

impl Injector for Carrier<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
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
    use opentelemetry::trace::TraceContextExt;

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
