//! The repository's own checks: what a compiler and a linter do not look at.
//!
//! `cargo xtask check` runs them all; each can be run alone. A finding is one line,
//! `path:line: what is wrong and what to do`, and any finding makes the exit code 1.

mod api;
mod deps;
mod docs;
mod finding;
mod modules;
mod proto;
mod size;
mod supply;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use crate::finding::Finding;

/// Checks and chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about)]
struct Args {
    /// Which check to run; `check` runs them all.
    #[arg(value_enum)]
    task: Task,
    /// Folder of the workspace; the one this program was built from when not given.
    #[arg(long)]
    root: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Task {
    /// Everything below.
    Check,
    /// Direction of dependencies, crates with one home, banned crates, licences.
    Deps,
    /// Whether `docs/SUPPLY_CHAIN.md` has a reason for each foreign crate.
    Supply,
    /// Lengths of files and functions, `mod.rs`, notes without an issue number.
    Size,
    /// Wire types that go further into a service than its `grpc.rs`.
    Modules,
    /// Links between documents that lead nowhere.
    Docs,
    /// `buf lint` over the protos.
    Proto,
    /// Whether docs/API.md says what the protos say.
    Api,
    /// Writes docs/API.md.
    WriteApi,
}

impl Task {
    fn run(self, root: &Path) -> anyhow::Result<Vec<Finding>> {
        match self {
            Self::Check => {
                let parts = [
                    Self::Deps,
                    Self::Supply,
                    Self::Size,
                    Self::Modules,
                    Self::Docs,
                    Self::Proto,
                    Self::Api,
                ];
                let found = parts.into_iter().map(|part| part.run(root));
                Ok(found.collect::<Result<Vec<_>, _>>()?.concat())
            }
            Self::Deps => deps::check(root),
            Self::Supply => supply::check(root),
            Self::Size => size::check(root),
            Self::Modules => modules::check(root),
            Self::Docs => docs::check(root),
            Self::Proto => proto::check(root),
            Self::Api => api::check(root),
            Self::WriteApi => api::write(root),
        }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to try when standard error is closed.
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the wanted check, prints what it found, and says whether all is well.
fn run(args: &Args) -> anyhow::Result<bool> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = args.root.as_deref().or(built_from);
    let root = root.context("xtask lies in no workspace: give --root")?;
    let mut found = args.task.run(root)?;
    found.sort();

    let mut out = std::io::stdout().lock();
    for finding in &found {
        writeln!(out, "{finding}")?;
    }
    let name = args.task.to_possible_value();
    let name = name.as_ref().map_or("check", |value| value.get_name());
    match found.len() {
        0 => writeln!(out, "xtask {name}: ok")?,
        n => writeln!(out, "xtask {name}: {n} to put right")?,
    }
    Ok(found.is_empty())
}
