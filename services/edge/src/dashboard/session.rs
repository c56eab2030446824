//! Sessions: who has signed in stands in a sealed cookie, and nowhere else.
//!
//! A cookie holds the key that somebody signed in with, under AES-256-GCM: it cannot be read or made
//! without the secret of this edge, and every edge with the same secret understands it. The key is
//! asked for again with every request, so a revoked one ends its sessions. What was signed out is
//! remembered until it would have ended anyway, by this edge. Every session has a token of its own
//! that forms send along: a page of somebody else knows neither.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use moka::sync::Cache;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac};
use secrecy::{ExposeSecret as _, SecretString};
use terrace_config::Secret;
use terrace_domain::{Failure, Reason};

/// What is sealed is a session of this version and nothing else.
const SEALED_AS: &[u8] = b"terrace dashboard session 1";
/// The shortest secret: what is shorter could be guessed.
const SHORTEST: usize = 16;
/// The longest cookie that is looked at.
const LONGEST: usize = 4096;
/// Sessions that were signed out and are remembered.
const MOST_ENDED: u64 = 10_000;

type Id = [u8; 16];

/// Somebody at the dashboard, signed in or not.
#[derive(Debug, Clone)]
pub(super) struct Session {
    id: Id,
    until: u64,
    /// The key that they signed in with; none: they have not.
    pub(super) secret: Option<SecretString>,
}

/// A secret for sessions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edge.dashboard.session_secret: {0}")]
pub struct UnusableSecret(String);

/// Makes sessions, and tells real ones from made-up ones.
pub(super) struct Sessions {
    seal: LessSafeKey,
    tokens: hmac::Key,
    random: SystemRandom,
    ttl: Duration,
    ended: Cache<Id, ()>,
}

impl Sessions {
    /// Sessions of `ttl`, sealed with `secret`, or with something random.
    pub(super) fn new(secret: &Secret, ttl: Duration) -> Result<Self, UnusableSecret> {
        let random = SystemRandom::new();
        let master = master(secret, &random)?;
        let derived = |purpose: &[u8]| hmac::sign(&master, purpose);
        let sealing = derived(b"seal sessions");
        let broken = |_| UnusableSecret("no key can be made of it".to_owned());
        let seal = UnboundKey::new(&AES_256_GCM, sealing.as_ref()).map_err(broken)?;
        Ok(Self {
            seal: LessSafeKey::new(seal),
            tokens: hmac::Key::new(hmac::HMAC_SHA256, derived(b"tokens of forms").as_ref()),
            random,
            ttl,
            ended: Cache::builder()
                .max_capacity(MOST_ENDED)
                .time_to_live(ttl)
                .build(),
        })
    }

    /// A session that begins now, of somebody who signed in with `secret`, or of nobody yet.
    pub(super) fn begin(&self, secret: Option<SecretString>) -> Result<Session, Failure> {
        Ok(Session {
            id: self.random()?,
            until: now().saturating_add(self.ttl.as_secs()),
            secret,
        })
    }

