//! One metrics registry for the process, and its text in the Prometheus format.
//!
//! The registry exists from the first use on, whether or not [`crate::init()`] was called, so an
//! instrument can be made anywhere and at any time. Labels have to be bounded: tiers, models,
//! reasons and rpc methods are, ids and anything a caller types are not.

use std::sync::LazyLock;

use opentelemetry::metrics::{Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::core::Collector;
use prometheus::{Encoder, HistogramOpts, Opts, Registry, TextEncoder};

/// What a `/metrics` answer says its body is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds in seconds for calls of models: tens of milliseconds to five minutes.
pub const MODEL_SECONDS: [f64; 15] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 300.0,
];

/// Bounds in seconds for our own rpcs: 50 us for a call within the process, up to a stream that
/// carries a model's answer.
pub const RPC_SECONDS: [f64; 20] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// Bounds for token counts of one call.
pub const TOKENS: [f64; 10] = [
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    131_072.0,
    262_144.0,
    1_048_576.0,
];

struct Pipeline {
    registry: Registry,
    provider: SdkMeterProvider,
}

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .without_target_info()
        .build();
    let builder = SdkMeterProvider::builder();
    let provider = match exporter {
        Ok(exporter) => builder.with_reader(exporter).build(),
        // Only a registry that knows the collector already can refuse, and this one is new.
        Err(_) => builder.build(),
    };
    Pipeline { registry, provider }
});

/// The meter that every instrument of this process is made from.
#[must_use]
pub fn meter() -> Meter {
    PIPELINE.provider.meter("terrace")
}

/// Makes a histogram of seconds with bounds of our own: the default ones are for milliseconds.
#[must_use]
pub fn seconds(name: &'static str, about: &'static str, bounds: &[f64]) -> Histogram<f64> {
    meter()
        .f64_histogram(name)
        .with_unit("s")
        .with_description(about)
        .with_boundaries(bounds.to_vec())
        .build()
}

/// A histogram that is recorded with every hop. A child of it, kept at hand, records without looking
/// for its labels, which is most of what recording costs.
pub use prometheus::Histogram as BoundHistogram;
/// The same for what rises and falls.
pub use prometheus::IntGauge as BoundGauge;
pub use prometheus::{HistogramVec, IntGaugeVec};

/// Makes the one histogram of this name, by names as Prometheus writes them.
#[must_use]
pub fn bound_seconds(name: &str, about: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, about).buckets(bounds.to_vec());
    registered(HistogramVec::new(options, labels))
}

/// Makes the one gauge of this name, by names as Prometheus writes them.
#[must_use]
pub fn bound_gauge(name: &str, about: &str, labels: &[&str]) -> IntGaugeVec {
    registered(IntGaugeVec::new(Opts::new(name, about), labels))
}

/// A name that is none, or stands twice, is a defect that the first test of it meets.
#[expect(clippy::expect_used, reason = "names are constants of the code")]
fn registered<C: Collector + Clone + 'static>(made: prometheus::Result<C>) -> C {
    let collector = made.expect("names of metrics and labels are proper");
    let registered = PIPELINE.registry.register(Box::new(collector.clone()));
    registered.expect("each metric is made once");
    collector
}

/// A name as Prometheus writes it: `rpc.method` is `rpc_method`.
#[must_use]
pub fn label(field: &str) -> String {
    field.replace('.', "_")
}

/// Every metric of the process, as Prometheus text.
#[must_use]
pub fn render() -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&PIPELINE.registry.gather(), &mut text) {
        tracing::error!(%error, "metrics could not be written");
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;

    #[test]
    fn a_histogram_is_rendered_with_its_unit_and_bounds() {
        let histogram = seconds("terrace.test.duration", "Time of a test.", &RPC_SECONDS);
        histogram.record(0.000_2, &[KeyValue::new("rpc.method", "t.v1.T/Do")]);
        let text = render();
        for expected in [
            "# HELP terrace_test_duration_seconds Time of a test.",
            r#"terrace_test_duration_seconds_bucket{rpc_method="t.v1.T/Do",le="0.0001"} 0"#,
            r#"terrace_test_duration_seconds_bucket{rpc_method="t.v1.T/Do",le="0.00025"} 1"#,
            r#"terrace_test_duration_seconds_count{rpc_method="t.v1.T/Do"} 1"#,
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn a_counter_gets_the_suffix_of_prometheus() {
        meter()
            .u64_counter("terrace.test.things")
            .build()
            .add(3, &[]);
        assert!(render().contains("terrace_test_things_total 3"));
    }

    #[test]
    fn bounds_are_in_order() {
        for bounds in [&MODEL_SECONDS[..], &RPC_SECONDS[..], &TOKENS[..]] {
            assert!(bounds.is_sorted());
        }
    }
}
