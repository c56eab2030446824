//! The door: who calls, may they, and how often.
//!
//! Stands in front of services as a tower service, so that nothing of a call is read before it is
//! known whose it is. What the ledger said of a key is kept for a moment, also that there is none:
//! that moment, at most a second, is how long a revoked key still works. Without keys everybody is
//! the project that pays for those who bring none.

mod guard;
mod rate;

pub use guard::Guarded;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use terrace_domain::{Failure, Fault, ProjectName, Reason};
use terrace_rpc::status::to_status;

use rate::Rates;

/// What is kept of keys and of what are none: a caller that makes keys up cannot fill the memory.
const MOST_KEPT: u64 = 10_000;
/// The longest secret that is looked at.
const LONGEST: usize = 1024;

/// What a call needs to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To send requests.
    Route,
    /// To administer, and to reach what stands behind the orchestrator.
    Manage,
}

impl Scope {
    /// The word that keys have for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Manage => "manage",
        }
    }
}

/// A valid key, as the ledger tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub key_id: String,
    /// Who pays for its calls.
    pub project: ProjectName,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Most requests a minute; 0: no limit.
    pub requests_per_minute: u32,
}

/// Finds the key behind a secret.
#[async_trait]
pub trait Authenticate: fmt::Debug + Send + Sync {
    /// The key; [`Reason::Unauthenticated`] when there is none that is valid.
    async fn authenticate(&self, secret: &str) -> Result<Key, Failure>;
}

/// Whose call it is; stands in the extensions of a request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who pays.
    pub project: ProjectName,
    /// The key that the call came with.
    pub key_id: String,
}

/// How the door is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorSettings {
    /// Whether a call without a valid key is refused.
    pub required: bool,
    /// How long it is kept what the ledger said of a key.
    pub cache_ttl: Duration,
}

/// Lets calls in. Clones share what is kept.
#[derive(Debug, Clone)]
pub struct Door {
    required: bool,
    keys: Arc<dyn Authenticate>,
    kept: Cache<[u8; 32], Result<Arc<Key>, Failure>>,
    rates: Arc<Rates>,
}

impl Door {
    /// A door that asks `keys`.
    #[must_use]
    pub fn new(settings: DoorSettings, keys: Arc<dyn Authenticate>) -> Self {
        let kept = Cache::builder()
            .max_capacity(MOST_KEPT)
            .time_to_live(settings.cache_ttl)
            .build();
        Self {
            required: settings.required,
            keys,
            kept,
            rates: Arc::default(),
        }
    }

    /// A service that only those come to who may.
    pub fn guard<S>(&self, service: S, scope: fn(&str) -> Scope) -> Guarded<S> {
        Guarded::new(self.clone(), service, scope)
    }

    /// Says whose call it is, or refuses it. `None` is a call without a key, where that is allowed.
    ///
    /// # Errors
    /// There is no valid key ([`Reason::Unauthenticated`]), it may not do this
    /// ([`Reason::PermissionDenied`]) or has done it too often ([`Reason::Overloaded`]), or the
    /// ledger does not answer.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Option<Caller>, Failure> {
        let Some(secret) = secret(headers)? else {
            return match self.required {
                true => Err(refusal("no key came with the call")),
                false => Ok(None),
            };
        };
        let key = match self.key(secret).await {
            // The ledger has no keys at all, and nobody needs one.
            Err(failure) if !self.required && failure.reason == Reason::InvalidRequest => {
                return Ok(None);
            }
            key => key?,
        };
        if !key.scopes.iter().any(|has| has == scope.as_str()) {
            let wanted = scope.as_str();
            let message = format!("the key may not do this: it needs the scope {wanted}");
            return Err(Failure::new(Reason::PermissionDenied, message));
        }
        self.rates.take(&key)?;
        Ok(Some(Caller {
            project: key.project.clone(),
            key_id: key.key_id.clone(),
        }))
    }

    /// Lets a call in that came without a wire, with the [`Caller`] in its extensions.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub async fn let_in<Q>(
        &self,
        mut request: tonic::Request<Q>,
        scope: Scope,
    ) -> Result<tonic::Request<Q>, tonic::Status> {
        let caller = self.admit(request.metadata().as_ref(), scope).await;
        if let Some(caller) = caller.map_err(|failure| to_status(&failure))? {
            request.extensions_mut().insert(caller);
        }
        Ok(request)
    }

    async fn key(&self, secret: &str) -> Result<Arc<Key>, Failure> {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        if let Some(known) = self.kept.get(&digest) {
            return known;
        }
        let found = self.keys.authenticate(secret).await.map(Arc::new);
        let is_told = match &found {
            Ok(_) => true,
            Err(failure) => failure.reason.fault() == Fault::Caller,
        };
        // A ledger that does not answer has told nothing that could be kept.
        if is_told {
            self.kept.insert(digest, found.clone());
        }
        found
    }
}

/// The secret of an `authorization: Bearer …`, if there is one.
fn secret(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let wrong = || refusal("the authorization of the call is no Bearer key");
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, secret) = text.split_once(' ').ok_or_else(wrong)?;
    let secret = secret.trim();
    let is_right = scheme.eq_ignore_ascii_case("bearer") && (1..=LONGEST).contains(&secret.len());
    is_right.then_some(Some(secret)).ok_or_else(wrong)
}

fn refusal(why: &str) -> Failure {
    let message = format!(
        "{why}: send a valid one as `authorization: Bearer KEY`; `terrace key create` makes one"
    );
    Failure::new(Reason::Unauthenticated, message)
}

#[cfg(test)]
mod tests;
