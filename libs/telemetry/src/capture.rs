//! Keeps finished spans in memory, so that tests can ask what a trace looks like.
//!
//! Spans of all tests of one binary end up in one place, since a process has one subscriber:
//! start a span of your own as the root and ask for its trace. Nothing but tests calls this.

use std::sync::OnceLock;

use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The finished spans of this process.
#[derive(Debug, Clone)]
pub struct Capture {
    exporter: InMemorySpanExporter,
    /// Kept because spans are only recorded while their provider lives.
    _provider: SdkTracerProvider,
}

/// Starts to keep spans, at the first call; later calls return the same capture.
///
/// Does nothing if telemetry was started before by [`crate::init()`].
pub fn start() -> Capture {
    static CAPTURE: OnceLock<Capture> = OnceLock::new();
    let capture = CAPTURE.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        // Another subscriber means that this process is no test: then there is nothing to keep.
        let _ = tracing_subscriber::registry()
            .with(crate::init::span_layer(&provider))
            .try_init();
        Capture {
            exporter,
            _provider: provider,
        }
    });
    capture.clone()
}

/// Makes a span that is the root of a new trace, and returns it with the trace's id.
#[must_use]
pub fn root(name: &'static str) -> (tracing::Span, TraceId) {
    let span = tracing::info_span!(target: "terrace_test", parent: None, "root", otel.name = name);
    let trace = span.context().span().span_context().trace_id();
    (span, trace)
}

impl Capture {
    /// The finished spans of one trace, in the order they ended.
    #[must_use]
    pub fn spans(&self, trace: TraceId) -> Vec<SpanData> {
        let mut spans = self.exporter.get_finished_spans().unwrap_or_default();
        spans.retain(|span| span.span_context.trace_id() == trace);
        spans
    }

    /// The span tree of one trace as indented names, children in the order they began.
    #[must_use]
    pub fn tree(&self, trace: TraceId) -> String {
        let mut spans = self.spans(trace);
        spans.sort_by_key(|span| span.start_time);
        let known: Vec<SpanId> = spans.iter().map(|s| s.span_context.span_id()).collect();
        let mut text = String::new();
        for root in spans.iter().filter(|s| !known.contains(&s.parent_span_id)) {
            write_tree(&spans, root, 0, &mut text);
        }
        text
    }
}

fn write_tree(spans: &[SpanData], span: &SpanData, depth: usize, text: &mut String) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(&span.name);
    text.push('\n');
    let id = span.span_context.span_id();
    for child in spans.iter().filter(|child| child.parent_span_id == id) {
        write_tree(spans, child, depth + 1, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_shows_who_called_whom() {
        let capture = start();
        let (root, trace) = root("request");
        root.in_scope(|| {
            let outer = tracing::info_span!(target: "terrace_test", "classify");
            outer.in_scope(|| tracing::info_span!(target: "terrace_test", "score"));
        });
        drop(root);
        assert_eq!(capture.tree(trace), "request\n  classify\n    score\n");
    }
}
