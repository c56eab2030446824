//! All services in this process, linked directly; one port for everything.
//!
//! The orchestrator's service is answered by its own server, the others behind it are handed on to
//! theirs, so a call passes the same layers as between processes. At the end requests finish
//! first, and the books that they write into are closed after them.

use std::net::SocketAddr;
use std::time::Duration;

use terrace_config::{Backend, Config, Service};
use terrace_domain::BackendName;
use terrace_orchestrator::door::Scope;
use terrace_orchestrator::{Links, Orchestrator};
use terrace_proto::classifier::v1::classifier_service_server::ClassifierServiceServer;
use terrace_proto::judge::v1::judge_service_server::JudgeServiceServer;
use terrace_proto::ledger::v1::account_service_server::AccountServiceServer;
use terrace_proto::ledger::v1::ledger_service_server::LedgerServiceServer;
use terrace_proto::{classifier, gateway, judge, ledger, router};
use terrace_rpc::server::{self, ServerSettings, Services, Stack};
use terrace_rpc::{Link, Network};
use terrace_runtime::{Grace, Lanes, Shutdown, Tasks};

use super::DATABASE_HINT;
use super::forward::{Forward, Gateways};
use super::report::{self, Part};
use crate::args::UpArgs;
use crate::output::Output;

/// What helps against a port that is taken.
const PORT_HINT: &str = "hint: another `terrace up` may be running there; --listen 127.0.0.1:0 \
    takes a free port";
/// What helps against a port of the edge that is taken.
const EDGE_HINT: &str = "hint: --edge-listen 127.0.0.1:0 takes a free port, `edge: {enabled: false}` \
    leaves it out";
/// One person watches: no balancer has to notice, and requests get a moment to finish.
const GRACE: Grace = Grace {
    notice: Duration::ZERO,
    finish: Duration::from_secs(5),
    cut: Duration::from_millis(500),
};

/// Builds everything, reports, serves until shutdown.
pub(super) async fn run(output: Output, config: &Config, args: &UpArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signal()?;
    let settings = ServerSettings {
        grace: GRACE,
        ..ServerSettings::from_config(config, &config.services.orchestrator, args.listen)
    };
    let bound = server::bind(&settings)
        .await
        .map_err(|error| anyhow::anyhow!("{error}\n{PORT_HINT}"))?;
    let edge = Edge::bind(config, args.edge_listen()).await?;
    // The books outlive the requests that are written into them.
    let (books, requests) = (Tasks::new(shutdown.clone()), Tasks::new(shutdown.clone()));
    let building = Box::pin(build(config, &settings, (&books, &requests), &shutdown));
    let (front, parts, ledger_link) = tokio::select! {
        built = building => built?,
        () = shutdown.requested() => return Ok(()),
    };
    let address = bound.url();
    let link = Link::in_process("orchestrator", front.clone());
    let behind_edge = terrace_edge::Links {
        orchestrator: link.clone(),
        ledger: ledger_link,
    };
    let parts: Vec<Part> = edge.part().into_iter().chain(parts).collect();
    report::print(output, &address, &parts, link).await;
    let calls = async { Ok(bound.serve(front, shutdown.clone()).await?) };
    let lanes = Lanes::start()?;
    // The requests of the edge are calls of the orchestrator: whoever waits for those waits for both.
    tokio::try_join!(calls, edge.serve(&lanes, behind_edge, &shutdown))?;
    requests.wait(GRACE.total()).await?;
    books.wait(GRACE.total()).await?;
    // Until here what a request began went on in its lane, whoever had left.
    drop(lanes);
    Ok(())
}

/// The HTTP way in, where the config wants it.
struct Edge(Option<(terrace_edge::Settings, terrace_edge::listen::Bound)>);

impl Edge {
    async fn bind(config: &Config, listen: Option<SocketAddr>) -> anyhow::Result<Self> {
        if !config.edge.enabled {
            return Ok(Self(None));
        }
        let settings = terrace_edge::Settings::from_config(config, listen);
        let bound = terrace_edge::listen::bind(&settings)
            .await
            .map_err(|error| anyhow::anyhow!("edge: {error}\n{EDGE_HINT}"))?;
        Ok(Self(Some((settings, bound))))
    }

    fn part(&self) -> Option<Part> {
        let (_, bound) = self.0.as_ref()?;
        Some(Part::edge(&bound.url()))
    }

    async fn serve(
        self,
        lanes: &Lanes,
        links: terrace_edge::Links,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        if let Some((settings, bound)) = self.0 {
            let app = terrace_edge::build(settings, links, shutdown.clone())?;
            bound.serve_in(Some(lanes), app, shutdown, GRACE).await?;
        }
        Ok(())
    }
}

async fn build(
    config: &Config,
    settings: &ServerSettings,
    (books, requests): (&Tasks, &Tasks),
    shutdown: &Shutdown,
) -> anyhow::Result<(Stack, Vec<Part>, Link)> {
    let gateways = gateways(config, books).await?;
    let links = Links {
        classifier: classifier(config)?,
        judge: judge(config, gateways.clone())?,
        ledger: ledger(config, books).await?,
        gateways,
    };
    let parts = parts(config, &links);
    let wanted = terrace_orchestrator::Settings::from_config(config);
    let orchestrator = Orchestrator::build(wanted, links.clone(), requests)?;
    orchestrator.start(requests, shutdown).await;
    let ledger = links.ledger.clone();
    Ok((front(&orchestrator, links, settings)?, parts, ledger))
}

