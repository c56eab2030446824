//! Whether anybody gets to see a span.
//!
//! A span costs a few microseconds whether or not it is shown. Most are worth it at any rate, because
//! they carry a trace on; one more within the same process carries nothing on that its parent does not.
//! A log shows such a one from DEBUG on: at INFO a request writes no line unless something is wrong with
//! it, and that line has in its own fields what it is about.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Who would see a span; everybody, until somebody says otherwise.
static AUDIENCE: Audience = Audience::everybody();

struct Audience {
    /// Whether the log writes the spans within a process beside its lines.
    log: AtomicBool,
    /// Whether there is a collector, who records the traces that are sampled.
    collector: AtomicBool,
}

/// Notes the most that the log writes, `None` if that cannot be told, and whether there is a collector.
pub(crate) fn note(log: Option<LevelFilter>, is_collected: bool) {
    AUDIENCE.note(log, is_collected);
}

/// Whether a child of the current span would be seen: by the log, or by a collector that records its
/// trace.
#[must_use]
pub fn are_spans_seen() -> bool {
    AUDIENCE.sees()
}

/// A child of the current span, where it would be seen, and else none.
pub fn span(make: impl FnOnce() -> Span) -> Span {
    match are_spans_seen() {
        true => make(),
        false => Span::none(),
    }
}

impl Audience {
    const fn everybody() -> Self {
        Self {
            log: AtomicBool::new(true),
            collector: AtomicBool::new(true),
        }
    }

    fn note(&self, log: Option<LevelFilter>, is_collected: bool) {
        let shows = log.is_none_or(|most| most >= LevelFilter::DEBUG);
        self.log.store(shows, Ordering::Relaxed);
        self.collector.store(is_collected, Ordering::Relaxed);
    }

    fn sees(&self) -> bool {
        let is_sampled = || {
            let context = Span::current().context();
            context.span().span_context().is_sampled()
        };
        self.log.load(Ordering::Relaxed) || (self.collector.load(Ordering::Relaxed) && is_sampled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture;

    #[test]
    fn a_span_is_seen_by_a_log_that_writes_spans_or_by_who_records_its_trace() {
        let audience = Audience::everybody();
        assert!(audience.sees());
        audience.note(Some(LevelFilter::WARN), true);
        assert!(!audience.sees(), "there is no trace here");
        let _captured = capture::start();
        let (recorded, _) = capture::root("request");
        assert!(recorded.in_scope(|| audience.sees()));
        audience.note(Some(LevelFilter::WARN), false);
        assert!(!recorded.in_scope(|| audience.sees()), "nobody records it");
        audience.note(Some(LevelFilter::INFO), false);
        assert!(
            !audience.sees(),
            "a line of that level says by itself what it is about"
        );
        audience.note(Some(LevelFilter::DEBUG), false);
        assert!(audience.sees());
    }
}
