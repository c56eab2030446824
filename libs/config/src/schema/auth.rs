//! `auth`: whether callers need a key, and the secret that keys are stored with.

use std::time::Duration;

use crate::decode::Section;
use crate::read::{boolean, duration};
use crate::secret::{self, Keys};
use crate::value::Secret;

/// Whether callers need a key, and the secret that keys are stored with.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Whether a call without a valid key is refused. Default: no on loopback, yes elsewhere.
    pub required: Option<bool>,
    /// What the ledger makes its stored form of a key with (HMAC-SHA256). Whoever reads the database
    /// without it can neither use nor guess a key. Without it there are no keys.
    pub pepper: Secret,
    /// A key of the operator's own, that may do everything and needs no database: how the first
    /// keys are made.
    pub root_key: Secret,
    /// How long an orchestrator keeps what it was told of a key, and so the longest that a revoked
    /// key still works there. Default: 1 s.
    pub cache_ttl: Duration,
}

const PEPPER: Keys = Keys {
    value: "pepper",
    env: "pepper_env",
    file: "pepper_file",
};

const ROOT_KEY: Keys = Keys {
    value: "root_key",
    env: "root_key_env",
    file: "root_key_file",
};

impl Default for Auth {
    fn default() -> Self {
        Self {
            required: None,
            pepper: Secret::Unset,
            root_key: Secret::Unset,
            cache_ttl: Duration::from_secs(1),
        }
    }
}

impl Auth {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            required: section.get("required", boolean),
            pepper: secret::read(section, PEPPER, secret::never_in_file),
            root_key: secret::read(section, ROOT_KEY, secret::never_in_file),
            cache_ttl: section.or(
                "cache_ttl",
                default.cache_ttl,
                duration(Duration::from_millis(10)..=Duration::from_secs(1)),
            ),
        }
    }
}
