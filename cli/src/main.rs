//! The `terrace` command: run it, route with it, look at the bill.
//!
//! Parsing, dispatch and the exit code; each verb is a module of its own. `up` and `serve` are
//! servers with a config, telemetry and a drain; all others are clients of a running server, and
//! say nothing on standard error but what went wrong.

mod accounts;
mod args;
mod budget;
mod client;
mod completion;
mod config;
mod cost;
mod error;
mod exit;
mod explain;
mod json;
mod learn;
mod learning;
mod ledger;
mod models;
mod output;
mod render;
mod request;
mod route;
mod serve;
mod simulate;
mod style;
mod table;
mod up;
mod usage;
mod watch;
mod wording;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli {
        server,
        api_key,
        ca,
        cert,
        cert_key,
        color,
        command,
    } = Cli::parse();
    let output = Output::new(color);
    client::call_with(api_key);
    client::show(ca, cert.zip(cert_key));
    match command {
        Command::Up(args) => Box::pin(up::run(output, &args)).await,
        Command::Serve(args) => Box::pin(serve::run(&args)).await,
        Command::Route(args) => route::run(&server, &output, &args).await.into(),
        Command::Explain(args) => explain::run(&server, &output, &args).await.into(),
        Command::Models(args) => models::run(&server, &output, &args).await.into(),
        Command::Budget(args) => budget::run(&server, &output, &args).await.into(),
        Command::Ledger(args) => ledger::run(&server, &output, &args).await,
        Command::Cost(args) => cost::run(&server, &output, &args).await.into(),
        Command::Simulate(args) => simulate::run(&server, &output, &args).await.into(),
        Command::Usage(args) => usage::run(&server, &output, &args).await.into(),
        Command::Watch(args) => watch::run(&server, &output, &args).await.into(),
        Command::Project(args) => accounts::projects(&server, &output, &args).await.into(),
        Command::Key(args) => accounts::keys(&server, &output, &args).await.into(),
        Command::Config(args) => config::run(&output, &args.command).into(),
        Command::Outcome(args) => learning::outcome(&server, &output, &args).await.into(),
        Command::Learning(args) => learning::run(&server, &output, &args).await.into(),
        Command::Train(args) => learn::train::run(output, &args).into(),
        Command::Eval(args) => learn::eval::run(output, &args).into(),
        Command::Completion(args) => completion::run(&output, args.shell).into(),
    }
}
