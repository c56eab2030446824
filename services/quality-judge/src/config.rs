//! The judge's part of the config.

use std::path::PathBuf;

use terrace_config::{Config, ExternalJudge, Rule};

use crate::profile::Profiles;

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
            max_messages: config.limits.max_messages,
        }
    }
}
