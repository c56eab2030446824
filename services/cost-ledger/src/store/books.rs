//! Loads the holds and events of requests.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use terrace_domain::RequestId;
use uuid::Uuid;

use super::rows::BookedRow;
use crate::books::Books;
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
    for row in booked(database, &ids).await? {
        if let Some(page) = pages.get_mut(&RequestId::from_uuid(row.request_id)) {
            row.enter(&mut page.books)?;
        }
    }
    Ok(pages)
}

/// The books of one request, without its end.
pub(super) async fn of(database: &mut PgConnection, request_id: RequestId) -> Result<Books, Error> {
    let mut books = Books::default();
    for row in booked(database, &[request_id.as_uuid()]).await? {
        row.enter(&mut books)?;
    }
    Ok(books)
}

/// The holds and the events of these requests: one question, because a batch asks it each time.
async fn booked(database: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<BookedRow>, Error> {
    let rows = sqlx::query_as(
        "SELECT request_id, step, tier, backend, model, taken_at AS began_at,
                coalesce(period_ids, array_remove(ARRAY[period_id], NULL)) AS period_ids,
                amount_nano_usd, state, NULL AS outcome, '' AS reason, 0::bigint AS input_tokens,
                0::bigint AS output_tokens, 0::bigint AS cached_input_tokens,
                0::bigint AS cache_write_tokens, 0::bigint AS reasoning_tokens,
                false AS usage_estimated, NULL::float8 AS score, 0::bigint AS latency_us
         FROM holds WHERE request_id = ANY($1)
         UNION ALL
         SELECT request_id, step, tier, backend, model, started_at,
                coalesce(period_ids, array_remove(ARRAY[period_id], NULL)),
                cost_nano_usd, NULL, outcome, reason, input_tokens, output_tokens,
                cached_input_tokens, cache_write_tokens, reasoning_tokens,
                usage_estimated, score, latency_us
         FROM usage_events WHERE request_id = ANY($1)",
    );
    Ok(rows.bind(ids).fetch_all(database).await?)
}
