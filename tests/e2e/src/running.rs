//! A Terrace that runs: started as its users start it, stopped when the test ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_rpc::Link;
use terrace_testkit::postgres::TestDatabase;
use terrace_testkit::process::{self, Process};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long a stop may take.
const STOP: Duration = Duration::from_secs(30);
/// An address that the system chooses.
const ANYWHERE: &str = "127.0.0.1:0";
/// What the last line of a start begins with; the address follows.
const READY: &str = "ready ";

/// Where the services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// All in one process, linked directly.
    InProcess,
    /// Each in a process of its own, linked over loopback.
    Split,
}

/// A process of one service.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its process id.
    pub id: u32,
    /// Its command line.
    pub command: String,
}

/// `terrace up`, ready.
#[derive(Debug)]
pub struct Running {
    placement: Placement,
    folder: TempDir,
    process: Process,
    url: String,
}

impl Running {
    /// Starts `terrace up` with a config and waits until it is ready.
    ///
    /// # Errors
    /// It does not start; the message has its log.
    pub async fn up(
        placement: Placement,
        yaml: &str,
        database: &TestDatabase,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("terrace.yaml"), yaml)?;
        let (process, url) = start((placement, ANYWHERE), folder.path(), database).await?;
        Ok(Self {
            placement,
            folder,
            process,
            url,
        })
    }

    /// Starts it again with the same config.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self, database: &TestDatabase) -> anyhow::Result<()> {
        self.start(ANYWHERE, database).await
    }

    /// Starts it again with the same config at the same address, where its clients look for it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart_in_place(&mut self, database: &TestDatabase) -> anyhow::Result<()> {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.start(&address, database).await
    }

    async fn start(&mut self, listen: &str, database: &TestDatabase) -> anyhow::Result<()> {
        let started = start((self.placement, listen), self.folder.path(), database).await?;
        (self.process, self.url) = started;
        Ok(())
    }

    /// Kills it without any warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop and waits until it has; returns whether it ended well.
    ///
    /// # Errors
    /// It does not stop in time.
    pub async fn stop(&mut self) -> anyhow::Result<bool> {
        self.process.terminate()?;
        Ok(self.process.wait(STOP).await?.success())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        self.process.wait(STOP).await?;
        Ok(())
    }

    /// The processes of the services, when each has its own.
    #[must_use]
    pub fn children(&self) -> Vec<Child> {
        let child = |id: u32| {
            let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
            let command = command.replace('\0', " ");
            Some(Child { id, command })
        };
        let ids = process::children(self.process.id()).into_iter();
        ids.filter_map(child).collect()
    }

    /// What it wrote to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr().join("\n")
    }

    /// The config that it was started with.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("terrace.yaml")
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its HTTP edge answers, if it has one.
    #[must_use]
    pub fn edge_url(&self) -> Option<String> {
        self.part_url("edge")
    }

    /// A link to a service: where everything answers, or where its own process does.
    #[must_use]
    #[expect(clippy::expect_used, reason = "what Terrace announces is a url")]
    pub fn service(&self, name: &'static str) -> Link {
        let own = self.part_url(name);
        let url = own.unwrap_or_else(|| self.url.clone());
        Link::network(name, &url).expect("Terrace announced its address")
    }

    /// Where a part answers that has an address of its own.
    fn part_url(&self, name: &str) -> Option<String> {
        let lines = self.process.stdout();
        let is_meant = |line: &&String| line.split_whitespace().next() == Some(name);
        let line = lines.iter().find(is_meant)?;
        let place = line.split_whitespace().nth(1);
        place
            .filter(|place| place.starts_with("http"))
            .map(str::to_owned)
    }

    /// A link to where it answers.
    #[must_use]
    #[expect(clippy::expect_used, reason = "what Terrace announces is a url")]
    pub fn link(&self) -> Link {
        Link::network("terrace", &self.url).expect("Terrace announced its address")
    }
}

async fn start(
    (placement, listen): (Placement, &str),
    folder: &Path,
    database: &TestDatabase,
) -> anyhow::Result<(Process, String)> {
    let config = folder.join("terrace.yaml");
    let config = config.to_string_lossy();
    let mut args = vec!["up", "--config", &config, "--listen", listen];
    if placement == Placement::Split {
        args.push("--split");
    }
    let environment = [("TERRACE__LEDGER__DATABASE_URL", database.url())];
    let process = Process::start(&process::program("terrace")?, &args, environment)?;
    let line = process
        .wait_for_line(|line| line.starts_with(READY), START)
        .await;
    let line = line.with_context(|| {
        format!(
            "terrace is not ready; its log:\n{}",
            process.stderr().join("\n")
        )
    })?;
    Ok((process, line.trim_start_matches(READY).trim().to_owned()))
}
