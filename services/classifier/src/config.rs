//! The classifier's part of the config.

use std::path::PathBuf;

use terrace_config::Config;

use crate::learning::LearningSettings;
use crate::markers::Markers;
use crate::overrides::Overrides;

/// Everything that the classifier takes from the config.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Actions that always start at a tier.
    pub overrides: Overrides,
    /// Beginnings of prompts that name a tier.
    pub markers: Markers,
    /// File of weights; the built-in ones without it.
    pub weights: Option<PathBuf>,
    /// Whether, and where, it learns from its own traffic.
    pub learning: Option<LearningSettings>,
    /// Limits on the size of a request.
    pub limits: RequestLimits,
}

/// Limits on the size of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Most bytes of text in all messages.
    pub max_prompt_bytes: u64,
    /// Most messages.
    pub max_messages: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self::of(&terrace_config::Limits::default())
    }
}

impl RequestLimits {
    const fn of(limits: &terrace_config::Limits) -> Self {
        Self {
            max_prompt_bytes: limits.max_prompt_bytes.get(),
            max_messages: limits.max_messages,
        }
    }
}

impl Settings {
    /// Takes the classifier's part of a checked config.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let routing = &config.routing;
        let markers = routing
            .markers
            .iter()
            .map(|marker| (marker.prefix.clone(), marker.tier.clone()));
        Self {
            overrides: Overrides::new(routing.action_tier_overrides.clone()),
            markers: Markers::new(markers),
            weights: routing.classifier_weights.clone(),
            learning: routing.learning.enabled.then(|| LearningSettings {
                folder: routing.learning.folder.clone(),
                snapshot_every: routing.learning.snapshot_every,
                keep: routing.learning.keep,
            }),
            limits: RequestLimits::of(&config.limits),
        }
    }
}
