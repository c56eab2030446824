//! Puts the ids of trace and span at the beginning of each JSON line.
//!
//! The formatter knows the fields of the innermost span that its own filter lets through, and the
//! trace's id is no field of that one: a line that is written three spans deep, or where spans are
//! filtered out of the log, would belong to no trace. So the ids come from OpenTelemetry's context of
//! the current span, whatever the filter says of that.

use std::sync::{Arc, OnceLock};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::dispatcher::WeakDispatch;
use tracing::{Dispatch, Event, Subscriber};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::fields;

/// What all layers are put together in, known once it is. Clones know the same.
#[derive(Debug, Default, Clone)]
pub(crate) struct Dispatched(Arc<OnceLock<WeakDispatch>>);

impl<S: Subscriber> Layer<S> for Dispatched {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // The first one: there is no other.
        let _known = self.0.set(dispatch.downgrade());
    }
}

impl Dispatched {
    /// OpenTelemetry's context of the current span, if there is one.
    fn context(&self) -> Option<Context> {
        let dispatch = self.0.get()?.upgrade()?;
        let current = dispatch.current_span();
        get_otel_context(current.id()?, &dispatch)
    }
}

/// A formatter of JSON lines, with the ids before what it writes.
#[derive(Debug)]
pub(crate) struct Traced<F> {
    inner: F,
    dispatched: Dispatched,
}

impl<F> Traced<F> {
    pub(crate) const fn new(inner: F, dispatched: Dispatched) -> Self {
        Self { inner, dispatched }
    }
}

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
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        let current = self.dispatched.context().unwrap_or_default();
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
