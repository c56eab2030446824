//! A subject's processes, none of which outlives the run.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use terrace_testkit::Process;
use terrace_testkit::process::{is_running, send_signal};
use tokio::time::{Instant, sleep};

use super::caller::Target;
use super::kernel::tree;

/// How long a subject may take to end by itself.
const END: Duration = Duration::from_secs(8);
/// How often a subject that starts is asked whether it answers.
const POLL: Duration = Duration::from_millis(20);

/// A started program and all that it starts; ended when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    began: Instant,
}

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        program: &Path,
        args: &[String],
        env: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let env = env.iter().map(|(name, value)| (name, value));
        let process = Process::start(program, args, env)?;
        Ok(Self { process, began })
    }

    /// The process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its output, to wait for what it says.
    pub(crate) const fn process(&self) -> &Process {
        &self.process
    }

    /// Asks until there is a good answer; tells how long after the start that was.
    ///
    /// # Errors
    /// It has ended, or there is none in time.
    pub(crate) async fn answers(
        &self,
        target: &Target,
        patience: Duration,
    ) -> anyhow::Result<Duration> {
        loop {
            let outcome = async { target.connect().await?.ask().await }.await;
            let Err(error) = outcome else {
                return Ok(self.began.elapsed());
            };
            if !is_running(self.id()) {
                bail!("it has ended: {}", self.last_words());
            }
            if self.began.elapsed() > patience {
                let words = self.last_words();
                return Err(error).with_context(|| format!("no good answer: {words}"));
            }
            sleep(POLL).await;
        }
    }

    /// Asks it to end, and ends what is left of it.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let all = tree(self.id());
        self.process.terminate()?;
        // Whoever does not end is killed below.
        let _late = self.process.wait(END).await;
        kill(&all);
        Ok(())
    }

    fn last_words(&self) -> String {
        let (mut lines, more) = (self.process.stdout(), self.process.stderr());
        lines.extend(more);
        lines.split_off(lines.len().saturating_sub(8)).join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(&tree(self.id()));
    }
}

fn kill(all: &[u32]) {
    for id in all.iter().filter(|id| is_running(**id)) {
        // It may have ended by itself.
        let _gone = send_signal(*id, "KILL");
    }
}
