//! `routing.hedge`: when another model is called beside one whose first token is late.

use std::time::Duration;

use crate::decode::Section;
use crate::read::{boolean, duration, number};

/// When another model is called beside a late one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hedge {
    /// Whether it is when a request does not say. Default: no.
    pub enabled: bool,
    /// How long a first token may take while too little is known of the model. Default: 2 s.
    pub default_delay: Duration,
    /// The shortest wait, however fast the model is. Default: 100 ms.
    pub min_delay: Duration,
    /// Hedged calls as a share of all: a backend that slows down for all is not given twice the
    /// work. Default: 0.1.
    pub budget: f64,
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            enabled: false,
            default_delay: Duration::from_secs(2),
            min_delay: Duration::from_millis(100),
            budget: 0.1,
        }
    }
}

impl Hedge {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let delay = || duration(Duration::from_millis(1)..=Duration::from_mins(10));
        Self {
            enabled: section.or("enabled", own.enabled, boolean),
            default_delay: section.or("default_delay", own.default_delay, delay()),
            min_delay: section.or("min_delay", own.min_delay, delay()),
            budget: section.or("budget", own.budget, number(0.0..=1.0)),
        }
    }
}
