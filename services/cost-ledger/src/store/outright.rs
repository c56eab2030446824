//! Writes what is booked outright, and makes sure in the same statement that nothing is otherwise than
//! it was thought to be.

use sqlx::PgConnection;
use terrace_config::Durability;

use super::statement::Statement;
use super::{events, leases, periods, requests};
use crate::commit::Desk;
use crate::error::Error;

/// Writes everything that has changed on the desk. Its requests are new; its leases and periods are not
/// looked at but by the statement itself, which takes them in the order of all locks.
pub(crate) async fn write(
    database: &mut PgConnection,
    desk: &Desk,
    durability: Durability,
) -> Result<(), Error> {
    let mut all = Statement::default();
    let paying = leases::pay(&mut all, desk.changed_leases());
    if paying > 0 {
        let moved = periods::move_unseen(&mut all, &desk.purses, paying);
        all.ask(SURE).bind(paying).bind(moved);
    }
    requests::begin(&mut all, desk.changed());
    events::book(&mut all, desk.changed());
    let done = all.execute(database, durability).await;
    done.map_err(|error| match error {
        // Somebody was first; what there is now has to be looked at.
        Error::Conflict(cause) => Error::Surprised(cause),
        error => error,
    })
}

/// Fails the statement unless so many leases have paid, and so many periods have moved.
const SURE: &str =
    "make_sure((SELECT count(*) FROM paying) = $1 AND (SELECT count(*) FROM moved) = $2)";
