//! Every service with its name, its replicas, and what callers need to find them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_rpc::tls::{Client, File};
use terrace_rpc::{Link, Network};
use terrace_testkit::provider::{Provider, Reply, Rule, Script};
use terrace_testkit::{NameService, PostgresServer};

use super::streams::SLOWLY;
use crate::certificates::Certificates;
use crate::service::{Service, ports};

/// The services, whoever is called before whoever calls.
pub(super) const NAMES: [&str; 6] = [
    "cost-ledger",
    "classifier",
    "quality-judge",
    "gateway-local",
    "gateway-paid",
    "orchestrator",
];
/// The first replica's address ends so.
const FIRST: u8 = 2;
const GOOD: &str = "Paris is the capital of France, and it has been so for centuries.";
const REFUSAL: &str = "I'm sorry, but I can't help with that.";

/// One replica of a service.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) process: Service,
    /// The end of its address.
    pub(super) last: u8,
    /// Where its metrics are.
    pub(super) metrics: SocketAddr,
}

/// All services and what is around them; gone when dropped.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) names: NameService,
    pub(super) replicas: BTreeMap<&'static str, Vec<Replica>>,
    pub(super) certificates: Option<Certificates>,
    ports: BTreeMap<&'static str, [u16; 2]>,
    config: String,
    variables: Vec<(String, String)>,
    next: u8,
    gone: Vec<Service>,
    _database: PostgresServer,
    _models: [Provider; 2],
    _folder: TempDir,
}

impl Cluster {
    /// Starts one replica of each.
    ///
    /// # Errors
    /// Something does not start; the message has its log.
    pub(super) async fn start(tls: bool) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("terrace-rolling.")?;
        let database = PostgresServer::start().await?;
        let names = NameService::start();
        let models = [Provider::start(small()), Provider::start(big())];
        let certificates = tls.then(|| Certificates::new(folder.path())).transpose()?;
        let ports = places()?;
        let config = folder.path().join("terrace.yaml");
        let urls = models.each_ref().map(Provider::url);
        std::fs::write(&config, yaml(&names, &urls, &ports, tls))?;
        if let Some(certificates) = &certificates {
            for name in NAMES.into_iter().chain(["client"]) {
                certificates.sign(name, &known_as(name))?;
            }
        }
        let url = database.url().to_owned();
        let mut cluster = Self {
            names,
            replicas: BTreeMap::new(),
            certificates,
            ports,
            config: config.to_string_lossy().into_owned(),
            variables: vec![("TERRACE__LEDGER__DATABASE_URL".to_owned(), url)],
            next: FIRST,
            gone: Vec::new(),
            _database: database,
            _models: models,
            _folder: folder,
        };
        for name in NAMES {
            cluster.add(name).await?;
        }
        Ok(cluster)
    }

    /// A link for clients, as it is where a client starts.
    ///
    /// # Errors
    /// The files of its certificate cannot be read.
    pub(super) fn link(&self) -> anyhow::Result<Link> {
        let [port, _] = self.ports["orchestrator"];
        link(&self.names, self.certificates.as_ref(), port)
    }

    /// Starts one more replica and lets its address be known.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn add(&mut self, name: &'static str) -> anyhow::Result<()> {
        let last = self.next;
        self.next = self.next.checked_add(1).context("no addresses left")?;
        let ip = Ipv4Addr::new(127, 0, 0, last);
        let [port, metrics] = self.ports[name];
        let metrics = SocketAddr::from((ip, metrics));
        let mut variables = self.variables.clone();
        variables.push((metrics_variable(name), metrics.to_string()));
        if let Some(certificates) = &self.certificates {
            variables.extend(certificates.variables(name));
        }
        let mut with = vec!["--config", &self.config];
        let service = match name.strip_prefix("gateway-") {
            Some(backend) => {
                with.extend(["--backend", backend]);
                "tier-gateway"
            }
            None => name,
        };
        let address = SocketAddr::from((ip, port));
        let process = Service::start_at(service, address, &with, &variables).await?;
        let replica = Replica {
            process,
            last,
            metrics,
        };
        self.replicas.entry(name).or_default().push(replica);
        self.publish(name);
        Ok(())
    }

    /// Takes the oldest replica away in peace: its address goes and it is asked to stop, at once.
    ///
    /// # Errors
    /// It does not stop as it should.
    pub(super) async fn remove(&mut self, name: &'static str) -> anyhow::Result<()> {
        let mut oldest = self.take(name)?;
        self.publish(name);
        oldest.process.stop().await?;
        self.gone.push(oldest.process);
        Ok(())
    }

    /// Kills the oldest replica; its address stays known for a moment.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn kill(&mut self, name: &'static str) -> anyhow::Result<()> {
        let mut oldest = self.take(name)?;
        oldest.process.kill();
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.publish(name);
        self.gone.push(oldest.process);
        Ok(())
    }

    /// The replicas of a service.
    pub(super) fn of(&self, name: &str) -> &[Replica] {
        self.replicas.get(name).map_or(&[], Vec::as_slice)
    }

    /// Lets the addresses of all replicas of a service be known.
    pub(super) fn publish(&self, name: &str) {
        let last: Vec<u8> = self.of(name).iter().map(|one| one.last).collect();
        self.names.set_loopback(&known_as(name), &last);
    }

    /// Writes what each process logged to a file in this folder.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn write_logs(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let running = self.replicas.values().flatten().map(|one| &one.process);
        for (index, process) in running.chain(&self.gone).enumerate() {
            let file = folder.join(format!("{index}-{}.log", process.name()));
            std::fs::write(file, process.log())?;
        }
        Ok(())
    }

    fn take(&mut self, name: &'static str) -> anyhow::Result<Replica> {
        let replicas = self.replicas.entry(name).or_default();
        anyhow::ensure!(!replicas.is_empty(), "no replica of {name} is left");
        Ok(replicas.remove(0))
    }
}

