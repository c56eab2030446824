//! `terrace ledger verify`: proves the books and says what is wrong with them.

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

/// Asks the ledger and prints what it found.
pub(crate) async fn run(server: &str, output: &Output, args: &LedgerArgs) -> Exit {
    let LedgerCommand::Verify { json } = args.command;
    let done = Box::pin(verify(server, *output, json)).await;
    finish(*output, json, done)
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
