//! SQLSTATE to the ledger's own errors, in one function.

use crate::error::Error;

/// Another transaction was in the way, and the database says: run it again.
const RUN_AGAIN: [&str; 2] = [
    "40001", // serialization_failure
    "40P01", // deadlock_detected
];

/// What `make_sure` fails with.
const SURPRISE: &str = "TR001";

/// Single states that pass by themselves or by an operator's hand, not by other input.
const NOT_NOW: [&str; 4] = [
    "55P03", // lock_not_available: the lock time-out
    "57014", // query_canceled: the statement time-out
    "25006", // read_only_sql_transaction: a standby, in the middle of a fail-over
    "3D000", // invalid_catalog_name: the database is gone, or not restored yet
];

/// Whole classes of such states.
const NOT_NOW_CLASSES: [&str; 5] = [
    "08", // connection exception
    "28", // invalid authorization: a password that was rotated
    "53", // insufficient resources: connections, memory, disk
    "57", // operator intervention: shutting down, starting up
    "58", // system error: its disk
];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            return Self::Unavailable(error);
        }
        if is_overtaken(&error) {
            return Self::Conflict(error);
        }
        let state = error.as_database_error().and_then(|error| error.code());
        match state {
            Some(state) if state == SURPRISE => Self::Surprised(error),
            Some(state) if RUN_AGAIN.contains(&&*state) => Self::Conflict(error),
            _ => Self::Broken(error),
        }
    }
}

/// Whether another transaction has begun the same request just before. The holds and events of a new
/// request may be written before its row is, so they can be what tells. Every partition has a
/// constraint of its own, named after it.
fn is_overtaken(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|error| {
        let constraint = error.constraint().unwrap_or_default();
        error.is_unique_violation()
            && TABLES.iter().any(|table| constraint.starts_with(table))
            && constraint.ends_with("_pkey")
    })
}

/// Tables of which a row is one request's alone.
const TABLES: [&str; 3] = ["requests_", "holds_", "usage_events_"];

/// Whether the database is away or unable, rather than asked for something wrong.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // A connection that breaks off in the middle of its beginning or of a transaction's.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|state| {
            NOT_NOW.contains(&&*state)
                || NOT_NOW_CLASSES.iter().any(|class| state.starts_with(class))
        }),
        _ => false,
    }
}
