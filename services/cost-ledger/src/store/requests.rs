//! The rows of requests: the locks that every write takes first.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use terrace_domain::{NanoUsd, ProjectName, RequestId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::books;
use super::rows::{CloseRow, microseconds, optional, parsed};
use super::statement::Statement;
use crate::books::{Books, Close, Event, Identity};
use crate::commit::Page;
use crate::error::Error;

/// Locked requests.
#[derive(Debug)]
pub(crate) struct Locked {
    /// The database's clock.
    pub(crate) now: OffsetDateTime,
    /// Those that there are, without their holds and events.
    pub(crate) pages: BTreeMap<RequestId, Page>,
}

#[derive(Debug, FromRow)]
struct LockRow {
    now: OffsetDateTime,
    request_id: Option<Uuid>,
    project: Option<String>,
    key_id: Option<String>,
    action: Option<String>,
    ttl_ms: Option<i64>,
    expires_at: Option<OffsetDateTime>,
    outcome: Option<String>,
    body_fingerprint: Option<Vec<u8>>,
}

/// Locks those of these requests that there are. The clock comes also when there is none.
pub(crate) async fn lock(
    database: &mut PgConnection,
    ids: &BTreeSet<RequestId>,
) -> Result<Locked, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<LockRow> = sqlx::query_as(
        "WITH locked AS MATERIALIZED (
             SELECT request_id, project, key_id, action, ttl_ms, expires_at, outcome,
                    body_fingerprint
             FROM requests WHERE request_id = ANY($1)
             ORDER BY request_id FOR NO KEY UPDATE
         )
         SELECT now() AS now, locked.* FROM (VALUES (1)) one LEFT JOIN locked ON true",
    )
    .bind(&ids)
    .fetch_all(database)
    .await?;
    let now = rows.first().map(|row| row.now);
    let now = now.ok_or_else(|| Error::decode(NoClock))?;
    let pages = rows.into_iter().filter_map(|row| row.page().transpose());
    Ok(Locked {
        now,
        pages: pages.collect::<Result<_, _>>()?,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the database did not tell its time")]
struct NoClock;

impl LockRow {
    fn page(self) -> Result<Option<(RequestId, Page)>, Error> {
        let (Some(id), Some(project), Some(ttl_ms), Some(expires_at)) =
            (self.request_id, self.project, self.ttl_ms, self.expires_at)
        else {
            return Ok(None);
        };
        let identity = Identity {
            request_id: RequestId::from_uuid(id),
            project: parsed(&project)?,
            key: optional(self.key_id.as_deref())?,
            action: optional(self.action.as_deref())?,
            ttl_ms,
            body_fingerprint: self.body_fingerprint,
        };
        let books = Books {
            closed: optional(self.outcome.as_deref())?,
            ..Books::default()
        };
        let page = Page::stored(identity, expires_at, books);
        Ok(Some((page.identity.request_id, page)))
    }
}

/// Open requests that have expired, the longest first.
pub(crate) async fn expired(
    database: &mut PgConnection,
    at_most: i64,
) -> Result<Vec<RequestId>, Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT request_id FROM requests
         WHERE closed_at IS NULL AND expires_at <= now()
         ORDER BY expires_at LIMIT $1",
    )
    .bind(at_most)
    .fetch_all(database)
    .await?;
    Ok(ids.into_iter().map(RequestId::from_uuid).collect())
}

/// The ends of requests, column by column; NULL in all of them for one that is open.
#[derive(Debug, Default)]
struct Ends<'a> {
    outcome: Vec<Option<&'static str>>,
    tier: Vec<Option<&'a str>>,
    backend: Vec<Option<&'a str>>,
    model: Vec<Option<&'a str>>,
    baseline: Vec<Option<i64>>,
    score: Vec<Option<f64>>,
    latency: Vec<Option<i64>>,
    tags: Vec<Option<Json<&'a BTreeMap<String, String>>>>,
}

impl<'a> Ends<'a> {
    fn push(&mut self, close: Option<&'a Close>) {
        let answer = close.and_then(|close| close.answer.as_ref());
        self.outcome.push(close.map(|close| close.outcome.as_str()));
        self.tier.push(answer.map(|by| by.tier.as_str()));
        self.backend.push(answer.map(|by| by.backend.as_str()));
        self.model.push(answer.map(|by| by.model.as_str()));
        self.baseline
            .push(close.and_then(|close| close.baseline.map(NanoUsd::get)));
        self.score
            .push(close.and_then(|close| close.score.map(terrace_domain::Score::get)));
        self.latency
            .push(close.map(|close| microseconds(close.latency)));
        self.tags.push(close.map(|close| Json(&close.tags)));
    }
}

