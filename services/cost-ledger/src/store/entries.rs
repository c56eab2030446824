//! Writes what a batch has changed in one statement, however many requests it is about.

use sqlx::PgConnection;
use terrace_config::Durability;

use super::statement::Statement;
use super::{alerts, events, holds, leases, periods, requests};
use crate::commit::{Desk, Page};
use crate::error::Error;

/// Writes everything that has changed on the desk. Every row of it is locked or new.
pub(crate) async fn write(
    database: &mut PgConnection,
    desk: &Desk,
    durability: Durability,
) -> Result<(), Error> {
    let changed = desk.changed();
    let is_closed = |page: &&Page| page.changes.close.is_some();
    let known = || changed.clone().filter(|page| page.stored);
    let mut all = Statement::default();
    requests::keep_alive(&mut all, known().filter(|page| !is_closed(page)));
    requests::close(&mut all, known().filter(is_closed));
    requests::begin(&mut all, changed.clone().filter(|page| !page.stored));
    holds::take(&mut all, changed.clone());
    holds::change(&mut all, changed.clone());
    events::book(&mut all, changed.clone());
    events::correct(&mut all, changed);
    let lent = desk.changed_leases();
    let out = || lent.clone().filter(|lent| !lent.ended);
    let ended = lent.clone().filter(|lent| lent.stored && lent.ended);
    leases::begin(
        &mut all,
        out().filter(|lent| !lent.stored).map(|lent| &lent.lease),
    );
    leases::change(
        &mut all,
        out().filter(|lent| lent.stored).map(|lent| &lent.lease),
    );
    leases::end(&mut all, ended.map(|lent| lent.lease.lease_id));
    periods::apply(&mut all, &desk.purses);
    all.execute(database, durability).await?;
    alerts::raise(database, desk.purses.alerts()).await
}
