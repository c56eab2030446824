//! A whole Terrace in pieces: PostgreSQL, two model servers, and each service as a process.
//!
//! Two models stand behind it: `small` is free and refuses what it is asked to `refuse`, `big` has a
//! price and answers everything. Both take a moment, so that calls are under way when a kill comes.

mod config;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_domain::NanoUsd;
use terrace_rpc::link::{Link, Network};
use terrace_rpc::tls::{Client, File};
use terrace_testkit::ports::lasting_port;
use terrace_testkit::provider::{Provider, Reply, Rule, Script, UsageReport};
use url::Url;

use crate::certificates::Certificates;
use crate::database::Database;
use crate::service::{Service, ports};
use crate::surroundings::{Disk, Surroundings, Wires};

/// What one call of `big` costs: 100 tokens in and 20 out at 3 and 15 dollars a million.
pub const COST: NanoUsd = NanoUsd::new(600_000);

const GOOD: &str = "Paris is the capital of France, and it has been so for centuries.";
const REFUSAL: &str = "I'm sorry, but I can't help with that.";
/// Until `small` answers.
const SMALL_TAKES: Duration = Duration::from_millis(20);
/// Until `big` answers.
const BIG_TAKES: Duration = Duration::from_millis(60);

/// The name of all servers in certificates, as they are called.
pub const HOST: &str = "127.0.0.1";

/// Where processes are, by name; the edge is where there are surroundings.
pub const PLACES: [&str; 7] = [
    "edge",
    "orchestrator",
    "cost-ledger",
    "classifier",
    "quality-judge",
    "gateway-local",
    "gateway-paid",
];

/// What a site is to be.
#[derive(Debug)]
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
    /// What stands around it; without it services call each other directly and in plain text.
    pub surroundings: Option<Surroundings>,
}

/// A running site; gone when dropped.
#[derive(Debug)]
pub struct Site {
    /// The ledger.
    pub ledger: Service,
    /// The orchestrators.
    pub orchestrators: Vec<Service>,
    /// The way in over HTTP, where there are surroundings.
    pub edge: Option<Service>,
    /// What `killed` leaves alone: classifier, judge and the gateways of `small` and `big`.
    pub others: Vec<Service>,
    /// The model server with `small`.
    pub local: Provider,
    /// The model server with `big`.
    pub paid: Provider,
    /// The wires between them, where there are surroundings.
    pub wires: Option<Wires>,
    /// Their certificates, where there are surroundings.
    pub certificates: Option<Certificates>,
    /// The database.
    pub database: Database,
    /// What stands around it.
    pub surroundings: Option<Surroundings>,
    /// Where each place shows its metrics, where there are surroundings.
    pub metrics: BTreeMap<&'static str, u16>,
    _folder: TempDir,
}

/// Where services listen, and the first of the orchestrators.
struct Ports {
    edge: u16,
    orchestrator: u16,
    ledger: u16,
    classifier: u16,
    judge: u16,
    /// The gateways of `small` and `big`.
    gateways: [u16; 2],
}

impl Ports {
    fn choose() -> anyhow::Result<Self> {
        let [edge, orchestrator, ledger, classifier, judge, gateways @ ..] = ports::<7>()?;
        Ok(Self {
            edge,
            orchestrator,
            ledger,
            classifier,
            judge,
            gateways,
        })
    }
}

/// What a site is made of, before its services start.
struct Ground {
    folder: TempDir,
    database: Database,
    models: [Provider; 2],
    ports: Ports,
    wires: Option<Wires>,
    certificates: Option<Certificates>,
    metrics: BTreeMap<&'static str, u16>,
}

impl Site {
    /// Starts everything and waits until it listens.
    ///
    /// # Errors
    /// Something does not start; the message has its log.
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        let ground = Ground::prepare(&setup).await?;
        let config = ground.folder.path().join("terrace.yaml");
        std::fs::write(&config, config::yaml(&setup, &ground)?)?;
        let config = config.to_string_lossy().into_owned();
        let start = async |place: &'static str, port: u16| {
            let mut with = vec!["--config", &config];
            let name = match place.strip_prefix("gateway-") {
                Some(backend) => {
                    with.extend(["--backend", backend]);
                    "tier-gateway"
                }
                None => place,
            };
            let variables = ground.variables(place, setup.surroundings.as_ref())?;
            Service::start(name, port, &with, &variables).await
        };
        let at = &ground.ports;
        let [first, second] = at.gateways;
        let ledger = start("cost-ledger", at.ledger).await?;
        let others = vec![
            start("classifier", at.classifier).await?,
            start("quality-judge", at.judge).await?,
            start("gateway-local", first).await?,
            start("gateway-paid", second).await?,
        ];
        let mut orchestrators = Vec::new();
        for number in 0..setup.orchestrators {
            let port = match number {
                0 => at.orchestrator,
                _ => lasting_port()?,
            };
            orchestrators.push(start("orchestrator", port).await?);
        }
        let edge = match setup.surroundings {
            Some(_) => Some(start("edge", at.edge).await?),
            None => None,
        };
        let [local, paid] = ground.models;
        Ok(Self {
            ledger,
            orchestrators,
            edge,
            others,
            local,
            paid,
            wires: ground.wires,
            certificates: ground.certificates,
            database: ground.database,
            surroundings: setup.surroundings,
            metrics: ground.metrics,
            _folder: ground.folder,
        })
    }

    /// The process at a place, as `gateway-paid`.
    ///
    /// # Errors
    /// There is no such place.
    pub fn at(&self, place: &str) -> anyhow::Result<&Service> {
        let service = match place {
            "edge" => self.edge.as_ref(),
            "orchestrator" => self.orchestrators.first(),
            "cost-ledger" => Some(&self.ledger),
            "classifier" => self.others.first(),
            "quality-judge" => self.others.get(1),
            "gateway-local" => self.others.get(2),
            "gateway-paid" => self.others.get(3),
            _ => None,
        };
        service.with_context(|| format!("no {place}"))
    }

    /// A link for clients to a service, straight and not over its wire.
    ///
    /// # Errors
    /// The files of the client's certificate cannot be read.
    pub fn link(&self, service: &Service) -> anyhow::Result<Link> {
        let Some(certificates) = &self.certificates else {
            return Ok(Link::network("server", &service.url())?);
        };
        let file = |name| File::new("client", certificates.file("client", name));
        let identity = Some((file("tls.crt"), file("tls.key")));
        let client = Client::open(Some(file("ca.crt")), identity, Duration::from_secs(1))?;
        let network = Network::default().with_tls(client);
        Ok(network.link("server", &self.url(service))?)
    }

    /// Where a service answers.
    #[must_use]
    pub fn url(&self, service: &Service) -> String {
        match self.certificates {
            Some(_) => service.url().replacen("http", "https", 1),
            None => service.url(),
        }
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
        let called = ledger.chain(&self.orchestrators).chain(&self.others);
        called.chain(&self.edge)
    }
}

