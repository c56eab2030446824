//! A whole Terrace, started as its users start it and stopped when the test ends.

use std::ops::{Deref, DerefMut};

use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::Link;
use terrace_testkit::otlp::Collector;
use terrace_testkit::postgres::TestDatabase;
use terrace_testkit::provider::{Provider, Script};

use crate::running::{Placement, Running};
use crate::scenario::{self, Scenario};

/// A running Terrace with everything around it.
#[derive(Debug)]
pub struct Sandbox {
    /// Its database.
    pub database: TestDatabase,
    /// The local model server, with `small` and `middle`.
    pub local: Provider,
    /// The paid model server, with `big`.
    pub paid: Provider,
    /// Where its spans go.
    pub collector: Collector,
    running: Running,
}

impl Sandbox {
    /// Starts everything and waits until Terrace is ready.
    ///
    /// # Errors
    /// Something does not start; the message has the log.
    pub async fn start(placement: Placement, scenario: Scenario) -> anyhow::Result<Self> {
        let database = TestDatabase::create();
        let collector = Collector::start();
        let local = Provider::start(scenario.local.clone());
        let paid = Provider::start(scenario.paid.clone());
        let yaml = scenario.yaml(&local.url(), &paid.url(), &collector.endpoint());
        let running = Running::up(placement, &yaml, &database).await?;
        Ok(Self {
            database,
            local,
            paid,
            collector,
            running,
        })
    }

    /// Starts Terrace with this config, to which the backends and what tests need are added. The
    /// model servers answer as they do without any script.
    ///
    /// # Errors
    /// Something does not start; the message has the log.
    pub async fn with_config(placement: Placement, sections: &str) -> anyhow::Result<Self> {
        let database = TestDatabase::create();
        let collector = Collector::start();
        let local = Provider::start(Script::serving(["small", "middle", "spare"]));
        let paid = Provider::start(Script::serving(["big"]));
        let yaml = scenario::whole(sections, &local.url(), &paid.url(), &collector.endpoint());
        let running = Running::up(placement, &yaml, &database).await?;
        Ok(Self {
            database,
            local,
            paid,
            collector,
            running,
        })
    }

    /// Starts Terrace again over the same database and model servers.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.running.restart(&self.database).await
    }

    /// A client of the orchestrator.
    #[must_use]
    pub fn router(&self) -> RouterServiceClient<Link> {
        let bytes = terrace_rpc::server::MAX_MESSAGE_BYTES;
        RouterServiceClient::new(self.link()).max_encoding_message_size(2 * bytes)
    }

    /// A client of the ledger; all services answer at one address when they share a process.
    #[must_use]
    pub fn ledger(&self) -> LedgerServiceClient<Link> {
        LedgerServiceClient::new(self.service("cost-ledger"))
    }
}

/// What can be done with any running Terrace can be done with a sandbox.
impl Deref for Sandbox {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Sandbox {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}
