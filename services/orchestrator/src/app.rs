//! The only place that knows the whole graph of the orchestrator: links → clients → use case →
//! service. Build and run are separate, so that tests and `terrace up` can do the one without
//! the other.

use std::sync::Arc;

use futures::StreamExt as _;
use terrace_config::{Config, Durability};
use terrace_domain::{BackendName, ProjectName};
use terrace_proto::router::v1::router_service_server::{RouterService as _, RouterServiceServer};
use terrace_rpc::link::{Link, Network};
use terrace_rpc::server::{InvalidDescriptors, ServerSettings, Services, Stack};
use terrace_runtime::{Kind, Shutdown, Tasks};

use crate::answers::{Answers, Memory, Store};
use crate::catalog::Catalog;
use crate::clients::leases::Leases;
use crate::clients::{
    AccountsClient, ClassifierClient, GatewayClient, InvalidStore, JudgeClient, LedgerClient,
    Valkey,
};
use crate::config::Settings;
use crate::door::{Door, Scope};
use crate::grpc::{Grpc, Reader};
use crate::ports::{Generate, Learn};
use crate::route::learner::Learner;
use crate::route::shadow::Shadows;
use crate::route::{Ports, Router};

/// What the orchestrator's port reflects.
pub const DESCRIPTORS: &[u8] = terrace_proto::router::v1::FILE_DESCRIPTOR_SET;

/// Project that pays for requests that come without a key.
const ONLY_PROJECT: &str = "default";

/// Links to the services that the orchestrator calls.
#[derive(Debug, Clone)]
pub struct Links {
    /// To the classifier.
    pub classifier: Link,
    /// To the judge.
    pub judge: Link,
    /// To the ledger.
    pub ledger: Link,
    /// To each backend's gateway, in the order of the config.
    pub gateways: Vec<(BackendName, Link)>,
}

