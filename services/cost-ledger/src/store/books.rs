//! Loads the holds and events of requests.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use terrace_domain::RequestId;
use uuid::Uuid;

use super::rows::{EventRow, HoldRow};
use crate::books::{Books, Event, Hold};
use crate::commit::Page;
use crate::error::Error;

/// Fills the pages of locked requests with what was held and settled.
pub(crate) async fn load(
    database: &mut PgConnection,
    mut pages: BTreeMap<RequestId, Page>,
) -> Result<BTreeMap<RequestId, Page>, Error> {
    if pages.is_empty() {
        return Ok(pages);
    }
    let ids: Vec<Uuid> = pages.keys().map(|id| id.as_uuid()).collect();
    for row in holds(database, &ids).await? {
        if let Some(page) = pages.get_mut(&RequestId::from_uuid(row.request_id)) {
            page.books.holds.push(Hold::try_from(row)?);
        }
    }
    for row in events(database, &ids).await? {
        if let Some(page) = pages.get_mut(&RequestId::from_uuid(row.request_id)) {
            page.books.events.push(Event::try_from(row)?);
        }
    }
    Ok(pages)
}

/// The books of one request, without its end.
pub(super) async fn of(database: &mut PgConnection, request_id: RequestId) -> Result<Books, Error> {
    let ids = [request_id.as_uuid()];
    let holds = holds(database, &ids).await?.into_iter().map(Hold::try_from);
    let holds: Result<Vec<Hold>, Error> = holds.collect();
    let events = events(database, &ids)
        .await?
        .into_iter()
        .map(Event::try_from);
    let events: Result<Vec<Event>, Error> = events.collect();
    Ok(Books {
        closed: None,
        holds: holds?,
        events: events?,
    })
}

async fn holds(database: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<HoldRow>, Error> {
    let rows = sqlx::query_as(
        "SELECT request_id, step, amount_nano_usd, tier, backend, model, state, taken_at,
                coalesce(period_ids, array_remove(ARRAY[period_id], NULL)) AS period_ids
         FROM holds WHERE request_id = ANY($1)",
    );
    Ok(rows.bind(ids).fetch_all(database).await?)
}

async fn events(database: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<EventRow>, Error> {
    let rows = sqlx::query_as(
        "SELECT request_id, step, tier, backend, model, outcome, reason, input_tokens,
                output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens,
                usage_estimated, cost_nano_usd, score, started_at, latency_us,
                coalesce(period_ids, array_remove(ARRAY[period_id], NULL)) AS period_ids
         FROM usage_events WHERE request_id = ANY($1)",
    );
    Ok(rows.bind(ids).fetch_all(database).await?)
}
