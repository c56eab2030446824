//! A page of rows, those of the requests that closed last first.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::TimeZone;
use terrace_domain::{Failure, Violations};
use time::{Duration, OffsetDateTime};

use super::{Ask, Cursor, Filter, Order, Row, Span};
use crate::error::Error;
use crate::store::{Store, Transaction, clock, usage};

/// Which page.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) filter: Filter,
    pub(crate) after: Option<Cursor>,
    pub(crate) page_size: u32,
    pub(crate) time_zone: TimeZone,
}

/// A page, and where the next one begins if there is one.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) next: Option<Cursor>,
}

/// Reads a page.
pub(crate) async fn list(store: &Store, ask: List) -> Result<Page, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

impl Transaction for List {
    type Output = Page;
    const NAME: &'static str = "list usage";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Page, Error> {
        let now = clock::now(database).await?;
        let page_size = self.page_size as usize;
        let ask = Ask {
            order: Order::NewestFirst,
            span: span(&self.filter, (None, None), now, self.time_zone)?,
            filter: &self.filter,
            after: self.after.as_ref(),
            // One more than is shown tells whether anything is left.
            at_most: i64::from(self.page_size) + 1,
        };
        let mut rows = usage::page(database, &ask).await?;
        let is_last = rows.len() <= page_size;
        rows.truncate(page_size);
        let next = rows.last().filter(|_| !is_last).map(Row::cursor);
        Ok(Page { rows, next })
    }
}

/// The span that a filter and the ends of a call mean together, at `now`.
pub(super) fn span(
    filter: &Filter,
    (from, until): (Option<OffsetDateTime>, Option<OffsetDateTime>),
    now: OffsetDateTime,
    zone: TimeZone,
) -> Result<Span, Failure> {
    let since = filter.since.map(|moment| moment.resolve(now, zone));
    let ends = filter.until.map(|moment| moment.resolve(now, zone));
    // Now itself is included: what has just been closed, in this very microsecond, counts.
    let latest = now + Duration::MICROSECOND;
    let span = Span {
        from: since.max(from).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        until: [ends, until].into_iter().flatten().min().unwrap_or(latest),
    };
    let mut wrong = Violations::new();
    let is_ordered = span.from < span.until;
    let field = if until.is_some() { "until" } else { "filter" };
    wrong.require(
        is_ordered,
        field,
        "ends before it begins: no row can be in that span",
    );
    wrong.finish()?;
    Ok(span)
}
