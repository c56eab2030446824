//! Starts logging and tracing for the whole process.
//!
//! Log lines go to stderr, so that stdout stays what a command prints. Spans always get ids and
//! are always passed on, also without a collector: then they are not recorded, and a trace that
//! began elsewhere still goes through this process unbroken. Metrics need no start, see
//! [`crate::metrics`].

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::fields;
use crate::guard::Guard;
use crate::seen;
use crate::traced::{Dispatched, Traced};

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line for people; coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a process wants to tell about itself, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `service.name` of every span, as `terrace-classifier`.
    pub service_name: String,
    /// Which log lines are written, in the syntax of `tracing_subscriber::EnvFilter`, as
    /// `info,terrace=debug`. Does not touch spans.
    pub log_filter: String,
    /// How they look.
    pub log_format: LogFormat,
    /// Address of an OTLP collector that speaks gRPC, as `http://127.0.0.1:4317`; none: spans
    /// are not recorded.
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that is recorded, 0 to 1. A trace that began elsewhere keeps the
    /// decision it came with.
    pub sample_ratio: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_name: "terrace".to_owned(),
            log_filter: "info".to_owned(),
            log_format: LogFormat::Text,
            otlp_endpoint: None,
            sample_ratio: 1.0,
        }
    }
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter is no filter.
    #[error("log filter {filter:?} is not valid: {source}; an example is info,terrace=debug")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The sample ratio is outside 0 to 1.
    #[error("sample ratio {0} is outside 0 to 1")]
    SampleRatio(f64),
    /// The exporter could not be built.
    #[error("OTLP endpoint {endpoint:?} cannot be used: {source}")]
    Exporter {
        /// The endpoint that was given.
        endpoint: String,
        /// What is wrong with it.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// Something in this process has installed a subscriber before.
    #[error("logging was started before in this process")]
    AlreadyStarted,
}

/// Starts logging and tracing. To be called once, inside a tokio runtime.
///
/// # Errors
/// A setting is wrong, or telemetry was started before.
pub fn init(settings: &Settings) -> Result<Guard, Error> {
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|source| Error::Filter {
        filter: settings.log_filter.clone(),
        source,
    })?;
    let provider = tracer_provider(settings)?;
    seen::note(filter.max_level_hint(), settings.otlp_endpoint.is_some());
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    tracing_subscriber::registry()
        .with(span_layer(&provider))
        .with(log_layer(settings.log_format).with_filter(filter))
        .try_init()
        .map_err(|_| Error::AlreadyStarted)?;
    Ok(Guard::new(provider))
}

/// Turns spans of `tracing` into spans of `provider`: ours from level INFO up, and nothing of the
/// libraries below, whose spans would include those of the exporter itself.
pub(crate) fn span_layer<S>(provider: &SdkTracerProvider) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let ours = Targets::new()
        .with_target("terrace", Level::INFO)
        .with_default(LevelFilter::OFF);
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("terrace"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Otherwise a span is made the thread's current one of OpenTelemetry at every poll of what it
        // is around, for which nobody here asks.
        .with_context_activation(false)
        .with_filter(ours)
}

pub(crate) fn tracer_provider(settings: &Settings) -> Result<SdkTracerProvider, Error> {
    if !(0.0..=1.0).contains(&settings.sample_ratio) {
        return Err(Error::SampleRatio(settings.sample_ratio));
    }
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.with_sampler(parent_or(Sampler::AlwaysOff)).build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|source| Error::Exporter {
            endpoint: endpoint.clone(),
            source,
        })?;
    Ok(builder
        .with_sampler(parent_or(Sampler::TraceIdRatioBased(settings.sample_ratio)))
        .with_batch_exporter(exporter)
        .build())
}

fn parent_or(root: Sampler) -> Sampler {
    Sampler::ParentBased(Box::new(root))
}

fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    match format {
        LogFormat::Json => json_layer(std::io::stderr),
        LogFormat::Text => text_layer(std::io::stderr, std::io::stderr().is_terminal()),
    }
}

fn json_layer<S, W>(writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::format()
        .json()
        .flatten_event(true)
        .with_span_list(false);
    let dispatch = Dispatched::default();
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .event_format(Traced::new(json, dispatch.clone()))
        .and_then(dispatch)
        .boxed()
}

