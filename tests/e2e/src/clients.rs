//! What the clients of all languages are tried against: a Terrace that wants a key, behind it the
//! scripted models of `clients/models.json`, and a second database for those that start their own.

use std::path::Path;

use tempfile::TempDir;
use terrace_testkit::postgres::TestDatabase;
use terrace_testkit::process;
use terrace_testkit::provider::{Provider, Script};

use crate::running::{Placement, Running};

/// The key that it knows.
pub const KEY: &str = "the operator's own key";

const MODELS: &str = include_str!("../clients/models.json");
const CONFIG: &str = include_str!("../clients/terrace.yaml");

/// A running Terrace and all that clients have to be told.
#[derive(Debug)]
pub struct Ground {
    /// Its database.
    pub database: TestDatabase,
    /// The Terrace.
    pub running: Running,
    spare: TestDatabase,
    models: Provider,
    _secrets: TempDir,
}

impl Ground {
    /// Starts everything and waits until Terrace is ready.
    ///
    /// # Errors
    /// Something does not start; the message has the log.
    pub async fn start() -> anyhow::Result<Self> {
        let script: Script = serde_json::from_str(MODELS)?;
        let models = Provider::start(script);
        let (database, spare) = (TestDatabase::create(), TestDatabase::create());
        let secrets = TempDir::new()?;
        let yaml = CONFIG.replace("MODELS", &models.url()) + &auth(secrets.path())?;
        let running = Running::up(Placement::InProcess, &yaml, &database).await?;
        Ok(Self {
            database,
            running,
            spare,
            models,
            _secrets: secrets,
        })
    }

    /// What a client's tests find in their environment.
    ///
    /// # Errors
    /// The `terrace` command is not built.
    pub fn environment(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let terrace = process::program("terrace")?;
        Ok(vec![
            ("TERRACE_ADDRESS", self.running.url().to_owned()),
            ("TERRACE_API_KEY", KEY.to_owned()),
            ("TERRACE_BIN", terrace.display().to_string()),
            ("TERRACE__LEDGER__DATABASE_URL", self.spare.url().to_owned()),
            ("TERRACE_TEST_MODELS", self.models.url()),
        ])
    }
}

/// Keys are needed, and one is known.
fn auth(folder: &Path) -> anyhow::Result<String> {
    let (pepper, root) = (folder.join("pepper"), folder.join("root"));
    std::fs::write(&pepper, "a pepper for tests alone")?;
    std::fs::write(&root, KEY)?;
    Ok(format!(
        "auth: {{required: true, pepper_file: '{}', root_key_file: '{}'}}\n",
        pepper.display(),
        root.display()
    ))
}
