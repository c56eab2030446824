//! The orchestrator as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use terrace_rpc::process::{self, ServiceArgs};
use terrace_runtime::Shutdown;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

/// Plans, attempts, judges and answers requests over tiers of models.
#[derive(Debug, Parser)]
#[command(name = "terrace-orchestrator", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { service } = Args::parse();
    process::run("orchestrator", service.config.as_deref(), async |config| {
        terrace_orchestrator::run(&config, service.listen, Shutdown::on_signal()?).await
    })
    .await
}