fn text_layer<S, W>(writer: W, terminal: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .fmt_fields(debug_fn(write_field).delimited(" "));
    // Left alone, the layer colours unless NO_COLOR is set; a pipe is for us to notice.
    if terminal {
        layer.boxed()
    } else {
        layer.with_ansi(false).boxed()
    }
}

/// Writes one field of a line for people, leaving out what only a collector wants to know.
fn write_field(
    writer: &mut Writer<'_>,
    field: &Field,
    value: &dyn std::fmt::Debug,
) -> std::fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if name.starts_with("otel.") || name == fields::RPC_SYSTEM_NAME => Ok(()),
        name => write!(writer, "{name}={value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    #[test]
    fn a_wrong_filter_is_named() {
        let settings = Settings {
            log_filter: "terrace=loud".to_owned(),
            ..Settings::default()
        };
        let error = init(&settings).unwrap_err();
        assert!(error.to_string().contains("terrace=loud"), "{error}");
    }

    #[test]
    fn a_sample_ratio_outside_its_range_is_refused() {
        for sample_ratio in [-0.1, 1.1, f64::NAN] {
            let settings = Settings {
                sample_ratio,
                ..Settings::default()
            };
            assert!(matches!(init(&settings), Err(Error::SampleRatio(_))));
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_once() {
        let span = tracing::info_span!("rpc", otel.kind = "server", rpc.method = "t.v1.T/Do");
        span.in_scope(|| tracing::info!(task.name = "refresh", "task ended"));
    }

    #[test]
    fn a_line_for_people_has_no_escapes_in_a_pipe_and_nothing_for_collectors() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = text_layer(move || writer.clone(), false);
        with_default(tracing_subscriber::registry().with(layer), log_once);
        let text = lines.text();
        assert!(text.contains("rpc.method=\"t.v1.T/Do\"}"), "{text}");
        assert!(text.contains("task ended task.name=\"refresh\""), "{text}");
        assert!(
            !text.contains("otel.") && !text.contains('\u{1b}'),
            "{text}"
        );
    }

    #[test]
    fn a_line_for_machines_names_its_trace_however_deep_it_is_written() {
        let lines = Lines::default();
        let writer = lines.clone();
        let provider = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(span_layer(&provider))
            .with(json_layer(move || writer.clone()));
        with_default(subscriber, || {
            tracing::info!("before");
            let outer = tracing::info_span!(target: "terrace_test", "outer");
            let inner = outer.in_scope(|| tracing::info_span!(target: "terrace_test", "inner"));
            outer.in_scope(|| tracing::info!("around"));
            inner.in_scope(|| tracing::info!("within"));
        });
        let text = lines.text();
        let ids: Vec<_> = text
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let id = |key: &str| line[key].as_str().map(str::to_owned);
                (id("trace_id"), id("span_id"))
            })
            .collect();
        let [before, around, within] = &ids[..] else {
            panic!("{text}");
        };
        assert_eq!(*before, (None, None));
        assert_eq!(around.0.as_ref().map(String::len), Some(32));
        assert_eq!(around.0, within.0);
        assert_ne!(around.1, within.1);
    }

    #[test]
    fn a_line_for_machines_names_its_trace_where_spans_are_filtered_out_of_the_log() {
        let lines = Lines::default();
        let writer = lines.clone();
        let provider = SdkTracerProvider::builder().build();
        let log = json_layer(move || writer.clone());
        let subscriber = tracing_subscriber::registry()
            .with(span_layer(&provider))
            .with(log.with_filter(EnvFilter::new("warn")));
        with_default(subscriber, || {
            let span = tracing::info_span!(target: "terrace_test", "around");
            span.in_scope(|| tracing::warn!("late"));
        });
        let line: serde_json::Value = serde_json::from_str(lines.text().trim()).unwrap();
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
    }

    #[test]
    fn a_line_for_machines_is_one_object() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = json_layer(move || writer.clone());
        with_default(tracing_subscriber::registry().with(layer), log_once);
        let text = lines.text();
        assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
        assert!(text.contains("\"message\":\"task ended\""), "{text}");
    }
}
