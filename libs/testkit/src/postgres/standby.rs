//! A hot standby of a PostgreSQL of one test's own, and how it takes over.
//!
//! Replication is by streaming and synchronous: the primary acknowledges a commit when the standby
//! has it on its disk, so that after a failover all that was acknowledged has to be there. The standby
//! itself waits for nobody once it leads.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::{PostgresServer, Session};

/// Until a standby has caught up with its primary.
const CAUGHT_UP: Duration = Duration::from_secs(60);
/// How often that is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Taken over by the copy: it looks soon for a primary that was away for a moment.
const SOON: &str = "ALTER SYSTEM SET wal_retrieve_retry_interval = '200ms'";
/// Not taken over by the copy, which nobody stands by.
const SYNCHRONOUS: &str = "ALTER SYSTEM SET synchronous_standby_names = 'standby'";
const IN_STEP: &str = "
    SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'";

impl PostgresServer {
    /// Starts a hot standby of it, with all its data in a folder of `parent`. From now on no commit is
    /// acknowledged before the standby has it.
    ///
    /// # Errors
    /// It does not run, or the standby does not start or catch up.
    pub async fn standby_in(&self, parent: &Path) -> anyhow::Result<Self> {
        let mut session = Session::open(self.url())?;
        session.ask(SOON)?;
        let standby = Self::begin(parent, self.variables(), Some(self)).await?;
        session.ask(SYNCHRONOUS)?;
        session.ask("SELECT pg_reload_conf()")?;
        self.standby_caught_up().await?;
        Ok(standby)
    }

    /// Waits until its standby has all that was ever acknowledged.
    ///
    /// # Errors
    /// It does not run, or the standby does not catch up.
    pub async fn standby_caught_up(&self) -> anyhow::Result<()> {
        let mut session = Session::open(self.url())?;
        let give_up = Instant::now() + CAUGHT_UP;
        while session.ask(IN_STEP)? != [["1"]] {
            ensure!(Instant::now() < give_up, "the standby does not catch up");
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Has a standby take over, and waits until it takes writes.
    ///
    /// # Errors
    /// It is no standby, or does not run.
    pub async fn promote(&self) -> anyhow::Result<()> {
        let url = self.url().to_owned();
        let promote = move || Session::open(&url)?.ask("SELECT pg_promote()");
        let promoted = tokio::task::spawn_blocking(promote).await??;
        ensure!(promoted == [["t"]], "the standby does not take over");
        Ok(())
    }
}
