//! The keys of a backend: which one is sent, and which ones rest.
//!
//! A key that was refused or is over its quota rests, and the next one is taken; when all rest, the
//! one that has rested longest is. Keys in files are read again while the gateway runs. A key is
//! never part of a log line, an error or debug output.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::SecretString;
use terrace_config::{Backend, Secret};
use tokio::time::Instant;

/// How long a key rests that was refused: until somebody may have repaired it.
pub(crate) const REFUSED: Duration = Duration::from_secs(300);
/// How long a key rests that is over its quota, when the backend does not say.
pub(crate) const OVER_QUOTA: Duration = Duration::from_secs(10);

/// The keys of one backend.
pub(crate) struct Keyring {
    keys: Vec<Key>,
    /// The key in use.
    turn: AtomicUsize,
}

struct Key {
    secret: ArcSwap<Secret>,
    resting_until: Mutex<Option<Instant>>,
}

/// A key as it is sent, and which it is.
pub(crate) struct Sent {
    pub(crate) index: usize,
    pub(crate) value: SecretString,
}

impl Keyring {
    pub(crate) fn new(backend: &Backend) -> Self {
        let secrets = [&backend.api_key].into_iter().chain(&backend.more_api_keys);
        let key = |secret: &Secret| Key {
            secret: ArcSwap::from_pointee(secret.clone()),
            resting_until: Mutex::new(None),
        };
        Self {
            keys: secrets.map(key).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The key to send; `None` if the backend wants none, or none is there.
    pub(crate) fn current(&self) -> Option<Sent> {
        let now = Instant::now();
        let turn = self.turn.load(Ordering::Relaxed);
        let in_turn = (0..self.keys.len()).map(|step| (turn + step) % self.keys.len());
        let rest = |index: &usize| self.keys[*index].rests_until().filter(|until| *until > now);
        let present = in_turn.filter(|index| self.keys[*index].secret.load().value().is_some());
        let index = present.min_by_key(rest)?;
        self.turn.store(index, Ordering::Relaxed);
        let value = self.keys[index].secret.load().value()?.clone();
        Some(Sent { index, value })
    }

    /// Lets a key rest, if there is another one.
    pub(crate) fn rest(&self, index: usize, time: Duration) {
        if self.keys.len() > 1
            && let Some(key) = self.keys.get(index)
        {
            *key.lock() = Some(Instant::now() + time);
        }
    }

    /// Whether there are several keys and one of them does not rest.
    pub(crate) fn has_fresh(&self) -> bool {
        let now = Instant::now();
        let is_fresh = |key: &Key| {
            key.secret.load().value().is_some()
                && key.rests_until().is_none_or(|until| until <= now)
        };
        self.keys.len() > 1 && self.keys.iter().any(is_fresh)
    }

    /// Where a key should be, when there is none at all.
    pub(crate) fn missing(&self) -> Option<String> {
        let secrets: Vec<_> = self.keys.iter().map(|key| key.secret.load()).collect();
        if secrets.iter().any(|secret| secret.value().is_some()) {
            return None;
        }
        secrets
            .iter()
            .find_map(|secret| secret.missing().map(str::to_owned))
    }

    /// Reads the files again. A file that has gone, or is empty, keeps the key that was in it.
    pub(crate) fn reread(&self) {
        for key in &self.keys {
            let secret = key.secret.load();
            let Secret::File(file) = &**secret else {
                continue;
            };
            let again = file.again();
            if again.holds_the_same(file) {
                continue;
            }
            let source = again.source().to_owned();
            let again = Secret::File(again);
            if again.value().is_none() {
                tracing::warn!(%source, "key is gone, the last one stays in use");
                continue;
            }
            tracing::info!(%source, "key has changed");
            *key.lock() = None;
            key.secret.store(again.into());
        }
    }
}

impl Key {
    fn rests_until(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.resting_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::for_testing::settings;
    use secrecy::ExposeSecret as _;
    use terrace_config::{BackendKind, SecretFile};

    fn keyring(keys: &[&str]) -> Keyring {
        let mut backend = settings(BackendKind::OpenAi, &["m"]).backend;
        let mut secrets = keys
            .iter()
            .map(|key| Secret::Value((*key).to_owned().into()));
        backend.api_key = secrets.next().unwrap_or_default();
        backend.more_api_keys = secrets.collect();
        Keyring::new(&backend)
    }

    fn sent(keys: &Keyring) -> String {
        keys.current().unwrap().value.expose_secret().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_rests_gives_way_and_comes_back() {
        let keys = keyring(&["a", "b"]);
        assert_eq!(sent(&keys), "a");
        keys.rest(0, Duration::from_secs(10));
        assert_eq!(sent(&keys), "b");
        keys.rest(1, Duration::from_secs(20));
        assert!(!keys.has_fresh());
        assert_eq!(sent(&keys), "a", "the one that is back first");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(keys.has_fresh());
        assert_eq!(sent(&keys), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn the_only_key_never_rests() {
        let keys = keyring(&["a"]);
        keys.rest(0, Duration::from_secs(10));
        assert_eq!(sent(&keys), "a");
        assert!(!keys.has_fresh());
        assert!(keyring(&[]).current().is_none());
    }

    #[tokio::test]
    async fn a_key_in_a_file_is_read_again_and_survives_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut backend = settings(BackendKind::OpenAi, &["m"]).backend;
        backend.api_key = Secret::File(SecretFile::read(&path));
        let keys = Keyring::new(&backend);
        assert!(keys.missing().unwrap().contains("key"));
        std::fs::write(&path, "first\n").unwrap();
        keys.reread();
        assert_eq!((sent(&keys), keys.missing()), ("first".to_owned(), None));
        std::fs::write(&path, "second").unwrap();
        keys.reread();
        assert_eq!(sent(&keys), "second");
        std::fs::remove_file(&path).unwrap();
        keys.reread();
        assert_eq!(sent(&keys), "second");
        assert_eq!(format!("{keys:?}"), "Keyring(1 keys)");
    }
}
