//! A scripted provider as a process: it prints its URL, then answers until it is ended.
//!
//! Stands in for a paid API in demos, and for a backend that can be killed in tests.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use terrace_testkit::provider::{Provider, Script, canned};

/// Answers chat requests on the OpenAI and the Ollama wire without any model.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Model to serve; may be given several times.
    #[arg(long = "model", default_value = "scripted-model")]
    models: Vec<String>,
    /// Words that begin every answer.
    #[arg(long, default_value = canned::LABEL)]
    label: String,
    /// JSON file with a script to follow instead of the canned answers.
    #[arg(long)]
    script: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "scripted-provider: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let script = match &args.script {
        None => canned::demo(args.models, &args.label),
        Some(path) => read(path, args.models, args.label)?,
    };
    let provider = Provider::start_at(args.listen, script)?;
    writeln!(std::io::stdout(), "{}", provider.url())?;
    std::io::stdout().flush()?;
    // SIGTERM keeps its default action and ends the process at once, as a provider that dies does.
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn read(path: &PathBuf, models: Vec<String>, label: String) -> anyhow::Result<Script> {
    let mut script: Script = serde_json::from_slice(&std::fs::read(path)?)?;
    if script.models.is_empty() {
        script.models = models;
    }
    script.label.get_or_insert(label);
    Ok(script)
}
