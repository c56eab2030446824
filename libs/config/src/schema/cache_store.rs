//! `routing.cache_store`: where the answers of several orchestrators are kept together.

use std::time::Duration;

use url::Url;

use crate::decode::Section;
use crate::read::{self, duration};
use crate::secret::{self, Keys};
use crate::value::Secret;

/// Where the answers of several orchestrators are kept together.
#[derive(Debug, Clone)]
pub struct CacheStore {
    /// Where Valkey or Redis is, as `redis://host:6379/0`; `rediss://` for TLS. Held as a secret:
    /// it may carry a password, which then comes from a file or the environment. Unset: each
    /// orchestrator keeps its answers in its own memory.
    pub url: Secret,
    /// What every key of the store begins with. Default: `terrace`.
    pub prefix: String,
    /// How long an answer is looked for, or written, before the request goes on without. Default:
    /// 100 ms.
    pub timeout: Duration,
}

impl Default for CacheStore {
    fn default() -> Self {
        Self {
            url: Secret::Unset,
            prefix: "terrace".to_owned(),
            timeout: Duration::from_millis(100),
        }
    }
}

impl CacheStore {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let keys = Keys {
            value: "url",
            env: "url_env",
            file: "url_file",
        };
        Self {
            url: secret::read(section, keys, without_password),
            prefix: section.or("prefix", default.prefix, read::word),
            timeout: section.or(
                "timeout",
                default.timeout,
                duration(Duration::from_millis(1)..=Duration::from_secs(10)),
            ),
        }
    }
}

/// A URL of the store may stand in the file as long as it has no password.
fn without_password(text: &str) -> Result<(), String> {
    let url =
        Url::parse(text).map_err(|_| "has to be a URL as `redis://host:6379/0`".to_owned())?;
    if !matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys") {
        return Err("has to begin with `redis://`, or with `rediss://` for TLS".to_owned());
    }
    if url.password().is_some() {
        return Err("holds a password: use `url_env` or `url_file` instead".to_owned());
    }
    Ok(())
}
