//! A fresh, empty database per test on a real PostgreSQL server.
//!
//! The server is named by `TERRACE_TEST_DATABASE_URL`; this module only makes databases on it and
//! asks them questions from outside, through `psql`, so that what a service wrote is checked
//! without the service's own code. A server that a test may kill is in [`server`], one that takes over
//! from it in [`standby`], a connection that is asked again and again in [`session`].

pub mod server;
pub mod session;
pub mod standby;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use terrace_domain::RequestId;
use url::Url;

pub use server::PostgresServer;
pub use session::Session;

/// Environment variable with the URL of a database in which new ones may be made.
pub const SERVER_VARIABLE: &str = "TERRACE_TEST_DATABASE_URL";

const NO_SERVER: &str = "TERRACE_TEST_DATABASE_URL is not set: run `make test`, or start a server \
    with `scripts/postgres.sh start DIR` and export TERRACE_TEST_DATABASE_URL";

/// How often a database is renamed that somebody keeps connecting to.
const RENAMES: usize = 50;

/// An empty database, dropped together with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: Url,
    url: Url,
    name: String,
    is_away: AtomicBool,
}

impl TestDatabase {
    /// Makes an empty database.
    ///
    /// # Panics
    /// When the server is not named or does not let a database be made; the message says what to
    /// do.
    #[must_use]
    #[expect(
        clippy::panic,
        clippy::disallowed_methods,
        reason = "a test without its database cannot run; this variable is for tests alone"
    )]
    pub fn create() -> Self {
        let Ok(server) = std::env::var(SERVER_VARIABLE) else {
            panic!("{NO_SERVER}");
        };
        match Self::create_on(&server) {
            Ok(database) => database,
            Err(error) => panic!("no test database on the server of {SERVER_VARIABLE}: {error:#}"),
        }
    }

    /// Makes an empty database on the server of this URL.
    ///
    /// # Errors
    /// It does not let one be made.
    pub fn create_on(server: &str) -> anyhow::Result<Self> {
        let server = Url::parse(server).context("it is no URL")?;
        let id = RequestId::generate().as_uuid().simple();
        let name = format!("terrace_test_{id}");
        // template0 takes no connections, so that many tests can copy it at once.
        run(
            &server,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        )?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self {
            server,
            url,
            name,
            is_away: AtomicBool::new(false),
        })
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Runs a statement and returns its rows as text; NULL is empty.
    ///
    /// # Panics
    /// When the statement fails.
    #[must_use]
    #[expect(clippy::panic, reason = "a failed question is a failed test")]
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        match run(&self.url, sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{sql}: {error:#}"),
        }
    }

    /// Takes it away, with all connections: by its name it is not there any more.
    ///
    /// # Errors
    /// Somebody keeps connecting to it.
    pub fn take_away(&self) -> anyhow::Result<()> {
        let name = &self.name;
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        let rename = format!("ALTER DATABASE {name} RENAME TO {name}_away");
        let mut renamed = Ok(Vec::new());
        for _ in 0..RENAMES {
            run(&self.server, &end)?;
            renamed = run(&self.server, &rename);
            if renamed.is_ok() {
                self.is_away.store(true, Ordering::Relaxed);
                break;
            }
        }
        renamed.map(drop)
    }

    /// Brings it back.
    ///
    /// # Errors
    /// It was not taken away.
    pub fn bring_back(&self) -> anyhow::Result<()> {
        let name = &self.name;
        run(
            &self.server,
            &format!("ALTER DATABASE {name}_away RENAME TO {name}"),
        )?;
        self.is_away.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The one number that a statement returns, as a count or a sum.
    ///
    /// # Panics
    /// When the statement fails or returns anything else.
    #[must_use]
    #[expect(clippy::panic, reason = "a failed question is a failed test")]
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql);
        let number = rows.first().and_then(|row| row.first()?.parse().ok());
        match number {
            Some(number) if rows.len() == 1 => number,
            _ => panic!("{sql}: is no single number: {rows:?}"),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.is_away.load(Ordering::Relaxed) {
            drop(self.bring_back());
        }
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A database left behind costs disk until the server is reset, and no test its result.
        drop(run(&self.server, &sql));
    }
}

/// Separates the fields of a row: a byte that no text of ours has.
const FIELD_SEPARATOR: char = '\u{1f}';

fn run(database: &Url, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let output = asking(database.as_str())?.args(["-c", sql]).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("psql did not write UTF-8")?;
    Ok(text.lines().map(fields).collect())
}

/// A `psql` that writes rows as [`fields`] reads them.
fn asking(database: &str) -> anyhow::Result<Command> {
    let mut psql = Command::new(psql()?);
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .args(["-F", &FIELD_SEPARATOR.to_string(), "-d", database]);
    Ok(psql)
}

/// The fields of a row.
fn fields(line: &str) -> Vec<String> {
    line.split(FIELD_SEPARATOR).map(str::to_owned).collect()
}

/// The `psql` to use: of the newest Debian package, whose name in the path is a script that takes
/// longer to start than most questions to answer; else of the path.
fn psql() -> anyhow::Result<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| packaged_psql().or_else(psql_in_path))
        .as_deref()
        .context("psql is not installed: `apt-get install postgresql-client`")
}

fn psql_in_path() -> Option<PathBuf> {
    let psql = PathBuf::from("psql");
    let runs = Command::new(&psql).arg("--version").output().is_ok();
    runs.then_some(psql)
}

fn packaged_psql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|entry| Some((number(&entry.path())?, entry.path().join("bin/psql"))))
        .filter(|(_, psql)| psql.exists())
        .max()
        .map(|(_, psql)| psql)
}
