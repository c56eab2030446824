//! A PostgreSQL of one test's own, which can be killed and comes back at the same address.
//!
//! It is started by `scripts/postgres.sh` with fsync on, so that what was acknowledged before a
//! kill has to be there after it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::ports::lasting_port;
use crate::process;

/// How long its processes may take to be gone.
const GONE: Duration = Duration::from_secs(10);
/// How often that is looked for.
const POLL: Duration = Duration::from_millis(5);

/// A running server; gone with all its data when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    url: String,
    variables: Vec<(String, String)>,
}

impl PostgresServer {
    /// Makes an empty database cluster and starts its server.
    ///
    /// # Errors
    /// PostgreSQL is not installed and cannot be, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_in(&std::env::temp_dir(), &[]).await
    }

    /// As [`PostgresServer::start`], with all its data in a folder of this one, and with these
    /// environment variables.
    ///
    /// # Errors
    /// As [`PostgresServer::start`].
    pub async fn start_in(parent: &Path, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let server = Self::begin(parent, variables, None).await?;
        server.come_back_soon()?;
        Ok(server)
    }

    /// A copy of a running server in a folder of `parent`, or an empty cluster if there is none to
    /// copy.
    pub(super) async fn begin(
        parent: &Path,
        variables: &[(String, String)],
        original: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix_in("terrace-postgres.", parent)?;
        // The server runs as another user when we are root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let port = lasting_port()?;
        let mut start = command("start", &cluster(folder.path()), port, variables);
        start.envs(original.map(|of| ("PGSTANDBY_OF", cluster(of.folder.path()))));
        let url = run(start).await?;
        let variables = variables.to_vec();
        Ok(Self {
            folder,
            port,
            url,
            variables,
        })
    }

    /// Has a start after a kill sync the file system at once, and not file by file: that takes a
    /// thousand waits for the disk, and the system did not crash.
    fn come_back_soon(&self) -> anyhow::Result<()> {
        let file = cluster(self.folder.path()).join("data/postgresql.conf");
        let mut config = std::fs::OpenOptions::new().append(true).open(file)?;
        writeln!(config, "recovery_init_sync_method = syncfs")?;
        Ok(())
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, as `127.0.0.1:20001`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The environment variables that it was started with.
    pub(super) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The process that has started all others of the server.
    ///
    /// # Errors
    /// It does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        let file = cluster(self.folder.path()).join("data/postmaster.pid");
        let text = std::fs::read_to_string(&file).context("PostgreSQL does not run")?;
        let first = text.lines().next().and_then(|line| line.parse().ok());
        first.context("postmaster.pid has no id")
    }

    /// Kills all its processes as nothing can prevent (SIGKILL), and waits until they are gone.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let all = self.signal("KILL")?;
        let give_up = Instant::now() + GONE;
        while all.iter().any(|id| process::is_running(*id)) {
            if Instant::now() >= give_up {
                bail!("PostgreSQL's processes do not end");
            }
            tokio::time::sleep(POLL).await;
        }
        self.forget()
    }

    /// Sends a signal to all its processes, as `STOP` or `CONT`; says which they are.
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, name: &str) -> anyhow::Result<Vec<u32>> {
        let postmaster = self.id()?;
        let mut all = vec![postmaster];
        all.extend(process::children(postmaster));
        for id in &all {
            // A child may have ended by itself.
            let _gone = process::send_signal(*id, name);
        }
        Ok(all)
    }

    /// Removes what a start would take for a server that still runs: a dead process is in the table
    /// until its parent, which in a container may be slow, has looked at how it ended.
    fn forget(&self) -> anyhow::Result<()> {
        let cluster = cluster(self.folder.path());
        std::fs::remove_file(cluster.join("data/postmaster.pid"))?;
        // Not there where the folder's name is too long for a socket.
        let socket = cluster.join(format!(".s.PGSQL.{}.lock", self.port));
        drop(std::fs::remove_file(socket));
        Ok(())
    }

    /// Starts it again, over what it had on disk.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        run(self.command("start")).await?;
        Ok(())
    }

    fn command(&self, verb: &str) -> Command {
        command(
            verb,
            &cluster(self.folder.path()),
            self.port,
            &self.variables,
        )
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // What is left behind costs disk, and no test its result.
        drop(self.command("clean").output());
    }
}

fn cluster(folder: &Path) -> PathBuf {
    folder.join("cluster")
}

async fn run(mut command: Command) -> anyhow::Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().to_owned())
}

fn command(verb: &str, cluster: &Path, port: u16, variables: &[(String, String)]) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");
    let mut command = Command::new(script);
    command
        .args([verb.as_ref(), cluster.as_os_str()])
        .env("PGPORT_WANTED", port.to_string())
        .env("PGFSYNC", "on")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}
