//! The binary as a user has it: help, configs, a server that is not there.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod completion;
mod config;
mod help;
mod secured;
mod simulate;
mod train;
mod unreachable;

use std::process::{Command, Output, Stdio};

/// Runs `terrace` in a folder of its own, with nothing of this machine's settings.
fn terrace(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_terrace"))
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