/// Everything that is answered on the one port.
fn front(
    orchestrator: &Orchestrator,
    links: Links,
    settings: &ServerSettings,
) -> anyhow::Result<Stack> {
    let services = Services::new(&[
        router::v1::FILE_DESCRIPTOR_SET,
        classifier::v1::FILE_DESCRIPTOR_SET,
        judge::v1::FILE_DESCRIPTOR_SET,
        ledger::v1::FILE_DESCRIPTOR_SET,
        gateway::v1::FILE_DESCRIPTOR_SET,
    ]);
    let door = orchestrator.door();
    let services = orchestrator
        .add_to(services)
        .with(door.guard(
            Forward::<ClassifierServiceServer<()>>::to(links.classifier),
            behind,
        ))
        .with(door.guard(Forward::<JudgeServiceServer<()>>::to(links.judge), behind))
        .with(door.guard(
            Forward::<AccountServiceServer<()>>::to(links.ledger.clone()),
            behind,
        ))
        .with(door.guard(Forward::<LedgerServiceServer<()>>::to(links.ledger), behind))
        .with(door.guard(Gateways::to(&links.gateways), behind));
    Ok(Stack::new("orchestrator", settings, services)?)
}

/// What stands behind the orchestrator is for those who manage: it spends money and tells of it.
const fn behind(_method: &str) -> Scope {
    Scope::Manage
}

/// The link to a service that the config places elsewhere.
fn elsewhere(
    config: &Config,
    peer: &'static str,
    service: &Service,
) -> anyhow::Result<Option<Link>> {
    if service.url.is_none() {
        return Ok(None);
    }
    let network = Network::from_config(config)?;
    Ok(Some(network.link(peer, &service.address())?))
}

fn classifier(config: &Config) -> anyhow::Result<Link> {
    if let Some(link) = elsewhere(config, "classifier", &config.services.classifier)? {
        return Ok(link);
    }
    let app = terrace_classifier::build(terrace_classifier::Settings::from_config(config))?;
    let stack = app.stack(&ServerSettings::from_config(
        config,
        &config.services.classifier,
        None,
    ))?;
    Ok(Link::in_process("classifier", stack))
}

fn judge(config: &Config, gateways: Vec<(BackendName, Link)>) -> anyhow::Result<Link> {
    if let Some(link) = elsewhere(config, "judge", &config.services.quality_judge)? {
        return Ok(link);
    }
    let settings = terrace_quality_judge::Settings::from_config(config);
    let app =
        terrace_quality_judge::build_with(settings, gateways, &Network::from_config(config)?)?;
    let stack = app.stack(&ServerSettings::from_config(
        config,
        &config.services.quality_judge,
        None,
    ))?;
    Ok(Link::in_process("judge", stack))
}

async fn ledger(config: &Config, tasks: &Tasks) -> anyhow::Result<Link> {
    if let Some(link) = elsewhere(config, "ledger", &config.services.cost_ledger)? {
        return Ok(link);
    }
    let settings = terrace_cost_ledger::Settings::from_config(config);
    let app = terrace_cost_ledger::build(settings, tasks).await;
    let app = app.map_err(|error| anyhow::anyhow!("{error}\n{DATABASE_HINT}"))?;
    let stack = app.stack(&ServerSettings::from_config(
        config,
        &config.services.cost_ledger,
        None,
    ))?;
    app.start_background(tasks);
    Ok(Link::in_process("ledger", stack))
}

/// Every gateway, each after a first look at its backend.
async fn gateways(config: &Config, tasks: &Tasks) -> anyhow::Result<Vec<(BackendName, Link)>> {
    let started = config.backends.iter().map(async |backend: &Backend| {
        let link = gateway_of(config, backend, tasks).await?;
        Ok((backend.name.clone(), link))
    });
    futures::future::try_join_all(started).await
}

async fn gateway_of(config: &Config, backend: &Backend, tasks: &Tasks) -> anyhow::Result<Link> {
    if let Some(link) = elsewhere(config, "gateway", &backend.gateway)? {
        return Ok(link);
    }
    let settings = terrace_tier_gateway::Settings::from_config(config, &backend.name)?;
    let app = terrace_tier_gateway::build(&settings, tasks)?;
    app.start(tasks).await;
    let listening = ServerSettings::from_config(config, &backend.gateway, None);
    Ok(Link::in_process("gateway", app.stack(&listening)?))
}

/// What runs where, for the report.
fn parts(config: &Config, links: &Links) -> Vec<Part> {
    let services = &config.services;
    let mut parts = vec![
        part("classifier", &services.classifier, &links.classifier),
        part("quality-judge", &services.quality_judge, &links.judge),
        part("cost-ledger", &services.cost_ledger, &links.ledger),
    ];
    for (backend, (name, link)) in config.backends.iter().zip(&links.gateways) {
        parts.push(part(
            &format!("tier-gateway/{name}"),
            &backend.gateway,
            link,
        ));
    }
    parts
}

fn part(name: &str, service: &Service, link: &Link) -> Part {
    match service.url {
        Some(_) => Part::elsewhere(name, link.target()),
        None => Part::started(name, link.target()),
    }
}
