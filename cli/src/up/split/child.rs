//! One service in a process of its own: started, listened to, stopped.
//!
//! It has a process group of its own, so that Ctrl-C at the terminal reaches the parent alone and
//! the order of stopping is the parent's. It stops when its standard input closes.

use std::io::Write as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use terrace_rpc::server::announced;
use terrace_runtime::{Grace, Tasks};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::oneshot;

/// How long a child may take until it listens: a ledger waits for its database.
const START: Duration = Duration::from_secs(60);
/// More than a service's own grace.
const PATIENCE: Duration = Duration::from_secs(5);
/// For the last lines of a child that has ended.
pub(super) const LAST_LINES: Duration = Duration::from_secs(1);

/// A running child. Killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    name: String,
    /// Whether it calls the others.
    is_caller: bool,
    /// What helps when it does not start.
    hint: Option<&'static str>,
    process: tokio::process::Child,
    /// Open as long as the child shall run.
    input: Option<ChildStdin>,
    address: Option<oneshot::Receiver<String>>,
}

impl Child {
    /// Starts it and passes its lines on.
    pub(super) fn start(
        name: String,
        hint: Option<&'static str>,
        mut command: Command,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let input = process.stdin.take();
        let (found, address) = oneshot::channel();
        if let Some(output) = process.stdout.take() {
            let _runs_on = tasks.detach("child output", pass_on(name.clone(), output, Some(found)));
        }
        if let Some(log) = process.stderr.take() {
            let _runs_on = tasks.detach("child log", pass_on(name.clone(), log, None));
        }
        Ok(Self {
            name,
            is_caller: false,
            hint,
            process,
            input,
            address: Some(address),
        })
    }

    /// The same, as one that calls the others and is stopped before them.
    pub(super) fn calling_others(self) -> Self {
        Self {
            is_caller: true,
            ..self
        }
    }

    /// Waits until it listens; where.
    ///
    /// # Errors
    /// It ended instead, or took too long.
    pub(super) async fn address(&mut self) -> anyhow::Result<String> {
        let address = self.address.take();
        let (name, hint) = (&self.name, self.hint.map(|hint| format!("\n{hint}")));
        let hint = hint.unwrap_or_default();
        let listens = async {
            match address {
                Some(address) => address.await.ok(),
                None => None,
            }
        };
        match tokio::time::timeout(START, listens).await {
            Ok(Some(address)) => Ok(address),
            // Its output has ended, and so has it or it will soon.
            Ok(None) => {
                let status = tokio::time::timeout(PATIENCE, self.process.wait()).await;
                let how = how(status.ok().and_then(Result::ok));
                anyhow::bail!("{name} ended before it listened{how}: its log says why{hint}")
            }
            Err(_) => anyhow::bail!("{name} does not listen after {START:?}{hint}"),
        }
    }

    /// Waits until it ends, which is an error.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let status = self.process.wait().await;
        anyhow::anyhow!("{} ended{}: its log says why", self.name, how(status.ok()))
    }

    /// Tells it to stop, waits, and kills it when it does not.
    async fn stop(&mut self) {
        drop(self.input.take());
        let bound = Grace::default().total() + PATIENCE;
        if tokio::time::timeout(bound, self.process.wait())
            .await
            .is_err()
        {
            tracing::warn!(child = self.name, "killed: it did not stop in time");
            let _gone = self.process.kill().await;
        }
    }
}

/// Stops all: the callers first, one after the other, because they need the rest to finish.
pub(super) async fn stop_all(children: &mut [Child]) {
    let (callers, others): (Vec<_>, Vec<_>) =
        children.iter_mut().partition(|child| child.is_caller);
    for caller in callers.into_iter().rev() {
        caller.stop().await;
    }
    join_all(others.into_iter().map(Child::stop)).await;
}

/// Kills all at once.
pub(super) async fn kill_all(children: &mut [Child]) {
    join_all(children.iter_mut().map(|child| child.process.kill())).await;
}

/// How it ended, as ` (exit status: 1)`.
fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

/// Writes each line to standard error behind the child's name; the line that announces its
/// address goes to `found` instead.
async fn pass_on(
    name: String,
    pipe: impl AsyncRead + Unpin,
    mut found: Option<oneshot::Sender<String>>,
) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        match (announced(text), found.take()) {
            (Some(address), Some(waiting)) => {
                // Nobody waits any more when the start was given up.
                let _given_up = waiting.send(address.to_owned());
            }
            (_, waiting) => {
                found = waiting;
                let _closed = writeln!(std::io::stderr().lock(), "{name} | {text}");
            }
        }
        line.clear();
    }
}
