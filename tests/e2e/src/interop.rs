//! The interop programs of the packages under clients/: each tries every feature against one running
//! Terrace and prints a line of JSON for each, waits while that is restarted, and tries once more.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::tools::{ROOT, printed};

/// What `scripts/clients.sh` ends with when a language is not on this machine.
const MISSING: i32 = 69;
/// What a program says when it waits for the restart.
const WAITING: &str = "restart";

/// A language that has a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// As documents call it.
    pub title: &'static str,
    /// As `scripts/clients.sh` calls it.
    pub name: &'static str,
}

/// Every language that has a package.
pub const LANGUAGES: [Language; 4] = [
    Language {
        title: "Python",
        name: "python",
    },
    Language {
        title: "TypeScript",
        name: "typescript",
    },
    Language {
        title: "Go",
        name: "go",
    },
    Language {
        title: "Java",
        name: "java",
    },
];

/// How one feature went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// The feature.
    pub feature: String,
    /// Whether it is there.
    pub ok: bool,
    /// Why not.
    #[serde(default)]
    pub why: String,
}

/// What building a package came to.
#[derive(Debug)]
pub enum Built {
    /// The command of its interop program.
    Command(Vec<String>),
    /// The language is not on this machine; this is what is missing.
    Missing(String),
}

impl Language {
    /// Builds the package, if it has changed.
    ///
    /// # Errors
    /// It does not build; the message has what the build printed.
    pub fn build(self) -> anyhow::Result<Built> {
        let script = Path::new(ROOT).join("scripts/clients.sh");
        let output = Command::new(script).arg(self.name).output()?;
        match output.status.code() {
            Some(0) => Ok(Built::Command(lines(&output))),
            Some(MISSING) => Ok(Built::Missing(last_line(&output))),
            _ => bail!("{}:\n{}", self.title, printed(&output)),
        }
    }
}

/// A program that has tried everything and waits for the restart.
#[derive(Debug)]
pub struct Waiting {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    told: Vec<Told>,
}

impl Waiting {
    /// Runs a program up to the restart.
    ///
    /// # Errors
    /// It ends before, or prints something else.
    pub fn run(command: &[String], environment: &[(&str, String)]) -> anyhow::Result<Self> {
        let (program, args) = command.split_first().context("there is no command")?;
        let mut child = Command::new(program)
            .args(args)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{program} does not start"))?;
        let output = child.stdout.take().context("its output is not there")?;
        let mut waiting = Self {
            child,
            output: BufReader::new(output),
            told: Vec::new(),
        };
        waiting.read_until(WAITING)?;
        Ok(waiting)
    }

    /// Lets it try again and returns how every feature went.
    ///
    /// # Errors
    /// It does not end well.
    pub fn go_on(mut self) -> anyhow::Result<Vec<Told>> {
        let mut stdin = self.child.stdin.take().context("its input is closed")?;
        writeln!(stdin)?;
        drop(stdin);
        self.read_until("")?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "it ended with {ended}");
        Ok(std::mem::take(&mut self.told))
    }

    /// Reads lines up to this one; an empty one means the end of the output.
    fn read_until(&mut self, end: &str) -> anyhow::Result<()> {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line)?;
            let line = line.trim();
            if read == 0 || line == end {
                let early = read == 0 && !end.is_empty();
                ensure!(!early, "it ended before the restart");
                return Ok(());
            }
            let told = serde_json::from_str(line);
            self.told.push(told.with_context(|| line.to_owned())?);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It has ended already unless something went wrong.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().last().unwrap_or_default().to_owned()
}
