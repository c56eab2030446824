//! A whole Terrace in pieces: PostgreSQL, two model servers, and each service as a process.
//!
//! Two models stand behind it: `small` is free and refuses what it is asked to `refuse`, `big` has a
//! price and answers everything. Both take a moment, so that calls are under way when a kill comes.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use terrace_domain::NanoUsd;
use terrace_testkit::PostgresServer;
use terrace_testkit::clock::zone_with_noon_now;
use terrace_testkit::provider::{Provider, Reply, Rule, Script, UsageReport};

use crate::service::{Service, ports};

/// What one call of `big` costs: 100 tokens in and 20 out at 3 and 15 dollars a million.
pub const COST: NanoUsd = NanoUsd::new(600_000);

const GOOD: &str = "Paris is the capital of France, and it has been so for centuries.";
const REFUSAL: &str = "I'm sorry, but I can't help with that.";
/// Until `small` answers.
const SMALL_TAKES: Duration = Duration::from_millis(20);
/// Until `big` answers.
const BIG_TAKES: Duration = Duration::from_millis(60);

/// What a site is to be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How many orchestrators there are.
    pub orchestrators: usize,
    /// What may be spent and reserved in a day.
    pub daily_budget: NanoUsd,
    /// After this a request without a sign of life is settled at its worst case, in seconds.
    pub reservation_ttl_s: u32,
    /// Whether the ledger keeps free settlements on its disk while PostgreSQL is away.
    pub spool: bool,
    /// Whether orchestrators decide over leases by themselves.
    pub leases: bool,
}

/// A running site; gone when dropped.
#[derive(Debug)]
pub struct Site {
    /// The database.
    pub database: PostgresServer,
    /// The ledger.
    pub ledger: Service,
    /// The orchestrators.
    pub orchestrators: Vec<Service>,
    /// What nobody kills: classifier, judge and gateways.
    pub others: Vec<Service>,
    /// The model server with `big`.
    pub paid: Provider,
    _local: Provider,
    _folder: TempDir,
}

impl Site {
    /// Starts everything and waits until it listens.
    ///
    /// # Errors
    /// Something does not start; the message has its log.
    pub async fn start(setup: &Setup) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("terrace-chaos.")?;
        let database = PostgresServer::start().await?;
        let (local, paid) = (Provider::start(small()), Provider::start(big()));
        local.count_alone();
        paid.count_alone();
        let ports = ports::<5>()?;
        let config = folder.path().join("terrace.yaml");
        let yaml = yaml(setup, folder.path(), [&local.url(), &paid.url()], ports);
        std::fs::write(&config, yaml)?;
        let config = config.to_string_lossy().into_owned();
        let with = ["--config", &config];
        let url = database.url().to_owned();
        let variables = [
            ("TERRACE__LEDGER__DATABASE_URL".to_owned(), url),
            ("RUST_LOG".to_owned(), "warn".to_owned()),
        ];
        let [ledger, classifier, judge, first, second] = ports;
        let ledger = Service::start("cost-ledger", ledger, &with, &variables).await?;
        let mut others = Vec::new();
        for (name, port) in [("classifier", classifier), ("quality-judge", judge)] {
            others.push(Service::start(name, port, &with, &variables).await?);
        }
        for (backend, port) in [("local", first), ("paid", second)] {
            let with = [with[0], with[1], "--backend", backend];
            others.push(Service::start("tier-gateway", port, &with, &variables).await?);
        }
        let mut orchestrators = Vec::new();
        for _ in 0..setup.orchestrators {
            let [port] = crate::service::ports()?;
            orchestrators.push(Service::start("orchestrator", port, &with, &variables).await?);
        }
        Ok(Self {
            database,
            ledger,
            orchestrators,
            others,
            paid,
            _local: local,
            _folder: folder,
        })
    }

    /// Writes what each process logged to a file in this folder.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write_logs(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (index, service) in self.services().enumerate() {
            let file = folder.join(format!("{index}-{}.log", service.name()));
            std::fs::write(file, service.log())?;
        }
        Ok(())
    }

    /// All processes of Terrace.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        let ledger = std::iter::once(&self.ledger);
        ledger.chain(&self.orchestrators).chain(&self.others)
    }
}

fn small() -> Script {
    let takes = |reply: Reply| reply.timing(SMALL_TAKES, Duration::ZERO);
    Script::serving(["small"])
        .rule(Rule::replying([takes(Reply::text(REFUSAL))]).containing("refuse"))
        .otherwise(takes(Reply::text(GOOD)))
}

fn big() -> Script {
    let counts = UsageReport::Counts {
        input: 100,
        cached: 0,
        output: 20,
    };
    let reply = Reply::text(GOOD).usage(counts);
    Script::serving(["big"]).otherwise(reply.timing(BIG_TAKES, Duration::ZERO))
}

fn yaml(setup: &Setup, folder: &Path, models: [&str; 2], ports: [u16; 5]) -> String {
    let [local, paid] = models;
    let [ledger, classifier, judge, first, second] = ports;
    let (ttl, zone) = (setup.reservation_ttl_s, zone_with_noon_now());
    let budget = usd(setup.daily_budget);
    let spool = match setup.spool {
        true => format!(
            "  spool: {{folder: '{}'}}\n",
            folder.join("spool").display()
        ),
        false => String::new(),
    };
    let backend = |name: &str, url: &str, more: &str, port: u16| {
        format!(
            "  {name}: {{kind: openai, url: '{url}/v1', max_concurrency: 512{more}, \
             gateway: {{listen: '127.0.0.1:{port}'}}}}\n"
        )
    };
    let service = |name: &str, port: u16| format!("  {name}: {{listen: '127.0.0.1:{port}'}}\n");
    [
        "tiers:\n  local_fast: {models: [{name: small, backend: local}]}\n",
        "  api_fallback: {models: [{name: big, backend: paid, price: {input: 3, output: 15}}]}\n",
        "backends:\n",
        &backend("local", local, "", first),
        &backend("paid", paid, ", paid: true", second),
        "routing: {default_deadline: 10s}\n",
        &format!("cost_control: {{daily_budget: {budget}, time_zone: {zone}}}\n"),
        &format!("ledger:\n  reservation_ttl: {ttl}s\n  reaper_interval: 500ms\n{spool}"),
        // A lease pays some fifty calls, worst case.
        &format!(
            "  leases: {{enabled: {}, slice: 0.05, ttl: 2s}}\n",
            setup.leases
        ),
        "services:\n",
        &service("cost_ledger", ledger),
        &service("classifier", classifier),
        &service("quality_judge", judge),
    ]
    .concat()
}

/// An amount as people write it.
fn usd(amount: NanoUsd) -> String {
    let (whole, nanos) = (amount.get() / 1_000_000_000, amount.get() % 1_000_000_000);
    format!("{whole}.{nanos:09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_written_to_the_last_nano() {
        assert_eq!(usd(NanoUsd::new(12_000_000_345)), "12.000000345");
    }
}