    /// How long a session lasts.
    pub(super) const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The session as a cookie holds it.
    pub(super) fn seal(&self, session: &Session) -> Result<String, Failure> {
        let nonce: [u8; NONCE_LEN] = self.random()?;
        let secret = session.secret.as_ref();
        let secret = secret.map_or("", |secret| secret.expose_secret());
        let until = session.until.to_be_bytes();
        let mut sealed = [&session.id[..], &until, secret.as_bytes()].concat();
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.seal
            .seal_in_place_append_tag(sealing, Aad::from(SEALED_AS), &mut sealed)
            .map_err(|_| Failure::new(Reason::Internal, "the session cannot be sealed"))?;
        Ok(BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// The session in a cookie; none when it is made up, over, or was signed out.
    pub(super) fn open(&self, cookie: &str) -> Option<Session> {
        if cookie.len() > LONGEST {
            return None;
        }
        let bytes = BASE64.decode(cookie).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .seal
            .open_in_place(nonce, Aad::from(SEALED_AS), &mut sealed)
            .ok()?;
        let (id, rest) = opened.split_first_chunk::<16>()?;
        let (until, secret) = rest.split_first_chunk::<8>()?;
        let until = u64::from_be_bytes(*until);
        let secret = std::str::from_utf8(secret).ok()?;
        let is_over = until <= now() || self.ended.contains_key(id);
        (!is_over).then(|| Session {
            id: *id,
            until,
            secret: (!secret.is_empty()).then(|| SecretString::from(secret)),
        })
    }

    /// Ends a session before its time.
    pub(super) fn end(&self, session: &Session) {
        self.ended.insert(session.id, ());
    }

    /// What the session's forms send along.
    pub(super) fn token(&self, session: &Session) -> String {
        BASE64.encode(hmac::sign(&self.tokens, &session.id))
    }

    /// Whether this is the session's token; takes the same time for every wrong one.
    pub(super) fn is_token(&self, session: &Session, token: &str) -> bool {
        let Ok(token) = BASE64.decode(token) else {
            return false;
        };
        hmac::verify(&self.tokens, &session.id, &token).is_ok()
    }

    fn random<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], Failure> {
        let mut bytes = [0; LENGTH];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| Failure::new(Reason::Internal, "this machine has no randomness"))?;
        Ok(bytes)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// What both keys are derived from.
fn master(secret: &Secret, random: &SystemRandom) -> Result<hmac::Key, UnusableSecret> {
    if let Some(source) = secret.missing() {
        return Err(UnusableSecret(format!("there is none in {source}")));
    }
    let bytes = match secret.value() {
        None => {
            let mut bytes = [0; 32];
            let filled = random.fill(&mut bytes);
            filled.map_err(|_| UnusableSecret("this machine has no randomness".to_owned()))?;
            bytes.to_vec()
        }
        Some(secret) if secret.expose_secret().len() < SHORTEST => {
            let text =
                format!("has to have {SHORTEST} bytes or more, as of `openssl rand -hex 32`");
            return Err(UnusableSecret(text));
        }
        Some(secret) => digest::digest(&digest::SHA256, secret.expose_secret().as_bytes())
            .as_ref()
            .to_vec(),
    };
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(ttl: Duration) -> Sessions {
        Sessions::new(&Secret::Unset, ttl).unwrap()
    }

    fn hour() -> Sessions {
        sessions(Duration::from_hours(1))
    }

    fn secret(text: &str) -> Secret {
        Secret::Value(SecretString::from(text))
    }

    #[test]
    fn a_sealed_session_is_opened_with_the_key_in_it_which_cannot_be_read() {
        let sessions = hour();
        let session = sessions.begin(Some("tk_secret".into())).unwrap();
        let cookie = sessions.seal(&session).unwrap();
        let opened = sessions.open(&cookie).unwrap();
        assert_eq!(opened.secret.unwrap().expose_secret(), "tk_secret");
        assert_eq!(opened.id, session.id);
        let bytes = BASE64.decode(&cookie).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"tk_s"));
    }

    #[test]
    fn what_was_changed_made_up_or_sealed_elsewhere_is_no_session() {
        let sessions = hour();
        let cookie = sessions.seal(&sessions.begin(None).unwrap()).unwrap();
        for at in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character has bits that base64 does not use, and a decoder refuses them.
            assert!(sessions.open(&changed).is_none(), "{at}");
        }
        for made_up in ["", "A", "%", &"A".repeat(100), &"A".repeat(10_000)] {
            assert!(sessions.open(made_up).is_none());
        }
        assert!(hour().open(&cookie).is_none());
    }

    #[test]
    fn edges_with_the_same_secret_understand_each_other() {
        let edge = || Sessions::new(&secret("sixteen bytes or more"), Duration::from_hours(1));
        let (one, other) = (edge().unwrap(), edge().unwrap());
        let session = one.begin(None).unwrap();
        let cookie = one.seal(&session).unwrap();
        let opened = other.open(&cookie).unwrap();
        assert!(other.is_token(&opened, &one.token(&session)));
    }

    #[test]
    fn a_session_ends_with_its_time_and_by_signing_out() {
        let sessions = hour();
        let session = sessions.begin(None).unwrap();
        let cookie = sessions.seal(&session).unwrap();
        sessions.end(&session);
        assert!(sessions.open(&cookie).is_none());
        let past = Session {
            until: now(),
            ..sessions.begin(None).unwrap()
        };
        assert!(sessions.open(&sessions.seal(&past).unwrap()).is_none());
    }

    #[test]
    fn a_token_belongs_to_one_session() {
        let sessions = hour();
        let (one, other) = (sessions.begin(None).unwrap(), sessions.begin(None).unwrap());
        assert!(sessions.is_token(&one, &sessions.token(&one)));
        for wrong in [sessions.token(&other), String::new(), "%".to_owned()] {
            assert!(!sessions.is_token(&one, &wrong));
        }
    }

    #[test]
    fn a_secret_that_is_missing_or_short_is_refused() {
        let ttl = Duration::from_hours(1);
        assert!(Sessions::new(&secret("short"), ttl).is_err());
        let missing = Secret::Missing {
            source: "the variable X".to_owned(),
        };
        let error = Sessions::new(&missing, ttl).unwrap_err();
        assert!(error.to_string().contains("the variable X"), "{error}");
    }
}
