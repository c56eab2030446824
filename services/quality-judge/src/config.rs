//! The judge's part of the config.

use std::path::PathBuf;

use terrace_config::{Config, ExternalJudge, Rule, SecondOpinion};
use terrace_domain::{BackendName, ModelName};

use crate::profile::Profiles;
use crate::second::{self, Advisor, Model, Odds};

/// Everything that the judge takes from the config.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How much each check counts, per action.
    pub profiles: Profiles,
    /// File of the learned head; the built-in one without it.
    pub head: Option<PathBuf>,
    /// Rules of the user's own.
    pub rules: Vec<Rule>,
    /// Judges of the user's own.
    pub external: Vec<ExternalJudge>,
    /// Models that are asked for a second opinion, if any is.
    pub seconds: Option<second::Settings>,
    /// Where the gateways of their backends are.
    pub gateways: Vec<(BackendName, String)>,
    /// Most messages of a request.
    pub max_messages: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profiles: Profiles::default(),
            head: None,
            rules: Vec::new(),
            external: Vec::new(),
            seconds: None,
            gateways: Vec::new(),
            max_messages: terrace_config::Limits::default().max_messages,
        }
    }
}

impl Settings {
    /// Takes the judge's part of a checked config.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        Self {
            profiles: Profiles::from_config(&config.judge),
            head: config.judge.head.clone(),
            rules: config.judge.rules.clone(),
            external: config.judge.external.clone(),
            seconds: seconds(config),
            gateways: gateways(config),
            max_messages: config.limits.max_messages,
        }
    }
}

/// Who is asked for a second opinion; nothing where nobody is.
fn seconds(config: &Config) -> Option<second::Settings> {
    let judge = &config.judge;
    let (agreement, critique) = (judge.agreement.as_ref(), judge.critique.as_ref());
    (agreement.is_some() || critique.is_some()).then(|| second::Settings {
        grey_zone: [judge.grey_zone.from, judge.grey_zone.to],
        agreement: agreement.map(|asked| advisor(config, asked)),
        critique: critique.map(|asked| advisor(config, asked)),
    })
}

fn advisor(config: &Config, asked: &SecondOpinion) -> Advisor {
    Advisor {
        models: models(config, asked.model.as_ref()),
        timeout: asked.timeout,
        max_output_tokens: asked.max_output_tokens,
        odds: Odds {
            when_right: asked.when_right,
            when_wrong: asked.when_wrong,
        },
    }
}

/// The named model, else every model that costs nothing, the highest tier's first.
fn models(config: &Config, named: Option<&ModelName>) -> Vec<Model> {
    let free = config.enabled_models().filter(|(_, model)| {
        let is_wanted = named.is_none_or(|name| name == &model.name);
        is_wanted && model.price.is_free() && !model.capabilities.embeddings
    });
    let models = free.map(|(tier, model)| Model {
        name: model.name.clone(),
        backend: model.backend.clone(),
        tier: tier.name.clone(),
        price: model.price,
    });
    let mut models: Vec<_> = models.collect();
    models.reverse();
    models
}

fn gateways(config: &Config) -> Vec<(BackendName, String)> {
    let backends = config.backends.iter();
    let gateways = backends.map(|backend| (backend.name.clone(), backend.gateway.address()));
    gateways.collect()
}
