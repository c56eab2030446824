//! Writes what a batch has changed, a statement a table, however many requests it is about.

use sqlx::PgConnection;

use super::{alerts, events, holds, periods, requests};
use crate::commit::{Desk, Page};
use crate::error::Error;

/// Writes everything that has changed on the desk. Every row of it is locked or new.
pub(crate) async fn write(database: &mut PgConnection, desk: &Desk) -> Result<(), Error> {
    let changed = desk.changed();
    let is_closed = |page: &&Page| page.changes.close.is_some();
    let known = || changed.clone().filter(|page| page.stored);
    requests::keep_alive(database, known().filter(|page| !is_closed(page))).await?;
    requests::close(database, known().filter(is_closed)).await?;
    requests::begin(database, changed.clone().filter(|page| !page.stored)).await?;
    holds::take(database, changed.clone()).await?;
    holds::change(database, changed.clone()).await?;
    events::book(database, changed).await?;
    periods::apply(database, &desk.purses).await?;
    alerts::raise(database, desk.purses.alerts()).await
}
