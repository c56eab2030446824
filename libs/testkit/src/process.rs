//! A child process whose output can be awaited and which does not outlive its test.
//!
//! Signals go through the shell's own `kill`. Standard input is closed.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// How long the standard error of a process is read on after its standard output has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running child process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: watch::Receiver<Vec<String>>,
    stderr: watch::Receiver<Vec<String>>,
}

impl Process {
    /// Starts `program` with arguments and additional environment variables.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A, K, V>(
        program: &Path,
        args: impl IntoIterator<Item = A>,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> anyhow::Result<Self>
    where
        A: AsRef<OsStr>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let name = program.display().to_string();
        let mut child = Command::new(program)
            .args(args)
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let stdout = follow(child.stdout.take());
        let stderr = follow(child.stderr.take());
        Ok(Self {
            name,
            child,
            stdout,
            stderr,
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.borrow().clone()
    }

    /// The lines it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.borrow().clone()
    }

    /// Waits for a line of standard output that satisfies `wanted`.
    ///
    /// # Errors
    /// When none came in time or the output ended; the error shows all that was written.
    pub async fn wait_for_line(
        &self,
        wanted: impl Fn(&str) -> bool,
        timeout: Duration,
    ) -> anyhow::Result<String> {
        let mut lines = self.stdout.clone();
        let find = |lines: &Vec<String>| lines.iter().find(|line| wanted(line)).cloned();
        let found = tokio::time::timeout(timeout, lines.wait_for(|lines| find(lines).is_some()));
        if let Ok(Ok(lines)) = found.await
            && let Some(line) = find(&lines)
        {
            return Ok(line);
        }
        self.last_words().await;
        bail!(
            "{}: the awaited line did not come; stdout:\n{}\nstderr:\n{}",
            self.name,
            self.stdout().join("\n"),
            self.stderr().join("\n")
        )
    }

    /// Lets standard error catch up: it is read on another thread than standard output, and a
    /// process that dies closes both at once.
    async fn last_words(&self) {
        if self.stdout.has_changed().is_err() {
            let mut lines = self.stderr.clone();
            drop(tokio::time::timeout(LAST_WORDS, lines.wait_for(|_| false)).await);
        }
    }

    /// Kills it as nothing can prevent (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal("TERM")
    }

    /// Sends a signal by its name without `SIG`, as `STOP` or `INT`.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        send_signal(self.child.id(), name)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it has not ended in time.
    pub async fn wait(&mut self, timeout: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("{} has not ended within {timeout:?}", self.name);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Sends a signal to a process by its id, as `KILL`: for what a started process has started.
///
/// # Errors
/// When the signal cannot be sent.
pub fn send_signal(id: u32, name: &str) -> anyhow::Result<()> {
    // The shell's own `kill` needs neither a package nor unsafe code.
    let command = format!("kill -{name} {id}");
    let status = Command::new("/bin/sh").args(["-c", &command]).status()?;
    if !status.success() {
        bail!("SIG{name} cannot be sent to process {id}");
    }
    Ok(())
}

/// Whether a process has not ended; one that nobody has waited for has.
#[must_use]
pub fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// The processes that a process has started and that still run.
#[must_use]
pub fn children(id: u32) -> Vec<u32> {
    // Children are listed under the thread that started them, whichever that was.
    let threads = std::fs::read_dir(format!("/proc/{id}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let listed =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let ids = listed.collect::<Vec<_>>().join(" ");
    ids.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}

/// A program of this workspace, built beside the one that runs, be that a program or a test.
///
/// # Errors
/// It is not built; the message says how to.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A program lies in target/PROFILE, a test in target/PROFILE/deps.
    let folders = own.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    found.with_context(|| {
        let here = own.display();
        format!("{name} is not built beside {here}: build the whole workspace in the same profile")
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Collects lines on a thread, which ends with the pipe.
fn follow(pipe: Option<impl Read + Send + 'static>) -> watch::Receiver<Vec<String>> {
    let (sender, lines) = watch::channel(Vec::new());
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                sender.send_modify(|lines| lines.push(text));
                line.clear();
            }
        });
    }
    lines
}
