//! What is counted and measured, told apart by a fixed number of labels.
//!
//! Names of metrics and labels are given with dots, as OpenTelemetry writes them, and shown as
//! Prometheus does. A label that says nothing is empty, which Prometheus takes for absent. One that
//! is recorded with every hop is kept at hand ([`Histograms::of`]): that saves looking for its labels,
//! which is most of what recording costs.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

use super::{prometheus_name, registered};

/// One histogram of several, at hand.
pub use prometheus::Histogram as BoundHistogram;
/// One gauge of several, at hand.
pub use prometheus::IntGauge as BoundGauge;

/// What only rises.
#[derive(Debug, Clone)]
pub struct Counters<const LABELS: usize>(IntCounterVec);

impl<const LABELS: usize> Counters<LABELS> {
    /// Makes the one counter of this name; it is shown with `_total` behind it.
    #[must_use]
    pub fn new(name: &str, about: &str, labels: [&str; LABELS]) -> Self {
        let options = Opts::new(prometheus_name(name) + "_total", about);
        Self(with_labels(labels, |labels| {
            registered(IntCounterVec::new(options, labels))
        }))
    }

    /// Counts `by` more.
    pub fn add(&self, by: u64, values: [&str; LABELS]) {
        self.0.with_label_values(&values).inc_by(by);
    }
}

/// What rises and falls.
#[derive(Debug, Clone)]
pub struct Gauges<const LABELS: usize>(IntGaugeVec);

impl<const LABELS: usize> Gauges<LABELS> {
    /// Makes the one gauge of this name.
    #[must_use]
    pub fn new(name: &str, about: &str, labels: [&str; LABELS]) -> Self {
        Self(with_labels(labels, |labels| {
            registered(gauges(name, about, labels))
        }))
    }

    /// The gauge of these labels.
    #[must_use]
    pub fn of(&self, values: [&str; LABELS]) -> BoundGauge {
        self.0.with_label_values(&values)
    }

    /// Shows a value.
    pub fn set(&self, value: i64, values: [&str; LABELS]) {
        self.of(values).set(value);
    }

    /// Shows one that is higher, or lower, by so much.
    pub fn add(&self, by: i64, values: [&str; LABELS]) {
        self.of(values).add(by);
    }
}

/// How often something was how much.
#[derive(Debug, Clone)]
pub struct Histograms<const LABELS: usize>(HistogramVec);

impl<const LABELS: usize> Histograms<LABELS> {
    /// Makes the one histogram of this name.
    #[must_use]
    pub fn new(name: &str, about: &str, labels: [&str; LABELS], bounds: &[f64]) -> Self {
        let options = HistogramOpts::new(prometheus_name(name), about).buckets(bounds.to_vec());
        Self(with_labels(labels, |labels| {
            registered(HistogramVec::new(options, labels))
        }))
    }

    /// Makes one of seconds; it is shown with `_seconds` behind its name.
    #[must_use]
    pub fn seconds(name: &str, about: &str, labels: [&str; LABELS], bounds: &[f64]) -> Self {
        Self::new(&format!("{name}_seconds"), about, labels, bounds)
    }

    /// The histogram of these labels.
    #[must_use]
    pub fn of(&self, values: [&str; LABELS]) -> BoundHistogram {
        self.0.with_label_values(&values)
    }

    /// Records one value.
    pub fn record(&self, value: f64, values: [&str; LABELS]) {
        self.of(values).observe(value);
    }
}

pub(super) fn gauges(name: &str, about: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(prometheus_name(name), about), labels)
}

/// Makes something with these labels, as Prometheus writes them.
pub(super) fn with_labels<const LABELS: usize, T>(
    labels: [&str; LABELS],
    make: impl FnOnce(&[&str]) -> T,
) -> T {
    let names = labels.map(prometheus_name);
    make(&names.each_ref().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{RPC_SECONDS, render};

    #[test]
    fn a_histogram_is_shown_with_its_unit_and_bounds() {
        let about = "Time of a test.";
        let labels = ["rpc.method", "error.type"];
        let times = Histograms::seconds("terrace.test.duration", about, labels, &RPC_SECONDS);
        times.record(0.000_2, ["t.v1.T/Do", ""]);
        let (text, labels) = (render(), r#"error_type="",rpc_method="t.v1.T/Do""#);
        for expected in [
            "# HELP terrace_test_duration_seconds Time of a test.".to_owned(),
            format!("terrace_test_duration_seconds_bucket{{{labels},le=\"0.0001\"}} 0"),
            format!("terrace_test_duration_seconds_bucket{{{labels},le=\"0.00025\"}} 1"),
            format!("terrace_test_duration_seconds_count{{{labels}}} 1"),
        ] {
            assert!(text.contains(&expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn a_counter_says_that_it_is_a_total_and_a_gauge_does_not() {
        let things = Counters::new("terrace.test.things", "Things.", []);
        things.add(1, []);
        things.add(2, []);
        let places = Gauges::new("terrace.test.places", "Places.", ["terrace.tier"]);
        places.set(5, ["low"]);
        places.add(-1, ["low"]);
        let text = render();
        assert!(text.contains("\nterrace_test_things_total 3\n"), "{text}");
        assert!(text.contains("\nterrace_test_places{terrace_tier=\"low\"} 4\n"));
    }
}
