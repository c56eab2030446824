//! What one gateway needs of the config: its backend, the models that the config puts on it, and
//! the limits.
//!
//! Nothing here reads a file or the environment; the loader has done both, and the checks too.

use std::time::Duration;

use terrace_config::{Backend, Config, Limits, Model};
use terrace_domain::{BackendName, TierName};

use crate::error::Error;

/// How soon it is asked again after it did not answer, or let a call down.
const REFRESH_SOON: Duration = Duration::from_secs(2);

/// Settings of one gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The backend it stands in front of.
    pub backend: Backend,
    /// The enabled models on that backend.
    pub models: Vec<Served>,
    /// How much of anything is accepted.
    pub limits: Limits,
    /// How soon it is asked again after a failure.
    pub refresh_soon: Duration,
}

/// A model and where the config puts it.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// Its tier.
    pub tier: TierName,
    /// The model.
    pub model: Model,
}

impl Settings {
    /// The part of the config for the gateway of `backend`.
    ///
    /// # Errors
    /// [`Error::UnknownBackend`] when no enabled model uses a backend of that name.
    pub fn from_config(config: &Config, backend: &BackendName) -> Result<Self, Error> {
        let found = config.backend(backend);
        let backend = found.ok_or_else(|| unknown(config, backend))?.clone();
        let models = config
            .enabled_models()
            .filter(|(_, model)| model.backend == backend.name)
            .map(|(tier, model)| Served {
                tier: tier.name.clone(),
                model: model.clone(),
            })
            .collect();
        Ok(Self::new(backend, models, config.limits))
    }

    /// Settings with every default.
    #[must_use]
    pub const fn new(backend: Backend, models: Vec<Served>, limits: Limits) -> Self {
        Self {
            backend,
            models,
            limits,
            refresh_soon: REFRESH_SOON,
        }
    }
}

fn unknown(config: &Config, name: &BackendName) -> Error {
    let names: Vec<&str> = config.backends.iter().map(|b| b.name.as_str()).collect();
    Error::UnknownBackend {
        name: name.to_string(),
        known: format!("the config has: {}", names.join(", ")),
    }
}

#[cfg(test)]
pub(crate) mod for_testing {
    //! Models and backends as unit tests need them.

    use terrace_config::{BackendKind, Capabilities, Known, PriceSource};
    use terrace_domain::{ModelName, NanoUsd, Price};

    use super::*;

    pub(crate) fn model(name: &str) -> Model {
        Model {
            name: ModelName::new(name).unwrap(),
            enabled: true,
            backend: BackendName::new("test").unwrap(),
            price: Price::FREE,
            price_source: PriceSource::Free,
            price_version: String::new(),
            gpu_hour: NanoUsd::ZERO,
            context_window: 8192,
            max_output_tokens: 1024,
            max_concurrency: None,
            capabilities: Capabilities::default(),
            known: Known::default(),
        }
    }

    pub(crate) fn settings(kind: BackendKind, models: &[&str]) -> Settings {
        let url = "http://127.0.0.1:9".parse().unwrap();
        let backend = Backend::new(BackendName::new("test").unwrap(), kind, url);
        let served = models.iter().map(|name| Served {
            tier: TierName::new("local_fast").unwrap(),
            model: model(name),
        });
        Settings::new(backend, served.collect(), Limits::default())
    }
}
