//! A real model server that a test may stop, kill and start again.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use terrace_testkit::process::send_signal;

use crate::server::variable;

/// A private llama.cpp server; killed when dropped.
#[derive(Debug)]
pub struct ModelServer {
    folder: PathBuf,
    port: u16,
}

impl ModelServer {
    /// Starts one that keeps its files in `folder`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let url = script("start", folder, None)?;
        let port = url.trim().rsplit(':').next().context("a URL")?;
        Ok(Self {
            folder: folder.to_owned(),
            port: port.parse()?,
        })
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&self) -> anyhow::Result<()> {
        script("start", &self.folder, Some(self.port)).map(drop)
    }

    /// Sends a signal to it, as `STOP` or `KILL`.
    ///
    /// # Errors
    /// It is not there.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = std::fs::read_to_string(self.folder.join("pid"))?;
        send_signal(id.trim().parse()?, name)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Connections to it that are open.
    ///
    /// # Errors
    /// This is no Linux.
    pub fn connections(&self) -> anyhow::Result<usize> {
        /// As the kernel writes it.
        const ESTABLISHED: &str = "01";
        let table = std::fs::read_to_string("/proc/net/tcp")?;
        let port = format!(":{:04X}", self.port);
        let is_ours = |line: &&str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(2).is_some_and(|remote| remote.ends_with(&port))
                && fields.get(3) == Some(&ESTABLISHED)
        };
        Ok(table.lines().filter(is_ours).count())
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // It may be stopped, and then hears nothing but this.
        drop(self.signal("KILL"));
    }
}

fn script(verb: &str, folder: &Path, port: Option<u16>) -> anyhow::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/model-server.sh");
    let mut command = Command::new(script);
    command.arg(verb).arg(folder);
    command.env("MODEL_SERVER_FILES", variable("MODEL_SERVER_FILES"));
    if let Some(port) = port {
        command.env("MODEL_SERVER_PORT", port.to_string());
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "model-server.sh {verb}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
