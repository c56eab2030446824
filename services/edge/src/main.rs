//! The HTTP way in as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use terrace_rpc::process::{self, ServiceArgs};
use terrace_runtime::Shutdown;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

/// Speaks the APIs of OpenAI and Anthropic in front of an orchestrator.
#[derive(Debug, Parser)]
#[command(name = "terrace-edge", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { service } = Args::parse();
    process::run("edge", service.config.as_deref(), async |config| {
        terrace_edge::run(&config, service.listen, Shutdown::on_signal()?).await
    })
    .await
}
