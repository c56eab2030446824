//! Keys: making, listing, rotating and revoking them, and finding the one behind a secret.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;
use std::time::Duration;
use terrace_domain::{Failure, ProjectName, Reason};
use time::OffsetDateTime;
use uuid::Uuid;

use super::projects::page;
use super::secret::{self, Digest, Secrets};
use super::{Key, Scope, Shown};
use crate::error::Error;
use crate::store::accounts::NewKey;
use crate::store::{Transaction, accounts, clock};

/// Makes a key.
#[derive(Debug)]
pub(crate) struct CreateKey {
    key_id: Uuid,
    project: ProjectName,
    name: String,
    scopes: Vec<Scope>,
    expires_at: Option<OffsetDateTime>,
    requests_per_minute: u32,
    secret: SecretString,
    digest: Digest,
}

impl CreateKey {
    /// A key of `project` with a new secret, that may send requests.
    pub(crate) fn new(
        secrets: &Secrets,
        project: ProjectName,
        name: String,
    ) -> Result<Self, Failure> {
        let secret = secret::generate()?;
        Ok(Self {
            key_id: Uuid::now_v7(),
            project,
            name,
            scopes: vec![Scope::Route],
            expires_at: None,
            requests_per_minute: 0,
            digest: secrets.pepper()?.digest(secret.expose_secret()),
            secret,
        })
    }

    /// What it may do.
    pub(crate) fn scopes(mut self, mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        if !scopes.is_empty() {
            self.scopes = scopes;
        }
        self
    }

    /// When it ends, and how much it may ask.
    pub(crate) fn limits(mut self, expires_at: Option<OffsetDateTime>, per_minute: u32) -> Self {
        self.expires_at = expires_at;
        self.requests_per_minute = per_minute;
        self
    }
}

impl Transaction for CreateKey {
    type Output = Shown;
    const NAME: &'static str = "create a key";

    async fn run(&self, database: &mut PgConnection) -> Result<Shown, Error> {
        let now = clock::now(database).await?;
        if self.expires_at.is_some_and(|ends| ends <= now) {
            let mut wrong = terrace_domain::Violations::new();
            wrong.add("expires_at", "must lie ahead: the key would be of no use");
            wrong.finish()?;
        }
        let scopes = self.scopes.iter().map(Scope::to_string).collect();
        let new = NewKey {
            key_id: self.key_id,
            project: self.project.as_str(),
            name: &self.name,
            scopes,
            digest: &self.digest,
            hint: secret::hint(&self.secret),
            expires_at: self.expires_at,
            requests_per_minute: self.requests_per_minute,
        };
        let key = accounts::create_key(database, new).await?;
        let key = key.ok_or_else(|| {
            let message = format!(
                "there is no project {}: create it with `terrace project create`",
                self.project
            );
            Failure::new(Reason::NotFound, message)
        })?;
        Ok(Shown {
            key,
            secret: self.secret.clone(),
        })
    }
}

/// Lists keys, newest first, older than `before`.
#[derive(Debug)]
pub(crate) struct ListKeys {
    pub(crate) project: Option<ProjectName>,
    pub(crate) before: Option<Uuid>,
    pub(crate) page_size: u32,
}

impl Transaction for ListKeys {
    /// The keys, and whether there are more.
    type Output = (Vec<Key>, bool);
    const NAME: &'static str = "list keys";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let project = self.project.as_ref().map(ProjectName::as_str);
        let before = self.before.unwrap_or(Uuid::max());
        let at_most = i64::from(self.page_size) + 1;
        let keys = accounts::keys(database, project, before, at_most).await?;
        Ok(page(keys, self.page_size))
    }
}

/// Gives a key a new secret; the old one stays valid for the overlap.
#[derive(Debug)]
pub(crate) struct RotateKey {
    key_id: Uuid,
    overlap: Duration,
    secret: SecretString,
    digest: Digest,
}

impl RotateKey {
    pub(crate) fn new(secrets: &Secrets, key_id: Uuid, overlap: Duration) -> Result<Self, Failure> {
        let secret = secret::generate()?;
        Ok(Self {
            key_id,
            overlap,
            digest: secrets.pepper()?.digest(secret.expose_secret()),
            secret,
        })
    }
}

impl Transaction for RotateKey {
    type Output = Shown;
    const NAME: &'static str = "rotate a key";

    async fn run(&self, database: &mut PgConnection) -> Result<Shown, Error> {
        let hint = secret::hint(&self.secret);
        let rotated =
            accounts::rotate_key(database, self.key_id, (&self.digest, &hint), self.overlap)
                .await?;
        let key = match rotated {
            Some(key) => key,
            None => return Err(not_rotated(database, self.key_id).await?.into()),
        };
        Ok(Shown {
            key,
            secret: self.secret.clone(),
        })
    }
}

/// Why a key has no new secret.
async fn not_rotated(database: &mut PgConnection, key_id: Uuid) -> Result<Failure, Error> {
    let is_there = accounts::key(database, key_id).await?.is_some();
    Ok(match is_there {
        true => Failure::new(
            Reason::InvalidRequest,
            format!("the key {key_id} was revoked: create another"),
        ),
        false => no_key(key_id),
    })
}

/// Makes a key invalid for good.
#[derive(Debug)]
pub(crate) struct RevokeKey {
    pub(crate) key_id: Uuid,
}

impl Transaction for RevokeKey {
    type Output = Key;
    const NAME: &'static str = "revoke a key";

    async fn run(&self, database: &mut PgConnection) -> Result<Key, Error> {
        let revoked = accounts::revoke_key(database, self.key_id).await?;
        Ok(revoked.ok_or_else(|| no_key(self.key_id))?)
    }
}

fn no_key(key_id: Uuid) -> Failure {
    let message = format!("there is no key {key_id}: `terrace key list` has those there are");
    Failure::new(Reason::NotFound, message)
}

/// Finds the key behind a secret.
#[derive(Debug)]
pub(crate) struct Authenticate {
    digest: Digest,
    is_root: bool,
}

impl Authenticate {
    /// Keeps the digest alone.
    pub(crate) fn new(secrets: &Secrets, secret: &str) -> Result<Self, Failure> {
        let digest = secrets.pepper()?.digest(secret);
        Ok(Self {
            is_root: secrets.is_root(&digest),
            digest,
        })
    }
}

impl Transaction for Authenticate {
    type Output = Key;
    const NAME: &'static str = "authenticate";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Key, Error> {
        let now = clock::now(database).await?;
        if self.is_root {
            return Ok(root(now));
        }
        let found = accounts::key_of(database, &self.digest).await?;
        let key = found.ok_or_else(|| refusal("no valid key came with the call"))?;
        if key.revoked_at.is_some() {
            return Err(refusal("the key was revoked").into());
        }
        if key.expires_at.is_some_and(|ends| ends <= now) {
            return Err(refusal("the key has expired").into());
        }
        Ok(key)
    }
}

fn refusal(why: &str) -> Failure {
    let message = format!(
        "{why}: send a valid one as `authorization: Bearer KEY`; `terrace key create` makes one"
    );
    Failure::new(Reason::Unauthenticated, message)
}

/// The operator's own key, which is in the config and has no row.
fn root(now: OffsetDateTime) -> Key {
    Key {
        key_id: Uuid::nil(),
        project: "default".to_owned(),
        name: "root".to_owned(),
        hint: String::new(),
        scopes: Secrets::ROOT.iter().map(Scope::to_string).collect(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        requests_per_minute: 0,
        old_until: None,
    }
}
