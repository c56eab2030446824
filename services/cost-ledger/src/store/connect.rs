//! From an address to a pool: wait for the server, bring the tables up to date, open the pool.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};
use terrace_config::Secret;
use tokio::time::Instant;

use super::error::is_passing;
use crate::config::Settings;
use crate::error::StartError;

/// The tables, embedded. A database that has newer ones is fine: a release is rolled back, or
/// rolled out one replica at a time, over tables that the older version can still use.
static MIGRATIONS: Migrator = Migrator {
    ignore_missing: true,
    ..sqlx::migrate!()
};

/// For how long a connection that has worked is taken to work still.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long one new connection may take: the way there, TLS and the log-in. Whoever waits for one
/// tries again for as long as the config says. The pool waits up to a fifth of this between two
/// tries at a server that refuses, and so long a database can be back before anybody notices.
const NEW_CONNECTION: Duration = Duration::from_secs(5);

/// Between two tries to reach the server.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits for the server and brings the tables up to date.
pub(crate) async fn migrate(settings: &Settings) -> Result<(), StartError> {
    bring_up_to_date(&options(&settings.database_url)?, settings).await
}

/// Waits for the server, brings the tables up to date and opens two pools: one for all, and one
/// connection for transactions that find every row by its key.
pub(super) async fn open(settings: &Settings) -> Result<(PgPool, PgPool), StartError> {
    let options = options(&settings.database_url)?;
    bring_up_to_date(&options, settings).await?;

    let timeout = settings.statement_timeout.as_millis();
    let options = options.options([
        ("statement_timeout", timeout.to_string()),
        // Nothing of ours waits inside a transaction; this is for a network that went away.
        ("idle_in_transaction_session_timeout", timeout.to_string()),
        // Our plans forbid sequential scans, which the planner notes as an enormous cost, and
        // PostgreSQL would compile each of them: 30 ms for a statement that runs in one.
        ("jit", "off".to_owned()),
    ]);
    let by_key = pool(settings, 1, options.clone().options(BY_KEY));
    let others = settings.max_connections.saturating_sub(1).max(1);
    Ok((pool(settings, others, options), by_key))
}

/// Every row is found by its key. Plans that were made while the tables were small must not become
/// scans of large ones, and are not worth making anew each time.
const BY_KEY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

fn pool(settings: &Settings, most: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(settings.connect_timeout.min(NEW_CONNECTION))
        // A connection that worked a moment ago is not asked first whether it still does.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                match about.idle_for < TRUSTED {
                    true => Ok(true),
                    false => connection.ping().await.map(|()| true),
                }
            })
        })
        .connect_lazy_with(options)
}

async fn bring_up_to_date(
    options: &PgConnectOptions,
    settings: &Settings,
) -> Result<(), StartError> {
    let place = place(options);
    // Without a time-out for statements: a migration takes its time, and so does the wait for
    // the replica that is at it.
    let mut connection = first_contact(options, &place, settings.connect_timeout).await?;
    MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(|cause| StartError::Migration {
            place: place.clone(),
            cause,
        })?;
    drop(connection.close().await);
    tracing::info!(db.place = place, "database reached, tables up to date");
    Ok(())
}

fn options(address: &Secret) -> Result<PgConnectOptions, StartError> {
    if let Some(source) = address.missing() {
        return Err(StartError::MissingAddress(source.to_owned()));
    }
    let address = address.value().ok_or(StartError::NoAddress)?;
    let options: PgConnectOptions = address
        .expose_secret()
        .parse()
        .map_err(|_| StartError::WrongAddress)?;
    Ok(options.application_name("terrace-cost-ledger"))
}

/// Where the database is, in words without credentials.
fn place(options: &PgConnectOptions) -> String {
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(folder) => format!("{}/{database}", folder.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

async fn first_contact(
    options: &PgConnectOptions,
    place: &str,
    patience: Duration,
) -> Result<PgConnection, StartError> {
    let until = Instant::now() + patience;
    let mut told = false;
    loop {
        // No longer than the pool will wait: what starts here has to work there.
        let give_up = until.min(Instant::now() + NEW_CONNECTION);
        let tried = tokio::time::timeout_at(give_up, PgConnection::connect_with(options)).await;
        let cause = match tried {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) if !may_pass(&error) => {
                return Err(StartError::Refused {
                    place: place.to_owned(),
                    cause: error.to_string(),
                });
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "no connection stood after {:?}",
                patience.min(NEW_CONNECTION)
            ),
        };
        if Instant::now() + PAUSE >= until {
            return Err(StartError::Unreachable {
                place: place.to_owned(),
                waited: patience,
                cause,
            });
        }
        if !told {
            tracing::info!(db.place = place, cause, "waiting for PostgreSQL");
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether waiting can help: not against a wrong password or a database that was never made.
fn may_pass(error: &sqlx::Error) -> bool {
    let state = error.as_database_error().and_then(|error| error.code());
    is_passing(error) && state.is_none_or(|state| !state.starts_with("28") && state != "3D000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_no_credentials() {
        let secret = Secret::Value("postgres://me:hush@db.example:5433/books".into());
        assert_eq!(place(&options(&secret).unwrap()), "db.example:5433/books");
    }

    #[test]
    fn a_wrong_address_is_told_without_showing_it() {
        let secret = Secret::Value("http//me:hush@db".into());
        let error = options(&secret).unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
        let missing = Secret::Missing {
            source: "the variable DB".to_owned(),
        };
        let error = options(&missing).unwrap_err().to_string();
        assert!(error.contains("the variable DB"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_with_its_place() {
        let mut settings = Settings::for_testing("postgres://me:hush@127.0.0.1:1/books");
        settings.connect_timeout = Duration::from_millis(300);
        let error = open(&settings).await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1/books"), "{error}");
        assert!(error.contains("Is it running"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