/// What keeps an orchestrator from being built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A service's address is no URL.
    #[error(transparent)]
    Link(#[from] terrace_rpc::link::InvalidUrl),
    /// The certificates that services show each other cannot be used.
    #[error(transparent)]
    Tls(#[from] terrace_rpc::tls::Error),
    /// The project's name is no name.
    #[error(transparent)]
    Project(#[from] terrace_domain::names::InvalidName),
    /// Where answers are to be kept together cannot be read.
    #[error(transparent)]
    Store(#[from] InvalidStore),
}

impl Links {
    /// Links over the network, to where the config says that the services are.
    ///
    /// # Errors
    /// An address is no URL, or the certificates cannot be used.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        let services = &config.services;
        let network = Network::from_config(config)?;
        let gateways = config.backends.iter().map(|backend| {
            let link = network.link("gateway", &backend.gateway.address())?;
            Ok((backend.name.clone(), link))
        });
        Ok(Self {
            classifier: network.link("classifier", &services.classifier.address())?,
            judge: network.link("judge", &services.quality_judge.address())?,
            ledger: network.link("ledger", &services.cost_ledger.address())?,
            gateways: gateways.collect::<Result<_, Error>>()?,
        })
    }
}

/// A built orchestrator.
#[derive(Debug, Clone)]
pub struct Orchestrator {
    grpc: Grpc,
    catalog: Arc<Catalog>,
    leases: Option<Arc<Leases>>,
    door: Door,
    max_message_bytes: usize,
}

impl Orchestrator {
    /// Builds everything, asks no other service. Requests run as detached work of `tasks`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn build(settings: Settings, links: Links, tasks: &Tasks) -> Result<Self, Error> {
        let max_bytes = settings.max_message_bytes;
        let gateway = |(backend, link)| {
            let client = GatewayClient::new(backend, link, max_bytes, settings.at_zero);
            Arc::new(client) as Arc<dyn Generate>
        };
        let gateways = links.gateways.into_iter().map(gateway).collect();
        let catalog = Arc::new(Catalog::new(gateways).configured(settings.models));
        let keys = Arc::new(AccountsClient::new(links.ledger.clone()));
        let leases = settings.lease_ttl.map(|ttl| {
            let ledger = links.ledger.clone();
            Arc::new(Leases::new(ledger, ttl, settings.reservation_ttl))
        });
        let classifier = ClassifierClient::new(links.classifier, max_bytes, settings.learns);
        let classifier = Arc::new(classifier);
        let learner = settings.learns.then(|| {
            let rules = settings.route.rules.clone();
            Learner::start(Arc::clone(&classifier) as Arc<dyn Learn>, rules, tasks)
        });
        let ledger = LedgerClient::new(links.ledger, settings.reservation_ttl, leases.clone());
        let ledger = match settings.durability {
            Durability::Strict => ledger,
            Durability::Relaxed => ledger.settling_later(tasks),
        };
        let ports = Ports {
            classify: classifier,
            judge: Arc::new(JudgeClient::new(links.judge, max_bytes)),
            ledger: Arc::new(ledger),
        };
        let reader = Reader::new(
            (settings.policy, settings.consensus),
            settings.route.rules.tiers.clone(),
            settings.limits,
            ProjectName::new(ONLY_PROJECT)?,
        );
        let router = Router::new(ports, Arc::clone(&catalog), settings.route);
        let router = Arc::new(router.learning(learner));
        let store: Arc<dyn Store> = match Valkey::from_settings(&settings.cache_store)? {
            Some(shared) => Arc::new(shared),
            None => Arc::new(Memory::new(settings.cache_max_bytes)),
        };
        let shadows = settings.shadow.map(|own| Shadows::new(own, tasks.clone()));
        let answers = Answers::new(Arc::clone(&router), store, &settings.setup);
        let answers = answers.with_shadows(shadows);
        Ok(Self {
            grpc: Grpc::new(router, answers, reader, settings.batch, tasks.clone()),
            catalog,
            leases,
            door: Door::new(settings.door, keys),
            max_message_bytes: max_bytes,
        })
    }

    /// Learns the models of all gateways, and keeps the picture and the leases fresh until shutdown.
    pub async fn start(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let all_answered = self.catalog.refresh().await;
        let kept_fresh = Arc::clone(&self.catalog).keep_fresh(all_answered, shutdown.clone());
        tasks.spawn("catalog", Kind::Background, kept_fresh);
        let (watched, stopping) = (self.grpc.traces().clone(), shutdown.clone());
        tasks.spawn("watchers", Kind::Background, async move {
            stopping.requested().await;
            watched.close();
        });
        if let Some(leases) = &self.leases {
            // It gives back what is in hand before the process ends.
            let kept = Arc::clone(leases).keep(shutdown.clone());
            tasks.spawn("leases", Kind::Critical, kept);
        }
    }

    /// The door that callers come in by, for what else is answered on the same port.
    #[must_use]
    pub const fn door(&self) -> &Door {
        &self.door
    }

    /// Adds the orchestrator's service to a server's, behind its door.
    #[must_use]
    pub fn add_to(&self, services: Services) -> Services {
        let server = RouterServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(self.max_message_bytes)
            .max_encoding_message_size(self.max_message_bytes);
        let services = services.with(self.door.guard(server, needed));
        let (door, grpc) = (self.door.clone(), self.grpc.clone());
        let services = services.direct(ROUTE, move |request| {
            let (door, grpc) = (door.clone(), grpc.clone());
            async move { grpc.route(door.let_in(request, Scope::Route).await?).await }
        });
        let (door, grpc) = (self.door.clone(), self.grpc.clone());
        services.direct(ROUTE_STREAM, move |request| {
            let (door, grpc) = (door.clone(), grpc.clone());
            async move {
                let request = door.let_in(request, Scope::Route).await?;
                let answer = grpc.route_stream(request).await?;
                Ok(answer.map(|events| events.boxed()))
            }
        })
    }

    /// The orchestrator's own server stack.
    ///
    /// # Errors
    /// The descriptors cannot be read.
    pub fn stack(&self, settings: &ServerSettings) -> Result<Stack, InvalidDescriptors> {
        Stack::new(
            "orchestrator",
            settings,
            self.add_to(Services::new(&[DESCRIPTORS])),
        )
    }
}

/// The methods that the edge calls without bytes where it is in the same process.
const ROUTE: &str = "terrace.router.v1.RouterService/Route";
const ROUTE_STREAM: &str = "terrace.router.v1.RouterService/RouteStream";

/// What a method of the orchestrator needs: sending requests is one thing, having a backend fetch
/// models or seeing everybody's requests another.
fn needed(method: &str) -> Scope {
    match method {
        "/terrace.router.v1.RouterService/PullModel"
        | "/terrace.router.v1.RouterService/WatchRequests" => Scope::Manage,
        _ => Scope::Route,
    }
}
