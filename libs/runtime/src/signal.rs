//! The two polite ways to ask a process to stop, as one future.
//!
//! Kubernetes and `kill` send SIGTERM, a terminal sends SIGINT on Ctrl-C. Handling either
//! replaces the default of dying at once, so whoever waits here owns the rest of the shutdown.

use std::io;

use tokio::signal::unix::{Signal, SignalKind};

/// Both signals, already being listened for.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Starts to listen; from here on neither signal ends the process by itself.
    ///
    /// # Errors
    /// The system refused to install a handler, or there is no tokio runtime with I/O.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: tokio::signal::unix::signal(SignalKind::terminate())?,
            interrupt: tokio::signal::unix::signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of the two and returns its name.
    pub async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
