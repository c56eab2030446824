//! The cost-ledger as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use terrace_rpc::process::{self, ServiceArgs};
use terrace_runtime::Shutdown;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

/// Keeps the books: reservations, settlements, budgets and savings.
#[derive(Debug, Parser)]
#[command(name = "terrace-cost-ledger", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { service } = Args::parse();
    process::run("cost-ledger", service.config.as_deref(), async |config| {
        terrace_cost_ledger::run(&config, service.listen, Shutdown::on_signal()?).await
    })
    .await
}
