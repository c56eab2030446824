//! A tier-gateway as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use terrace_domain::BackendName;
use terrace_rpc::process::{self, ServiceArgs};
use terrace_runtime::Shutdown;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

/// Stands in front of one backend and makes it look like every other.
#[derive(Debug, Parser)]
#[command(name = "terrace-tier-gateway", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// Name of the backend in the config, as `ollama`.
    #[arg(long, value_name = "NAME")]
    backend: BackendName,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { service, backend } = Args::parse();
    let config = service.config.as_deref();
    process::run(terrace_tier_gateway::NAME, config, async |config| {
        let shutdown = Shutdown::on_signal()?;
        terrace_tier_gateway::run(&config, &backend, service.listen, shutdown).await
    })
    .await
}
