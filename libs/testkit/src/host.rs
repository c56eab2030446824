//! A listening server on a runtime of its own.
//!
//! The runtime is the unit of death: shutting it down drops the listener and every connection in
//! the same moment, as `kill -9` would do to a process. It also keeps a server's clock running
//! while a test has paused its own.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long a killed server may take to drop what it holds.
const DEATH_TIMEOUT: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub(crate) struct Host {
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Host {
    /// Binds `listen` and runs what `serve` makes of the listener.
    pub(crate) fn start<F>(
        listen: SocketAddr,
        serve: impl FnOnce(tokio::net::TcpListener) -> F,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("testkit")
            .enable_all()
            .build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(serve(listener));
        Ok(Self {
            addr,
            runtime: Some(runtime),
        })
    }

    /// Where the server listens, or listened.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Drops the listener and all connections, and returns when they are gone.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for a runtime is forbidden on a thread of another one, so a plain thread
            // does it.
            let waiter = std::thread::spawn(move || runtime.shutdown_timeout(DEATH_TIMEOUT));
            drop(waiter.join());
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
