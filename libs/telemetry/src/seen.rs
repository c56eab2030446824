//! Whether anybody gets to see a span.
//!
//! A span costs a few microseconds whether or not it is shown. Most are worth it at any rate, because
//! they carry a trace on; one more within the same process carries nothing on that its parent does not.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Whether the log writes spans beside its lines; so it does until somebody says what it writes.
static IN_LOG: AtomicBool = AtomicBool::new(true);

/// Whether there is a collector, who records the traces that are sampled.
static COLLECTED: AtomicBool = AtomicBool::new(true);

/// Notes the most that the log writes, `None` if that cannot be told, and whether there is a collector.
pub(crate) fn note(log: Option<LevelFilter>, is_collected: bool) {
    let shows = log.is_none_or(|most| most >= LevelFilter::INFO);
    IN_LOG.store(shows, Ordering::Relaxed);
    COLLECTED.store(is_collected, Ordering::Relaxed);
}

/// Whether a child of the current span would be seen: by the log, or by a collector that records its
/// trace.
#[must_use]
pub fn are_spans_seen() -> bool {
    IN_LOG.load(Ordering::Relaxed) || Span::current().context().span().span_context().is_sampled()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture;

    #[test]
    fn a_span_is_seen_by_a_log_that_writes_spans_or_by_who_records_its_trace() {
        assert!(are_spans_seen(), "nobody has said yet what the log writes");
        note(Some(LevelFilter::WARN), true);
        assert!(!are_spans_seen());
        let _captured = capture::start();
        let (recorded, _) = capture::root("request");
        assert!(recorded.in_scope(are_spans_seen));
        note(Some(LevelFilter::WARN), false);
        assert!(!recorded.in_scope(are_spans_seen), "nobody records it");
        note(Some(LevelFilter::INFO), false);
        assert!(are_spans_seen());
    }
}
