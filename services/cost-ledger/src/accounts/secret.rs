//! Secrets of keys: how they are made, and what of them is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use terrace_config::Secret;
use terrace_domain::{Failure, Reason};

use super::Scope;
use crate::error::StartError;

/// What every secret of ours begins with, so that people and scanners of code recognise it.
const PREFIX: &str = "tk_";
/// Characters of the front that a hint shows, the prefix among them.
const SHOWN: usize = 7;
/// The shortest pepper: what is shorter could be guessed.
const SHORTEST: usize = 16;

/// What is stored of a secret.
pub(crate) type Digest = Vec<u8>;

/// The pepper, and the key of the operator that needs no row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    pepper: Option<Pepper>,
    root: Option<Digest>,
}

impl Secrets {
    /// Takes both from the config; each may be missing.
    pub(crate) fn new(pepper: &Secret, root: &Secret) -> Result<Self, StartError> {
        let pepper = Pepper::new(pepper)?;
        let root = match (&pepper, root.value()) {
            (_, None) => None,
            (None, Some(_)) => return Err(StartError::NoPepper),
            (Some(_), Some(root)) if root.expose_secret().len() < SHORTEST => {
                return Err(StartError::ShortRootKey);
            }
            (Some(pepper), Some(root)) => Some(pepper.digest(root.expose_secret())),
        };
        Ok(Self { pepper, root })
    }

    /// The pepper that digests are made with.
    pub(crate) fn pepper(&self) -> Result<&Pepper, Failure> {
        self.pepper.as_ref().ok_or_else(|| {
            let message = "there are no keys: set auth.pepper_file or auth.pepper_env to a random \
                secret of at least 16 bytes, as of `openssl rand -hex 32`, and start the ledger again";
            Failure::new(Reason::InvalidRequest, message)
        })
    }

    /// Whether this is the digest of the operator's own key. Digests are no secrets of their
    /// caller's: how long the comparison takes tells nothing about the key.
    pub(crate) fn is_root(&self, digest: &Digest) -> bool {
        self.root.as_ref() == Some(digest)
    }

    /// What the operator's own key may do.
    pub(crate) const ROOT: [Scope; 2] = [Scope::Route, Scope::Manage];
}

/// What digests are made with. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pepper(Arc<hmac::Key>);

impl Pepper {
    fn new(pepper: &Secret) -> Result<Option<Self>, StartError> {
        let Some(pepper) = pepper.value() else {
            return match pepper.missing() {
                Some(source) => Err(StartError::MissingPepper(source.to_owned())),
                None => Ok(None),
            };
        };
        let bytes = pepper.expose_secret().as_bytes();
        if bytes.len() < SHORTEST {
            return Err(StartError::ShortPepper);
        }
        Ok(Some(Self(Arc::new(hmac::Key::new(
            hmac::HMAC_SHA256,
            bytes,
        )))))
    }

    /// What is stored of a secret.
    pub(crate) fn digest(&self, secret: &str) -> Digest {
        hmac::sign(&self.0, secret.as_bytes()).as_ref().to_vec()
    }
}

/// Makes a secret: 256 bits of the system's randomness behind our prefix.
pub(crate) fn generate() -> Result<SecretString, Failure> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        tracing::error!("the system gives no randomness");
        Failure::new(
            Reason::Internal,
            "no secret could be made: see the ledger's log",
        )
    })?;
    Ok(SecretString::from(format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(bytes)
    )))
}

/// First and last characters of a secret that was made here.
pub(crate) fn hint(secret: &SecretString) -> String {
    let secret = secret.expose_secret();
    let first = secret.get(..SHOWN).unwrap_or_default();
    let last = secret
        .get(secret.len().saturating_sub(4)..)
        .unwrap_or_default();
    format!("{first}…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(text: &str) -> Pepper {
        Pepper::new(&Secret::Value(text.into())).unwrap().unwrap()
    }

    #[test]
    fn secrets_differ_and_show_only_their_ends() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.expose_secret(), two.expose_secret());
        let secret = one.expose_secret();
        assert_eq!(secret.len(), 46);
        let hint = hint(&one);
        assert_eq!(hint.chars().count(), 7 + 1 + 4);
        assert!(hint.starts_with("tk_") && secret.ends_with(&hint[hint.len() - 4..]));
        assert!(!hint.contains(&secret[7..20]));
    }

    #[test]
    fn a_digest_depends_on_the_secret_and_on_the_pepper() {
        let (one, two) = (pepper("a pepper of sixteen"), pepper("another pepper here"));
        assert_eq!(one.digest("x"), one.digest("x"));
        assert_ne!(one.digest("x"), one.digest("y"));
        assert_ne!(one.digest("x"), two.digest("x"));
        // RFC 4231, test case 2, its key made long enough is none: so the plain property of HMAC.
        assert_eq!(one.digest("x").len(), 32);
        assert!(!format!("{one:?}").contains("sixteen"));
    }

    #[test]
    fn a_pepper_that_could_be_guessed_is_refused() {
        let short = Pepper::new(&Secret::Value("short".into()));
        assert!(matches!(short, Err(StartError::ShortPepper)));
        let missing = Secret::Missing {
            source: "the file /run/pepper".to_owned(),
        };
        let error = Pepper::new(&missing).unwrap_err().to_string();
        assert!(error.contains("/run/pepper"), "{error}");
        let refused = Secrets::default().pepper().unwrap_err();
        assert!(refused.message.contains("auth.pepper_file"), "{refused}");
    }

    #[test]
    fn the_operators_key_is_known_by_its_digest() {
        let value = |text: &str| Secret::Value(text.into());
        let secrets = Secrets::new(&value("a pepper of sixteen"), &value("the root's own key"));
        let secrets = secrets.unwrap();
        let digest = |text| secrets.pepper().unwrap().digest(text);
        assert!(secrets.is_root(&digest("the root's own key")));
        assert!(!secrets.is_root(&digest("another")));
        let alone = Secrets::new(&Secret::Unset, &value("the root's own key"));
        assert!(matches!(alone, Err(StartError::NoPepper)));
    }
}
