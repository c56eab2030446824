//! All rows of a span, oldest first, read ahead of the caller by one batch and no more.
//!
//! Each batch is a short transaction that goes on behind the last row of the one before. So an
//! export of any length holds no snapshot open, needs the memory of a few batches, stops reading
//! when its caller is slow, and ends when its caller goes away.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::TimeZone;
use terrace_domain::Failure;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::list::span;
use super::{Ask, Cursor, Filter, Order, Row, Span};
use crate::error::Error;
use crate::store::{Store, Transaction, clock, usage};

/// Rows of a batch: a megabyte or two on the wire, far below the largest message even when every
/// row is as long as it can be.
const BATCH: u16 = 2_000;

/// Which rows.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) from: Option<OffsetDateTime>,
    /// Not included; absent: now.
    pub(crate) until: Option<OffsetDateTime>,
    pub(crate) filter: Filter,
    pub(crate) time_zone: TimeZone,
}

/// Batches of rows; the last thing is the end or a failure.
pub(crate) type Rows = mpsc::Receiver<Result<Vec<Row>, Failure>>;

/// Begins an export.
pub(crate) async fn export(store: &Store, ask: Export) -> Result<Rows, Failure> {
    let ask = Arc::new(ask);
    let span = store.transact(Arc::new(Begin(Arc::clone(&ask)))).await?;
    let (batches, rows) = mpsc::channel(1);
    let reader = read(store.clone(), ask, span, batches);
    drop(store.detach("export usage", reader));
    Ok(rows)
}

async fn read(
    store: Store,
    ask: Arc<Export>,
    span: Span,
    batches: mpsc::Sender<Result<Vec<Row>, Failure>>,
) {
    let mut after = None;
    // A place is awaited before the next batch is read: so at most one waits to be sent.
    while let Ok(place) = batches.reserve().await {
        let batch = Batch {
            ask: Arc::clone(&ask),
            span,
            after: after.take(),
        };
        let rows = match store.transact(Arc::new(batch)).await {
            Ok(rows) => rows,
            Err(error) => return place.send(Err(Failure::from(error))),
        };
        if rows.is_empty() {
            return;
        }
        let is_last = rows.len() < usize::from(BATCH);
        after = rows.last().map(Row::cursor);
        place.send(Ok(rows));
        if is_last {
            return;
        }
    }
}

/// Settles which span is meant: now is the moment in which the export begins.
struct Begin(Arc<Export>);

impl Transaction for Begin {
    type Output = Span;
    const NAME: &'static str = "begin an export";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Span, Error> {
        let ask = &self.0;
        let now = clock::now(database).await?;
        let ends = (ask.from, ask.until);
        Ok(span(&ask.filter, ends, now, ask.time_zone)?)
    }
}

struct Batch {
    ask: Arc<Export>,
    span: Span,
    after: Option<Cursor>,
}

impl Transaction for Batch {
    type Output = Vec<Row>;
    const NAME: &'static str = "export a batch";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Vec<Row>, Error> {
        let ask = Ask {
            order: Order::OldestFirst,
            span: self.span,
            filter: &self.ask.filter,
            after: self.after.as_ref(),
            at_most: i64::from(BATCH),
        };
        usage::page(database, &ask).await
    }
}
