//! Accounts: projects, which pay, and keys, which calls come with.
//!
//! A key's secret is made here, shown once and stored nowhere: the database has its digest under a
//! pepper that is not in the database. Every change is in force as soon as it is written; what an
//! orchestrator remembers of a key it asks again within a second.

mod keys;
mod projects;
mod secret;

pub(crate) use keys::{Authenticate, CreateKey, ListKeys, RevokeKey, RotateKey};
pub(crate) use projects::{CreateProject, ListProjects};
pub(crate) use secret::Secrets;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;
use terrace_domain::Failure;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::{Store, Transaction};

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) created_at: OffsetDateTime,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Send requests.
    Route,
    /// Administer projects, keys and budgets, and read the books.
    Manage,
}

impl Scope {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no scope: there are route and manage")]
pub(crate) struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        match word {
            "route" => Ok(Self::Route),
            "manage" => Ok(Self::Manage),
            _ => Err(UnknownScope),
        }
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) key_id: Uuid,
    pub(crate) project: String,
    pub(crate) name: String,
    pub(crate) hint: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) revoked_at: Option<OffsetDateTime>,
    pub(crate) requests_per_minute: u32,
    pub(crate) old_until: Option<OffsetDateTime>,
}

/// A key whose secret has just been made: the one time that it is seen.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) key: Key,
    pub(crate) secret: SecretString,
}

/// Does one of the things that this module can do.
pub(crate) async fn perform<T: Transaction>(store: &Store, ask: T) -> Result<T::Output, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}