impl Ground {
    async fn prepare(setup: &Setup) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("terrace-chaos.")?;
        let around = setup.surroundings.as_ref();
        let database = database(around).await?;
        let models = [Provider::start(small()), Provider::start(big())];
        models.iter().for_each(Provider::count_alone);
        let ports = Ports::choose()?;
        let mut ground = Self {
            folder,
            database,
            models,
            ports,
            wires: None,
            certificates: None,
            metrics: BTreeMap::new(),
        };
        if around.is_some() {
            ground.surround()?;
        }
        Ok(ground)
    }

    /// Lays the wires and signs a certificate for everybody.
    fn surround(&mut self) -> anyhow::Result<()> {
        let [first, second] = self.ports.gateways;
        let address = |name, port: u16| (name, format!("{HOST}:{port}"));
        self.wires = Some(Wires::to([
            address("orchestrator", self.ports.orchestrator),
            address("cost-ledger", self.ports.ledger),
            address("classifier", self.ports.classifier),
            address("quality-judge", self.ports.judge),
            address("gateway-local", first),
            address("gateway-paid", second),
            ("database", self.database.primary().address()),
        ]));
        let certificates = Certificates::new(self.folder.path())?;
        for name in PLACES.into_iter().chain(["client"]) {
            certificates.sign(name, HOST)?;
        }
        self.certificates = Some(certificates);
        self.metrics = PLACES.into_iter().zip(ports::<7>()?).collect();
        Ok(())
    }

    /// The environment of the process at a place.
    fn variables(
        &self,
        place: &str,
        around: Option<&Surroundings>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let mut url = Url::parse(&self.database.url())?;
        if let Some(wires) = &self.wires {
            let address = wires.of("database")?.address();
            let port = address
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse().ok());
            let set = url.set_port(port);
            anyhow::ensure!(set.is_ok(), "the database's URL takes no port");
        }
        let mut variables = vec![("TERRACE__LEDGER__DATABASE_URL".to_owned(), url.to_string())];
        if let Some(certificates) = &self.certificates {
            variables.extend(certificates.variables(place));
        }
        if let Some(clocks) = around.and_then(|around| around.clocks.as_ref()) {
            variables.extend(clocks.variables(place)?);
        }
        Ok(variables)
    }

    /// Where callers find a service and where it shows its metrics, as further keys of its section.
    fn further(&self, place: &str) -> anyhow::Result<String> {
        let Some(wires) = &self.wires else {
            return Ok(String::new());
        };
        let address = wires.of(place)?.address();
        let metrics = self.metrics_of(place);
        Ok(format!(", url: 'https://{address}'{metrics}"))
    }

    fn metrics_of(&self, place: &str) -> String {
        let listens = |port: &u16| format!(", metrics_listen: '{HOST}:{port}'");
        self.metrics.get(place).map(listens).unwrap_or_default()
    }
}

/// PostgreSQL, and its standby where one is wanted, by the clock and on the disks around it.
async fn database(around: Option<&Surroundings>) -> anyhow::Result<Database> {
    let usual = std::env::temp_dir();
    let on =
        |disk: Option<&Disk>| disk.map_or_else(|| usual.clone(), |disk| disk.path().to_owned());
    let Some(around) = around else {
        return Database::start(&usual, None, &[]).await;
    };
    let clock = around.clocks.as_ref();
    let clock = clock.map(|clocks| clocks.variables("database"));
    let clock = clock.transpose()?.unwrap_or_default();
    let place = on(around.database_disk.as_ref());
    let standby_place = on(around.standby_disk.as_ref());
    let standby_place = around.has_standby.then_some(standby_place.as_path());
    Database::start(&place, standby_place, &clock).await
}

/// What `small` says when all is well.
#[must_use]
pub fn small() -> Script {
    let takes = |reply: Reply| reply.timing(SMALL_TAKES, Duration::ZERO);
    Script::serving(["small"])
        .rule(Rule::replying([takes(Reply::text(REFUSAL))]).containing("refuse"))
        .otherwise(takes(Reply::text(GOOD)))
}

/// What `big` says when all is well.
#[must_use]
pub fn big() -> Script {
    let counts = UsageReport::Counts {
        input: 100,
        cached: 0,
        output: 20,
    };
    let reply = Reply::text(GOOD).usage(counts);
    Script::serving(["big"]).otherwise(reply.timing(BIG_TAKES, Duration::ZERO))
}
