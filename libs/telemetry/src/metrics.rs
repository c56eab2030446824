//! One metrics registry for the process, and its text in the Prometheus format.
//!
//! The registry exists from the first use on, whether or not [`crate::init()`] was called, so an
//! instrument can be made anywhere and at any time, once for each name. Labels have to be bounded:
//! tiers, models, reasons and rpc methods are, ids and anything a caller types are not.

mod instruments;
mod observed;

use std::sync::LazyLock;

use prometheus::core::Collector;
use prometheus::{Encoder, Registry, TextEncoder};

pub use instruments::{BoundGauge, BoundHistogram, Counters, Gauges, Histograms};
pub use observed::Observed;

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

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

/// A name that is none, or stands twice, is a defect that the first test of it meets.
#[expect(clippy::expect_used, reason = "names are constants of the code")]
fn registered<C: Collector + Clone + 'static>(made: prometheus::Result<C>) -> C {
    let collector = made.expect("names of metrics and labels are proper");
    let registered = REGISTRY.register(Box::new(collector.clone()));
    registered.expect("each metric is made once");
    collector
}

/// A name as Prometheus writes it: `rpc.method` is `rpc_method`.
#[must_use]
pub fn prometheus_name(name: &str) -> String {
    name.replace('.', "_")
}

/// Every metric of the process, as Prometheus text.
#[must_use]
pub fn render() -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&REGISTRY.gather(), &mut text) {
        tracing::error!(%error, "metrics could not be written");
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_in_order() {
        for bounds in [&MODEL_SECONDS[..], &RPC_SECONDS[..], &TOKENS[..]] {
            assert!(bounds.is_sorted());
        }
    }
}
