//! `terrace ledger`: proves the books and says what is wrong with them, and brings their tables up to
//! date without serving anybody.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use terrace_proto::ledger::v1::VerifyRequest;

use crate::args::{LedgerArgs, LedgerCommand};
use crate::client::{Client, within};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// Large books take a while.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Does what is asked for.
pub(crate) async fn run(server: &str, output: &Output, args: &LedgerArgs) -> ExitCode {
    match &args.command {
        LedgerCommand::Verify { json } => {
            let done = Box::pin(verify(server, *output, *json)).await;
            finish(*output, *json, done).into()
        }
        LedgerCommand::Migrate { config } => migrate(config.as_deref()).await,
    }
}

/// Works on the database itself, so it has a config, logs and an exit code as a server has.
async fn migrate(config: Option<&Path>) -> ExitCode {
    terrace_rpc::process::run("ledger-migrate", config, async |config| {
        Ok(terrace_cost_ledger::migrate(&config).await?)
    })
    .await
}

async fn verify(server: &str, output: Output, as_json: bool) -> Result<Exit, Trouble> {
    let mut ledger = Client::new(server)?.ledger();
    let proof = ledger.verify(within(VerifyRequest {}, PATIENCE)).await?;
    let proof = proof.into_inner();
    if as_json {
        output.print_json(&json::proof(&proof))?;
    } else {
        output.print(&render::proof(&proof))?;
    }
    match proof.checks.iter().all(|check| check.wrong == 0) {
        true => Ok(Exit::Fine),
        false => Ok(Exit::Other),
    }
}
