//! A model server that follows a script: the OpenAI, Ollama and Anthropic wires, right or wrong on request.
//!
//! It stands in for a backend where a test needs one that is slow, cut off, over quota or dead at
//! a chosen moment, and in demos for a paid API that nobody has a key for. It listens on a real
//! port, notes every call, and knows which of them are still open. It understands nothing of what
//! it is asked.

mod anthropic;
pub mod canned;
mod ollama;
mod openai;
mod play;
mod record;
pub mod script;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;

pub use record::Seen;
pub use script::{Fault, Reply, Rule, Script, ToolCall, UnknownModel, UsageReport};

use crate::host::Host;
use record::Record;
use state::Shared;

/// A running scripted provider; dead when dropped.
#[derive(Debug)]
pub struct Provider {
    host: Host,
    shared: Arc<Shared>,
    record: Arc<Record>,
}

impl Provider {
    /// Starts a provider on a free port of the loopback address.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its server cannot run")]
    pub fn start(script: Script) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script)
            .expect("a port of the loopback address")
    }

    /// Starts a provider at this address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start_at(listen: SocketAddr, script: Script) -> anyhow::Result<Self> {
        let record = Arc::new(Record::default());
        let shared = Arc::new(Shared::new(script, Arc::clone(&record)));
        let app = Router::new()
            .merge(openai::routes())
            .merge(ollama::routes())
            .merge(anthropic::routes())
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let host = Host::start(listen, |listener| async move {
            drop(axum::serve(listener, app).await);
        })?;
        Ok(Self {
            host,
            shared,
            record,
        })
    }

    /// The base URL, as `http://127.0.0.1:40001`; the OpenAI wire is under `/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.host.addr())
    }

    /// All calls for a generation so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.record.seen()
    }

    /// How many calls for a generation have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.record.arrived()
    }

    /// Counts calls from now on and keeps none: for a run of so many that they would fill memory.
    pub fn count_alone(&self) {
        self.record.count_alone();
    }

    /// How many calls for a generation are being answered at this moment.
    #[must_use]
    pub fn open(&self) -> usize {
        self.record.open_count()
    }

    /// Waits until this many calls are open; `false` if that did not happen in time.
    pub async fn wait_open(&self, count: usize, timeout: Duration) -> bool {
        self.record
            .wait(|record| record.open_count() == count, timeout)
            .await
    }

    /// Waits until this many calls have arrived; `false` if that did not happen in time.
    pub async fn wait_requests(&self, count: usize, timeout: Duration) -> bool {
        self.record
            .wait(|record| record.seen().len() >= count, timeout)
            .await
    }

    /// Follows another script from the next call on.
    pub fn set_script(&self, script: Script) {
        self.shared.set_script(script);
    }

    /// Dies as by `kill -9`: the listener and all connections are gone when this returns.
    pub fn kill(&mut self) {
        self.record.die();
        self.host.kill();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.record.die();
    }
}
