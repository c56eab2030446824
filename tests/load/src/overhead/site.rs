//! Terrace as a subject: with ledger, budget, classifier and judge on.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_testkit::process::program;
use terrace_testkit::{PostgresServer, TestDatabase};

use super::backend::{MODEL, further_model};
use super::running::Running;

const START: Duration = Duration::from_secs(60);
const READY: &str = "ready ";
/// What the line of the report that names the HTTP way in begins with.
const EDGE: &str = "edge ";

/// How Terrace is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Each service as a process of its own.
    pub(crate) split: bool,
    /// The model has a price, so that each call reserves its worst case in the budgets before it is
    /// made. A free one is settled alone.
    pub(crate) paid: bool,
    /// Orchestrators decide over slices of the budgets.
    pub(crate) leases: bool,
    /// The backend is asked for an answer in one piece where the client is.
    pub(crate) whole: bool,
    /// What is free is acknowledged before it is on the database's disk.
    pub(crate) relaxed: bool,
    /// Models in the one tier.
    pub(crate) models: u32,
    /// Whether callers need a key.
    pub(crate) keys: bool,
}

impl Setup {
    /// All in one process, a priced model, what the defaults are.
    pub(crate) const PLAIN: Self = Self {
        split: false,
        paid: true,
        leases: false,
        whole: false,
        relaxed: false,
        models: 1,
        keys: false,
    };
}

/// The key of the operator where callers need one.
pub(crate) const ROOT_KEY: &str = "root-key-of-the-load-bench";

/// A running Terrace with a database of its own.
#[derive(Debug)]
pub(crate) struct Site {
    // First, so that it ends before its database goes.
    running: Running,
    http: String,
    grpc: String,
    database: TestDatabase,
    _folder: TempDir,
}

impl Site {
    /// Starts one in front of a backend at `backend`, as `127.0.0.1:8080`.
    ///
    /// # Errors
    /// `terrace` is not built, or does not start.
    pub(crate) async fn start(
        setup: Setup,
        backend: &str,
        postgres: &PostgresServer,
    ) -> anyhow::Result<Self> {
        let database = TestDatabase::create_on(postgres.url())?;
        let folder = TempDir::with_prefix("terrace-load.")?;
        let config = folder.path().join("terrace.yaml");
        std::fs::write(&config, yaml(setup, backend))?;
        let running = Running::start(&program("terrace")?, &args(setup, &config), &env(&database))?;
        let process = running.process();
        let line = process
            .wait_for_line(|line| line.starts_with(READY), START)
            .await?;
        let report = process.stdout();
        let edge = report.iter().find_map(|line| line.strip_prefix(EDGE));
        let edge = edge.and_then(|rest| rest.split_whitespace().next());
        let edge = edge.and_then(|url| url.strip_prefix("http://"));
        let http = edge.context("no HTTP way in was reported")?.to_owned();
        let grpc = line.trim_start_matches(READY).trim().to_owned();
        Ok(Self {
            running,
            http,
            grpc,
            database,
            _folder: folder,
        })
    }

    /// Where its edge listens, as `127.0.0.1:7680`.
    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    /// Where its orchestrator listens, as `http://127.0.0.1:7600`.
    pub(crate) fn grpc(&self) -> &str {
        &self.grpc
    }

    /// Its processes.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
    }

    /// Its database.
    pub(crate) const fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be asked to end.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.running.stop().await
    }
}

fn args(setup: Setup, config: &Path) -> Vec<String> {
    let config = config.to_string_lossy();
    let args = ["up", "--config", &config, "--listen", "127.0.0.1:0"];
    let split = setup.split.then_some("--split");
    args.into_iter().chain(split).map(str::to_owned).collect()
}

fn env(database: &TestDatabase) -> Vec<(String, String)> {
    [
        ("TERRACE__LEDGER__DATABASE_URL", database.url()),
        ("TERRACE__AUTH__ROOT_KEY", ROOT_KEY),
        ("TERRACE__AUTH__PEPPER", "pepper-of-the-load-bench"),
        ("NO_COLOR", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn yaml(setup: Setup, backend: &str) -> String {
    let price = match setup.paid {
        true => ", price: {input: 0.15, output: 0.6}",
        false => "",
    };
    let others = (1..setup.models).map(further_model);
    let names = std::iter::once(MODEL.to_owned()).chain(others);
    let models: String = names
        .map(|name| {
            format!("      - {{name: {name}, backend: stub, context_window: 1000000{price}}}\n")
        })
        .collect();
    format!(
        "tiers:\n  local_fast:\n    models:\n{models}\
         backends:\n  stub:\n    kind: openai\n    url: 'http://{backend}/v1'\n    \
         paid: {}\n    whole_answers: {}\n    max_concurrency: 4096\n    queue: {{max_waiting: 4096}}\n\
         cost_control: {{daily_budget: 1000000}}\n\
         ledger: {{leases: {{enabled: {}}}, durability: {}}}\n\
         auth: {{required: {}}}\n\
         limits: {{max_in_flight: 8192, max_prompt_bytes: 4MiB}}\n",
        setup.paid && !setup.whole,
        setup.whole,
        setup.leases,
        match setup.relaxed {
            true => "relaxed",
            false => "strict",
        },
        setup.keys
    )
}
