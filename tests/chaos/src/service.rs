//! One service of Terrace in a process of its own, at an address that stays when it is killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use terrace_rpc::server::announced;
use terrace_testkit::ports::lasting_port;
use terrace_testkit::process::{self, Process};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long a stop may take: notice, grace and cut, and a busy machine.
const STOP: Duration = Duration::from_secs(60);

/// A running service; killed when dropped.
#[derive(Debug)]
pub struct Service {
    name: String,
    address: SocketAddr,
    args: Vec<String>,
    variables: Vec<(String, String)>,
    process: Process,
    /// What earlier processes of it wrote to their logs.
    log: Vec<String>,
}

impl Service {
    /// Starts `terrace serve NAME` with these further arguments, and waits until it listens.
    ///
    /// # Errors
    /// The program is not built or does not start; the message has its log.
    pub async fn start(
        name: &str,
        port: u16,
        more: &[&str],
        variables: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self::start_at(name, address, more, variables).await
    }

    /// As [`Service::start`], at any address of loopback.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub async fn start_at(
        name: &str,
        address: SocketAddr,
        more: &[&str],
        variables: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let listen = address.to_string();
        let args = ["serve", name, "--listen", &listen];
        let args: Vec<String> = args.iter().chain(more).map(|&arg| arg.to_owned()).collect();
        let process = begin(&args, variables).await?;
        Ok(Self {
            name: name.to_owned(),
            address,
            args,
            variables: variables.to_vec(),
            process,
            log: Vec::new(),
        })
    }

    /// Kills it as nothing can prevent (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// It does not stop in time, or does not end well.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let ended = self.process.wait(STOP).await?;
        anyhow::ensure!(ended.success(), "{} ended with {ended}", self.name);
        Ok(())
    }

    /// Sends a signal, as `STOP` or `CONT`.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        self.process.signal(name)
    }

    /// Starts it again at the address that it had, and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let again = begin(&self.args, &self.variables).await?;
        let before = std::mem::replace(&mut self.process, again);
        self.log.extend(before.stderr());
        Ok(())
    }

    /// Its name, as `cost-ledger`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether its process has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        process::is_running(self.process.id())
    }

    /// All that it wrote to its log, before and after kills.
    #[must_use]
    pub fn log(&self) -> String {
        let mut lines = self.log.clone();
        lines.extend(self.process.stderr());
        lines.join("\n")
    }
}

async fn begin(args: &[String], variables: &[(String, String)]) -> anyhow::Result<Process> {
    let program: &Path = &process::program("terrace")?;
    let variables = variables.iter().map(|(name, value)| (name, value));
    let process = Process::start(program, args, variables)?;
    let line = process.wait_for_line(|line| announced(line).is_some(), START);
    line.await.with_context(|| args.join(" "))?;
    Ok(process)
}

/// Ports for this many services.
///
/// # Errors
/// There are not so many.
pub fn ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut ports = [0; N];
    for index in 0..N {
        // Nothing listens on a port yet that was chosen just before.
        ports[index] = loop {
            let port = lasting_port()?;
            if !ports.contains(&port) {
                break port;
            }
        };
    }
    Ok(ports)
}
