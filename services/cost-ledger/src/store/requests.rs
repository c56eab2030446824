//! The rows of requests: the lock that every write takes first, and what hangs on it.

use sqlx::{FromRow, PgConnection};
use terrace_domain::{NanoUsd, ProjectName, RequestId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::{CloseRow, EventRow, HoldRow, parsed};
use crate::books::{Books, Close, Event, Hold};
use crate::error::Error;

/// Who a request belongs to and how long it lives without a sign of its orchestrator.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) request_id: RequestId,
    pub(crate) project: ProjectName,
    pub(crate) key_id: String,
    pub(crate) action: String,
    pub(crate) ttl_ms: i64,
}

/// A locked request.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) expires_at: OffsetDateTime,
    /// The database's clock.
    pub(crate) now: OffsetDateTime,
    pub(crate) books: Books,
}

#[derive(Debug, FromRow)]
struct LockRow {
    project: String,
    outcome: Option<String>,
    expires_at: OffsetDateTime,
    now: OffsetDateTime,
}

/// Locks the request, which begins with this if it is new, and loads its books. Refuses another
/// project's request.
pub(crate) async fn lock_or_begin(
    database: &mut PgConnection,
    identity: &Identity,
) -> Result<Locked, Error> {
    // The update changes nothing; it is how an insert that finds a row locks and returns it.
    let row: LockRow = sqlx::query_as(
        "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at)
         VALUES ($1, $2, $3, $4, $5, now() + $5 * interval '1 ms')
         ON CONFLICT (request_id) DO UPDATE SET project = requests.project
         RETURNING project, outcome, expires_at, now() AS now",
    )
    .bind(identity.request_id.as_uuid())
    .bind(identity.project.as_str())
    .bind(&identity.key_id)
    .bind(&identity.action)
    .bind(identity.ttl_ms)
    .fetch_one(&mut *database)
    .await?;
    if row.project != identity.project.as_str() {
        return Err(Error::id_used(
            identity.request_id,
            "belongs to another project",
        ));
    }
    locked(database, identity.request_id, row).await
}

/// Locks the request if there is one, and loads its books.
pub(crate) async fn lock(
    database: &mut PgConnection,
    request_id: RequestId,
) -> Result<Option<Locked>, Error> {
    let row: Option<LockRow> = sqlx::query_as(
        "SELECT project, outcome, expires_at, now() AS now
         FROM requests WHERE request_id = $1 FOR NO KEY UPDATE",
    )
    .bind(request_id.as_uuid())
    .fetch_optional(&mut *database)
    .await?;
    match row {
        Some(row) => locked(database, request_id, row).await.map(Some),
        None => Ok(None),
    }
}

/// Locks the request if it is open, has expired and nobody else is at it.
pub(crate) async fn lock_expired(
    database: &mut PgConnection,
    request_id: RequestId,
) -> Result<Option<Locked>, Error> {
    let row: Option<LockRow> = sqlx::query_as(
        "SELECT project, outcome, expires_at, now() AS now
         FROM requests
         WHERE request_id = $1 AND closed_at IS NULL AND expires_at <= now()
         FOR NO KEY UPDATE SKIP LOCKED",
    )
    .bind(request_id.as_uuid())
    .fetch_optional(&mut *database)
    .await?;
    match row {
        Some(row) => locked(database, request_id, row).await.map(Some),
        None => Ok(None),
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

/// Moves the expiry of an open request to its time to live from now.
pub(crate) async fn keep_alive(
    database: &mut PgConnection,
    request_id: RequestId,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE requests SET expires_at = greatest(expires_at, now() + ttl_ms * interval '1 ms')
         WHERE request_id = $1 AND closed_at IS NULL",
    )
    .bind(request_id.as_uuid())
    .execute(database)
    .await?;
    Ok(())
}

/// All that is known of one request.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) action: String,
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
    let action: Option<String> =
        sqlx::query_scalar("SELECT action FROM requests WHERE request_id = $1 AND project = $2")
            .bind(request_id.as_uuid())
            .bind(project.as_str())
            .fetch_optional(&mut *database)
            .await?;
    let Some(action) = action else {
        return Ok(None);
    };
    let close: CloseRow = sqlx::query_as(
        "SELECT outcome, tier, backend, model, baseline_nano_usd, score, latency_us, tags
         FROM requests WHERE request_id = $1",
    )
    .bind(request_id.as_uuid())
    .fetch_one(&mut *database)
    .await?;
    let books = books(database, request_id).await?;
    Ok(Some(Account {
        action,
        close: close.into_close()?,
        held: books.held(),
        cost: books.cost(),
        events: books.events,
    }))
}

async fn locked(
    database: &mut PgConnection,
    request_id: RequestId,
    row: LockRow,
) -> Result<Locked, Error> {
    let mut books = books(database, request_id).await?;
    books.closed = row.outcome.as_deref().map(parsed).transpose()?;
    Ok(Locked {
        expires_at: row.expires_at,
        now: row.now,
        books,
    })
}

async fn books(database: &mut PgConnection, request_id: RequestId) -> Result<Books, Error> {
    let holds: Vec<HoldRow> = sqlx::query_as(
        "SELECT step, amount_nano_usd, period_id, tier, backend, model, state, taken_at
         FROM holds WHERE request_id = $1",
    )
    .bind(request_id.as_uuid())
    .fetch_all(&mut *database)
    .await?;
    let events: Vec<EventRow> = sqlx::query_as(
        "SELECT step, tier, backend, model, outcome, reason, input_tokens, output_tokens,
                cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_estimated,
                cost_nano_usd, period_id, score, started_at, latency_us
         FROM usage_events WHERE request_id = $1",
    )
    .bind(request_id.as_uuid())
    .fetch_all(database)
    .await?;
    let holds: Result<Vec<Hold>, Error> = holds.into_iter().map(Hold::try_from).collect();
    let events: Result<Vec<Event>, Error> = events.into_iter().map(Event::try_from).collect();
    Ok(Books {
        closed: None,
        holds: holds?,
        events: events?,
    })
}
