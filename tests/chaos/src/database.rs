//! The database of a site: a PostgreSQL, and where it was asked for a hot standby that can take over.
//!
//! Whoever looks at the books from outside asks for the URL each time, or follows it, and so comes to
//! the new primary after a failover. The ledger has one address, which is led to the new primary.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use terrace_testkit::PostgresServer;
use tokio::sync::watch;

/// One server, or a pair; gone with all data when dropped.
#[derive(Debug)]
pub struct Database {
    first: PostgresServer,
    standby: Option<PostgresServer>,
    has_failed_over: AtomicBool,
    url: watch::Sender<String>,
}

impl Database {
    /// Starts a server that goes by these environment variables, with its data in a folder of
    /// `place`; and a standby of it, if there is a place for one.
    ///
    /// # Errors
    /// PostgreSQL does not start.
    pub async fn start(
        place: &Path,
        standby_place: Option<&Path>,
        variables: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let first = PostgresServer::start_in(place, variables).await?;
        let standby = match standby_place {
            Some(place) => Some(first.standby_in(place).await?),
            None => None,
        };
        let (url, _) = watch::channel(first.url().to_owned());
        Ok(Self {
            first,
            standby,
            has_failed_over: AtomicBool::new(false),
            url,
        })
    }

    /// The server that takes writes.
    #[must_use]
    pub fn primary(&self) -> &PostgresServer {
        match &self.standby {
            Some(standby) if self.has_failed_over() => standby,
            _ => &self.first,
        }
    }

    /// Whether the standby has taken over; after that there is none any more.
    #[must_use]
    pub fn has_failed_over(&self) -> bool {
        self.has_failed_over.load(Ordering::Acquire)
    }

    /// The URL of the primary's database now.
    #[must_use]
    pub fn url(&self) -> String {
        self.primary().url().to_owned()
    }

    /// The URL of the primary's database, for as long as it is looked at.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<String> {
        self.url.subscribe()
    }

    /// Kills the primary (SIGKILL to all its processes), which does not come back. What it has
    /// acknowledged is at the standby.
    ///
    /// # Errors
    /// There is no standby, or the standby has not caught up: then nobody is killed.
    pub async fn lose_primary(&self) -> anyhow::Result<()> {
        self.standby()?;
        self.first.standby_caught_up().await?;
        self.first.kill().await
    }

    /// Has the standby take over as the primary.
    ///
    /// # Errors
    /// There is no standby, or it does not take over.
    pub async fn promote(&self) -> anyhow::Result<()> {
        let standby = self.standby()?;
        standby.promote().await?;
        self.has_failed_over.store(true, Ordering::Release);
        self.url.send_replace(standby.url().to_owned());
        Ok(())
    }

    fn standby(&self) -> anyhow::Result<&PostgresServer> {
        let standby = self.standby.as_ref().filter(|_| !self.has_failed_over());
        standby.context("PostgreSQL has no standby")
    }
}
