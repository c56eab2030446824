//! The rows of projects and keys. Each change is one statement.

use std::time::Duration;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{Key, Project};
use crate::error::Error;

#[derive(Debug, FromRow)]
struct ProjectRow {
    name: String,
    created_at: OffsetDateTime,
}

impl From<ProjectRow> for Project {
    fn from(row: ProjectRow) -> Self {
        Self {
            name: row.name,
            created_at: row.created_at,
        }
    }
}

/// Writes a project, or finds it.
pub(crate) async fn create_project(
    database: &mut PgConnection,
    name: &str,
) -> Result<Project, Error> {
    // The update changes nothing; it is how an insert that finds a row returns it.
    let row: ProjectRow = sqlx::query_as(
        "INSERT INTO projects (name) VALUES ($1)
         ON CONFLICT (name) DO UPDATE SET name = projects.name
         RETURNING name, created_at",
    )
    .bind(name)
    .fetch_one(database)
    .await?;
    Ok(row.into())
}

/// Projects by name, behind this one.
pub(crate) async fn projects(
    database: &mut PgConnection,
    after: &str,
    at_most: i64,
) -> Result<Vec<Project>, Error> {
    let rows: Vec<ProjectRow> = sqlx::query_as(
        "SELECT name, created_at FROM projects WHERE name > $1 ORDER BY name LIMIT $2",
    )
    .bind(after)
    .bind(at_most)
    .fetch_all(database)
    .await?;
    Ok(rows.into_iter().map(Project::from).collect())
}

/// A key to be written.
#[derive(Debug)]
pub(crate) struct NewKey<'a> {
    pub(crate) key_id: Uuid,
    pub(crate) project: &'a str,
    pub(crate) name: &'a str,
    pub(crate) scopes: Vec<String>,
    pub(crate) digest: &'a [u8],
    pub(crate) hint: String,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) requests_per_minute: u32,
}

#[derive(Debug, FromRow)]
struct KeyRow {
    key_id: Uuid,
    project: String,
    name: String,
    hint: String,
    scopes: Vec<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    requests_per_minute: i64,
    old_until: Option<OffsetDateTime>,
}

impl From<KeyRow> for Key {
    fn from(row: KeyRow) -> Self {
        Self {
            key_id: row.key_id,
            project: row.project,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            requests_per_minute: u32::try_from(row.requests_per_minute).unwrap_or(u32::MAX),
            old_until: row.old_until,
        }
    }
}

/// Writes a key; `None` when its project is not there.
pub(crate) async fn create_key(
    database: &mut PgConnection,
    new: NewKey<'_>,
) -> Result<Option<Key>, Error> {
    let row: Option<KeyRow> = sqlx::query_as(
        "INSERT INTO api_keys
             (key_id, project, name, scopes, digest, hint, expires_at, requests_per_minute)
         SELECT $1, name, $3, $4, $5, $6, $7, $8 FROM projects WHERE name = $2
         RETURNING key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                   requests_per_minute, old_until",
    )
    .bind(new.key_id)
    .bind(new.project)
    .bind(new.name)
    .bind(new.scopes)
    .bind(new.digest)
    .bind(new.hint)
    .bind(new.expires_at)
    .bind(i64::from(new.requests_per_minute))
    .fetch_optional(database)
    .await?;
    Ok(row.map(Key::from))
}

/// Keys, newest first, older than this one.
pub(crate) async fn keys(
    database: &mut PgConnection,
    project: Option<&str>,
    before: Uuid,
    at_most: i64,
) -> Result<Vec<Key>, Error> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "SELECT key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                requests_per_minute, old_until
         FROM api_keys
         WHERE ($1::text IS NULL OR project = $1) AND key_id < $2
         ORDER BY key_id DESC LIMIT $3",
    )
    .bind(project)
    .bind(before)
    .bind(at_most)
    .fetch_all(database)
    .await?;
    Ok(rows.into_iter().map(Key::from).collect())
}

/// The key with this id.
pub(crate) async fn key(database: &mut PgConnection, key_id: Uuid) -> Result<Option<Key>, Error> {
    let row: Option<KeyRow> = sqlx::query_as(
        "SELECT key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                requests_per_minute, old_until
         FROM api_keys WHERE key_id = $1",
    )
    .bind(key_id)
    .fetch_optional(database)
    .await?;
    Ok(row.map(Key::from))
}

/// The key that has this digest, or had it until a rotation whose overlap still lasts.
pub(crate) async fn key_of(
    database: &mut PgConnection,
    digest: &[u8],
) -> Result<Option<Key>, Error> {
    let row: Option<KeyRow> = sqlx::query_as(
        "SELECT key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                requests_per_minute, old_until
         FROM api_keys WHERE digest = $1 OR old_digest = $1 AND old_until > now()",
    )
    .bind(digest)
    .fetch_optional(database)
    .await?;
    Ok(row.map(Key::from))
}

/// Gives a key another digest, unless it was revoked or is not there.
pub(crate) async fn rotate_key(
    database: &mut PgConnection,
    key_id: Uuid,
    (digest, hint): (&[u8], &str),
    overlap: Duration,
) -> Result<Option<Key>, Error> {
    let overlap = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
    let row: Option<KeyRow> = sqlx::query_as(
        "UPDATE api_keys
         SET old_digest = CASE WHEN $4 > 0 THEN digest END,
             old_until = CASE WHEN $4 > 0 THEN now() + $4 * interval '1 ms' END,
             digest = $2, hint = $3
         WHERE key_id = $1 AND revoked_at IS NULL
         RETURNING key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                   requests_per_minute, old_until",
    )
    .bind(key_id)
    .bind(digest)
    .bind(hint)
    .bind(overlap)
    .fetch_optional(database)
    .await?;
    Ok(row.map(Key::from))
}

/// Makes a key invalid, the first time for good.
pub(crate) async fn revoke_key(
    database: &mut PgConnection,
    key_id: Uuid,
) -> Result<Option<Key>, Error> {
    let row: Option<KeyRow> = sqlx::query_as(
        "UPDATE api_keys
         SET revoked_at = coalesce(revoked_at, now()), old_digest = NULL, old_until = NULL
         WHERE key_id = $1
         RETURNING key_id, project, name, hint, scopes, created_at, expires_at, revoked_at,
                   requests_per_minute, old_until",
    )
    .bind(key_id)
    .fetch_optional(database)
    .await?;
    Ok(row.map(Key::from))
}