/// The name that callers know a service by.
pub(super) fn known_as(service: &str) -> String {
    format!("{service}.terrace.test")
}

/// A port for the calls and one for the metrics of each service.
fn places() -> anyhow::Result<BTreeMap<&'static str, [u16; 2]>> {
    let all = ports::<12>()?;
    let (pairs, _) = all.as_chunks::<2>();
    Ok(NAMES.into_iter().zip(pairs.iter().copied()).collect())
}

fn metrics_variable(name: &str) -> String {
    match name.strip_prefix("gateway-") {
        Some(backend) => format!(
            "TERRACE__BACKENDS__{}__GATEWAY__METRICS_LISTEN",
            backend.to_uppercase()
        ),
        None => format!(
            "TERRACE__SERVICES__{}__METRICS_LISTEN",
            name.replace('-', "_").to_uppercase()
        ),
    }
}

fn link(
    names: &NameService,
    certificates: Option<&Certificates>,
    port: u16,
) -> anyhow::Result<Link> {
    let mut network = Network {
        nameserver: Some(names.address()),
        refresh_interval: Duration::from_secs(1),
        ..Network::default()
    };
    let mut scheme = "http";
    if let Some(certificates) = certificates {
        let file = |name| File::new("client", certificates.file("client", name));
        let identity = Some((file("tls.crt"), file("tls.key")));
        let client = Client::open(Some(file("ca.crt")), identity, Duration::from_secs(1))?;
        network = network.with_tls(client);
        scheme = "https";
    }
    let url = format!("{scheme}://{}:{port}", known_as("orchestrator"));
    Ok(network.link("orchestrator", &url)?)
}

fn small() -> Script {
    let soon = |text: &str| Reply::text(text).timing(Duration::from_millis(20), Duration::ZERO);
    let slow = Reply::text(GOOD).timing(Duration::from_millis(200), Duration::from_millis(200));
    Script::serving(["small"])
        .rule(Rule::replying([soon(REFUSAL)]).containing("refuse"))
        .rule(Rule::replying([slow]).containing(SLOWLY))
        .otherwise(soon(GOOD))
}

fn big() -> Script {
    let reply = Reply::text(GOOD).timing(Duration::from_millis(60), Duration::ZERO);
    Script::serving(["big"]).otherwise(reply)
}

fn yaml(
    names: &NameService,
    [local, paid]: &[String; 2],
    ports: &BTreeMap<&'static str, [u16; 2]>,
    tls: bool,
) -> String {
    let scheme = if tls { "https" } else { "http" };
    let url = |name: &str| format!("'{scheme}://{}:{}'", known_as(name), ports[name][0]);
    let backend = |name: &str, at: &str, more: &str| {
        let gateway = url(&format!("gateway-{name}"));
        format!(
            "  {name}: {{kind: openai, url: '{at}/v1', max_concurrency: 512{more}, \
             gateway: {{url: {gateway}}}}}\n"
        )
    };
    let service = |key: &str, name: &str| format!("  {key}: {{url: {}}}\n", url(name));
    [
        "tiers:\n  local_fast: {models: [{name: small, backend: local}]}\n",
        "  api_fallback: {models: [{name: big, backend: paid, price: {input: 3, output: 15}}]}\n",
        "backends:\n",
        &backend("local", local, ""),
        &backend("paid", paid, ", paid: true"),
        "routing: {default_deadline: 30s}\ncost_control: {daily_budget: 1000}\n",
        &format!(
            "network: {{nameserver: '{}', refresh_interval: 1s}}\n",
            names.address()
        ),
        "services:\n",
        &service("cost_ledger", "cost-ledger"),
        &service("classifier", "classifier"),
        &service("quality_judge", "quality-judge"),
    ]
    .concat()
}