/// Writes the rows of requests that are new. Fails when another transaction was first: then the
/// whole batch is run again, and finds them.
pub(super) fn begin<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let (mut ids, mut projects, mut keys, mut actions) = (vec![], vec![], vec![], vec![]);
    let (mut ttls, mut expiries, mut ends) = (vec![], vec![], Ends::default());
    let mut bodies = vec![];
    for page in pages {
        let who = &page.identity;
        ids.push(who.request_id.as_uuid());
        projects.push(who.project.as_str());
        keys.push(who.key.as_ref().map_or("", |key| key.as_str()));
        actions.push(who.action.as_ref().map_or("", |action| action.as_str()));
        ttls.push(who.ttl_ms);
        bodies.push(who.body_fingerprint.as_deref());
        expiries.push(page.expires_at);
        ends.push(page.changes.close.as_ref());
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("begun", BEGIN)
        .bind(ids)
        .bind(projects)
        .bind(keys)
        .bind(actions)
        .bind(ttls)
        .bind(expiries)
        .bind(ends.outcome)
        .bind(ends.tier)
        .bind(ends.backend)
        .bind(ends.model)
        .bind(ends.baseline)
        .bind(ends.score)
        .bind(ends.latency)
        .bind(ends.tags)
        .bind(bodies);
}

const BEGIN: &str = "
    INSERT INTO requests
        (request_id, project, key_id, action, ttl_ms, expires_at, closed_at, outcome, tier,
         backend, model, baseline_nano_usd, score, latency_us, tags, body_fingerprint)
    SELECT request_id, project, key_id, action, ttl_ms, expires_at,
           CASE WHEN outcome IS NOT NULL THEN now() END, outcome, tier, backend, model,
           baseline, score, latency, tags, body
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[],
                $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[],
                $11::bigint[], $12::float8[], $13::bigint[], $14::jsonb[], $15::bytea[])
         AS new (request_id, project, key_id, action, ttl_ms, expires_at, outcome, tier,
                 backend, model, baseline, score, latency, tags, body)";

/// Moves the expiries of requests that stay open.
pub(super) fn keep_alive<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let (mut ids, mut ttls, mut expiries) = (vec![], vec![], vec![]);
    for page in pages {
        ids.push(page.identity.request_id.as_uuid());
        ttls.push(page.identity.ttl_ms);
        expiries.push(page.expires_at);
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("kept_alive", KEEP_ALIVE)
        .bind(ids)
        .bind(ttls)
        .bind(expiries);
}

const KEEP_ALIVE: &str = "
    UPDATE requests SET expires_at = alive.expires_at, ttl_ms = alive.ttl_ms
    FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[])
         AS alive (request_id, ttl_ms, expires_at)
    WHERE requests.request_id = alive.request_id";

/// Writes the ends of requests. A presumed end that gives way keeps its moment, so that the request
/// stays in the span of time that it was reported in.
pub(super) fn close<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let (mut ids, mut ends) = (vec![], Ends::default());
    for page in pages {
        ids.push(page.identity.request_id.as_uuid());
        ends.push(page.changes.close.as_ref());
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("ended_requests", CLOSE)
        .bind(ids)
        .bind(ends.outcome)
        .bind(ends.tier)
        .bind(ends.backend)
        .bind(ends.model)
        .bind(ends.baseline)
        .bind(ends.score)
        .bind(ends.latency)
        .bind(ends.tags);
}

const CLOSE: &str = "
    UPDATE requests
    SET closed_at = coalesce(closed_at, now()), outcome = ended.outcome, tier = ended.tier,
        backend = ended.backend, model = ended.model, baseline_nano_usd = ended.baseline,
        score = ended.score, latency_us = ended.latency, tags = ended.tags
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                $7::float8[], $8::bigint[], $9::jsonb[])
         AS ended (request_id, outcome, tier, backend, model, baseline, score, latency, tags)
    WHERE requests.request_id = ended.request_id";

/// All that is known of one request.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) action: String,
    pub(crate) body_fingerprint: Option<Vec<u8>>,
    pub(crate) close: Option<Close>,
    pub(crate) events: Vec<Event>,
    pub(crate) held: NanoUsd,
    pub(crate) cost: NanoUsd,
}

/// Reads all that is known of a request of this project.
pub(crate) async fn account(
    database: &mut PgConnection,
    request_id: RequestId,
    project: &ProjectName,
) -> Result<Option<Account>, Error> {
    let known: Option<(String, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT action, body_fingerprint FROM requests WHERE request_id = $1 AND project = $2",
    )
    .bind(request_id.as_uuid())
    .bind(project.as_str())
    .fetch_optional(&mut *database)
    .await?;
    let Some((action, body_fingerprint)) = known else {
        return Ok(None);
    };
    let close: CloseRow = sqlx::query_as(
        "SELECT outcome, tier, backend, model, baseline_nano_usd, score, latency_us, tags
         FROM requests WHERE request_id = $1",
    )
    .bind(request_id.as_uuid())
    .fetch_one(&mut *database)
    .await?;
    let books = books::of(database, request_id).await?;
    Ok(Some(Account {
        action,
        body_fingerprint,
        close: close.into_close()?,
        held: books.held(),
        cost: books.cost(),
        events: books.events,
    }))
}
