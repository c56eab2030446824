//! `edge.dashboard`: the pages for people at the edge.

use std::time::Duration;

use crate::decode::Section;
use crate::read::{boolean, duration};
use crate::secret::{self, Keys};
use crate::value::Secret;

/// The pages for people at the edge.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Whether there are any. Default: yes.
    pub enabled: bool,
    /// Whether somebody has to sign in with a key although no call needs one. Default: no. Where calls
    /// need a key, and anywhere but on loopback, everybody has to.
    pub sign_in: bool,
    /// How long somebody stays signed in. Default: 12 h.
    pub session_ttl: Duration,
    /// What sessions are sealed with. Absent: with something random, so that they end with the
    /// process and are of no use at another edge.
    pub session_secret: Secret,
}

const SESSION_SECRET: Keys = Keys {
    value: "session_secret",
    env: "session_secret_env",
    file: "session_secret_file",
};

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            enabled: true,
            sign_in: false,
            session_ttl: Duration::from_hours(12),
            session_secret: Secret::Unset,
        }
    }
}

impl Dashboard {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            enabled: section.or("enabled", default.enabled, boolean),
            sign_in: section.or("sign_in", default.sign_in, boolean),
            session_ttl: section.or(
                "session_ttl",
                default.session_ttl,
                duration(Duration::from_mins(1)..=Duration::from_hours(30 * 24)),
            ),
            session_secret: secret::read(section, SESSION_SECRET, secret::never_in_file),
        }
    }
}
