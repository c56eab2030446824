//! What reads bytes from outside, as fuzz targets see it: bytes in, nothing out.

use std::sync::LazyLock;

use terrace_learned::Weights;

use crate::classify::Classifier;
use crate::config::Settings;
use crate::grpc;

/// With the rules of the built-in config.
static CLASSIFIER: LazyLock<Option<Classifier>> = LazyLock::new(|| {
    let loaded = terrace_config::parse("", "none", []).ok()?;
    let settings = Settings::from_config(&loaded.config);
    let weights = Weights::untrained();
    Some(Classifier::new(
        settings.overrides,
        settings.markers,
        weights,
    ))
});

/// The messages of callers.
pub fn messages(data: &[u8]) {
    if let Some(classifier) = &*CLASSIFIER {
        grpc::read(data, classifier);
    }
}
