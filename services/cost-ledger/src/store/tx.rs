//! The only way to a transaction.
//!
//! A transaction runs in a task of its own: tonic drops a handler when its caller goes away, and
//! `Pool::begin` of sqlx 0.9 dropped half-way leaves an open transaction on a connection that
//! goes back into the pool, where later writes of others vanish in it. In its own task a
//! transaction always comes to its end, whoever is still waiting for it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::Instant;

use super::Store;
use crate::error::Error;

/// How often a transaction is run again after the database undid it for another's sake.
const RETRIES: u32 = 5;
/// Pause before the first of these; each later one waits so much longer.
const PAUSE: Duration = Duration::from_millis(5);

/// What happens inside one transaction. It may run more than once and has to work out the same
/// each time; nothing but the database may be touched in it.
pub(crate) trait Transaction: Send + Sync + 'static {
    /// What it finds out.
    type Output: Send + 'static;

    /// Name of its task.
    const NAME: &'static str;

    /// Whether it only reads, and all it reads has to be of one moment.
    const SNAPSHOT: bool = false;

    /// How it begins; settings that hold for it alone may follow.
    const BEGIN: &'static str = "BEGIN";

    /// Whether it is one statement. That is a transaction by itself: neither the beginning nor the
    /// end is a turn of its own.
    const ALONE: bool = false;

    /// Whether it finds every row by its key, and is run so often that its plans are kept.
    const BY_KEY: bool = false;

    /// The work itself. An error rolls everything back.
    fn run(
        &self,
        database: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

impl Store {
    /// Runs a transaction to its end and commits it, even if nobody waits any more.
    pub(crate) async fn transact<T: Transaction>(&self, work: Arc<T>) -> Result<T::Output, Error> {
        let pool = match T::BY_KEY {
            true => self.by_key.clone(),
            false => self.pool.clone(),
        };
        let patience = self.patience;
        let done = self.detach(T::NAME, async move {
            let mut tried = 0;
            loop {
                match once(&pool, &*work, patience).await {
                    Err(Error::Conflict(cause)) if tried < RETRIES => {
                        tried += 1;
                        tracing::debug!(task.name = T::NAME, %cause, tried, "running again");
                        tokio::time::sleep(PAUSE * tried).await;
                    }
                    result => return result,
                }
            }
        });
        done.await?
    }
}

async fn once<T: Transaction>(
    pool: &PgPool,
    work: &T,
    patience: Duration,
) -> Result<T::Output, Error> {
    if T::ALONE {
        let mut connection = acquire(pool, patience).await?;
        return work.run(&mut connection).await;
    }
    let mut transaction = begin(pool, T::BEGIN, patience).await?;
    if T::SNAPSHOT {
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *transaction)
            .await?;
    }
    match work.run(&mut transaction).await {
        Ok(output) => {
            transaction.commit().await?;
            Ok(output)
        }
        Err(error) => {
            // Undone before the caller hears of it. If this fails, the connection is broken, and
            // the database undoes it by itself.
            drop(transaction.rollback().await);
            Err(error)
        }
    }
}

/// Begins once there is a connection.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that begins transactions: inside a task that nobody drops"
)]
async fn begin(
    pool: &PgPool,
    how: &'static str,
    patience: Duration,
) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    patiently(patience, || pool.begin_with(how)).await
}

async fn acquire(
    pool: &PgPool,
    patience: Duration,
) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    patiently(patience, || pool.acquire()).await
}

/// Waits for a connection as long as the config allows.
async fn patiently<T, F: Future<Output = Result<T, sqlx::Error>>>(
    patience: Duration,
    tried: impl Fn() -> F,
) -> Result<T, sqlx::Error> {
    let give_up = Instant::now() + patience;
    loop {
        match tried().await {
            Err(sqlx::Error::PoolTimedOut) if Instant::now() < give_up => {}
            got => return got,
        }
    }
}
