//! Why a use case of the ledger did not succeed, and what of it the caller may know.

use terrace_domain::{Failure, Reason};

use crate::store::periods::Begin;

/// Why a use case did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The books say no; this is the whole story.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// The database cannot be reached or cannot work at present.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Two transactions got into each other's way and this one was undone: run it again.
    #[error("undone by the database because of another transaction")]
    Conflict(#[source] sqlx::Error),
    /// What was to be booked without a look is not as it was thought to be: look first.
    #[error("a request, a lease or a budget is not as it was thought to be")]
    Surprised(#[source] sqlx::Error),
    /// A statement or a row is not what it should be.
    #[error("the database refused a statement or returned a row that makes no sense")]
    Broken(#[source] sqlx::Error),
    /// Periods of budgets have to begin before this can be decided.
    #[error("a period of a budget has not begun")]
    NotBegun(Begin),
    /// The task of a transaction ended without a result.
    #[error(transparent)]
    Lost(#[from] terrace_runtime::Lost),
}

impl Error {
    /// A value in the database that cannot be one of ours.
    pub(crate) fn decode(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Broken(sqlx::Error::Decode(Box::new(error)))
    }
}

const UNAVAILABLE: &str = "the ledger's database does not answer, so nothing that costs is called: \
    repeat the call in a moment (a repeated call is never booked twice); if it lasts, check that \
    PostgreSQL runs and that ledger.database_url is right";

const INTERNAL: &str = "the ledger could not do this because of a defect: its log has the details \
    under the trace id";

/// How long a caller waits before it asks an absent database again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

impl From<Error> for Failure {
    /// Logs what the caller does not get to see: this is where errors of the ledger end.
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(failure) => failure,
            Error::Unavailable(cause) | Error::Conflict(cause) | Error::Surprised(cause) => {
                tracing::warn!(%cause, "database not available");
                Self::new(Reason::LedgerUnavailable, UNAVAILABLE).retry_after(PAUSE)
            }
            Error::Broken(cause) => {
                tracing::error!(%cause, "database refused a statement or returned nonsense");
                Self::new(Reason::Internal, INTERNAL)
            }
            Error::NotBegun(_) => {
                tracing::error!("a period of a budget ended again and again while it was begun");
                Self::new(Reason::Internal, INTERNAL)
            }
            Error::Lost(lost) => {
                tracing::error!(%lost, "transaction ended without a result");
                Self::new(Reason::Internal, INTERNAL)
            }
        }
    }
}

/// Why the ledger cannot start. The texts are for the operator and hold no credentials.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The config does not say where the database is.
    #[error(
        "ledger.database_url is not set: give the address of a PostgreSQL database, as \
         postgres://user@host/terrace, in the config or in TERRACE__LEDGER__DATABASE_URL"
    )]
    NoAddress,
    /// The config names a place for the address where there is none.
    #[error("ledger.database_url: {0} holds no address")]
    MissingAddress(String),
    /// The address cannot be read. It is not shown: it may hold a password.
    #[error("ledger.database_url is no address of PostgreSQL, as postgres://user@host/terrace")]
    WrongAddress,
    /// Nobody answers there.
    #[error(
        "cannot reach PostgreSQL at {place} within {waited:?}: {cause}. Is it running, and is \
         ledger.database_url right? ledger.connect_timeout says how long is tried"
    )]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// How long was tried.
        waited: std::time::Duration,
        /// What the last try ended with.
        cause: String,
    },
    /// It answers and does not let us in.
    #[error("PostgreSQL at {place} refuses the connection: {cause}")]
    Refused {
        /// Host, port and database.
        place: String,
        /// What it says.
        cause: String,
    },
    /// The config names a place for the pepper where there is none.
    #[error("auth.pepper: {0} holds no secret")]
    MissingPepper(String),
    /// The pepper could be guessed.
    #[error(
        "auth.pepper is shorter than 16 bytes: take 32 random ones, as of `openssl rand -hex 32`"
    )]
    ShortPepper,
    /// The operator's own key could be guessed.
    #[error(
        "auth.root_key is shorter than 16 bytes: take 32 random ones, as of `openssl rand -hex 32`"
    )]
    ShortRootKey,
    /// There is a key of the operator's and nothing to keep its digest with.
    #[error("auth.root_key is set and auth.pepper is not: keys need both")]
    NoPepper,
    /// The tables could not be brought up to date.
    #[error("the tables at {place} could not be brought up to date: {cause}")]
    Migration {
        /// Host, port and database.
        place: String,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// The folder of the spool cannot be used.
    #[error("ledger.spool.folder {}: {cause}", folder.display())]
    Spool {
        /// The folder.
        folder: std::path::PathBuf,
        /// What is wrong with it.
        cause: std::io::Error,
    },
    /// The webhook for alerts cannot be used. The text does not show its address.
    #[error("cost_control.alert_webhook: {0}")]
    Webhook(String),
    /// The configured budgets could not be written down.
    #[error("the budgets could not be written down: {0}")]
    Budget(Failure),
}
