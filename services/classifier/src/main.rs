//! The classifier as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use terrace_rpc::process::{self, ServiceArgs};
use terrace_runtime::Shutdown;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

/// Says what a prompt asks for and how hard it is.
#[derive(Debug, Parser)]
#[command(name = "terrace-classifier", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { service } = Args::parse();
    process::run("classifier", service.config.as_deref(), async |config| {
        terrace_classifier::run(&config, service.listen, Shutdown::on_signal()?).await
    })
    .await
}
