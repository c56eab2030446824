//! Puts the ids of trace and span at the beginning of each JSON line.
//!
//! The formatter knows the fields of the innermost span, and the trace's id is no field of that one:
//! a line that is written three spans deep would belong to no trace. The ids come from the
//! OpenTelemetry context of the thread, which follows the spans.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::fields;

/// A formatter of JSON lines, with the ids before what it writes.
#[derive(Debug)]
pub(crate) struct Traced<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let current = Context::current();
        let span = current.span().span_context().clone();
        match line.strip_prefix('{') {
            Some(rest) if span.is_valid() => write!(
                writer,
                r#"{{"{}":"{}","{}":"{}",{rest}"#,
                fields::TRACE_ID,
                span.trace_id(),
                fields::SPAN_ID,
                span.span_id(),
            ),
            _ => writer.write_str(&line),
        }
    }
}
