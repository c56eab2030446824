//! The judge's part of the config.

use terrace_config::Config;

use crate::profile::Profiles;

/// Everything that the judge takes from the config.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How much each check counts, per action.
    pub profiles: Profiles,
    /// Most messages of a request.
    pub max_messages: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profiles: Profiles::default(),
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
            max_messages: config.limits.max_messages,
        }
    }
}
