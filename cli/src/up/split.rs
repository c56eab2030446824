//! Every service as a process of its own, on loopback: this program again, as `terrace serve`.
//!
//! The services below the orchestrator start together and on free ports, the judge after those that
//! it may ask; their addresses go to whoever calls them by environment overrides. Then this process watches: when one ends the others
//! are stopped, and a signal stops all, whoever calls before whoever is called so that requests
//! finish: the edge, the orchestrator, then the rest. A child stops when its standard input closes, so none is left behind even if this one is killed.

mod child;
mod overrides;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use terrace_config::Config;
use terrace_rpc::Network;
use terrace_runtime::signal::Stop;
use terrace_runtime::{Shutdown, Tasks};

use super::DATABASE_HINT;
use super::report::{self, Part};
use crate::args::{ServiceName, UpArgs};
use crate::output::Output;
use child::Child;

/// Below the orchestrator no port is anybody's business.
const ANY_PORT: &str = "127.0.0.1:0";

/// Starts everything, reports, watches until a signal or until a child has ended.
pub(super) async fn run(output: Output, config: &Config, args: &UpArgs) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let spawn = Spawn::new(args, Tasks::new(Shutdown::new()))?;
    let mut children = Vec::new();
    let done = tokio::select! {
        done = Box::pin(live(output, config, &spawn, &mut children)) => done,
        name = stop.received() => {
            tracing::info!(signal.name = name, "stopping the services");
            Ok(())
        }
    };
    if let Err(error) = &done {
        tracing::error!("{error}; stopping the other services");
    }
    tokio::select! {
        () = child::stop_all(&mut children) => {}
        // Asked twice: at once, then.
        _ = stop.received() => child::kill_all(&mut children).await,
    }
    spawn.drain_output().await;
    done
}

/// Starts everything and goes on until something ends; `children` has what was started.
async fn live(
    output: Output,
    config: &Config,
    spawn: &Spawn,
    children: &mut Vec<Child>,
) -> anyhow::Result<()> {
    let wanted = wanted(config)?;
    let mut set: Vec<(String, String)> = Vec::new();
    for together in wanted.chunk_by(|_, next| !next.0.calls_gateways()) {
        let begin = children.len();
        for (service, _) in together {
            children.push(spawn.start(service, ANY_PORT, &set)?);
        }
        let started = children.iter_mut().skip(begin);
        let addresses = try_join_all(started.map(Child::address)).await?;
        let variables = together.iter().map(|(_, variable)| variable.clone());
        set.extend(variables.zip(addresses));
    }
    let addresses: Vec<_> = set.iter().map(|(_, address)| address.clone()).collect();
    let parts = parts(config, &wanted, &addresses);
    let listen = spawn.listen.unwrap_or(config.services.orchestrator.listen);
    let top = Wanted::service(ServiceName::Orchestrator);
    children.push(spawn.start(&top, &listen.to_string(), &set)?);
    let address = match children.last_mut() {
        Some(orchestrator) => orchestrator.address().await?,
        None => String::new(),
    };
    let link = Network::from_config(config)?.link("orchestrator", &address)?;
    let edge = start_edge(config, spawn, (&address, set), children).await?;
    let parts: Vec<Part> = edge.into_iter().chain(parts).collect();
    report::print(output, &address, &parts, link).await;
    Err(first_end(children).await)
}

/// Starts the HTTP way in, where the config wants it, in front of the orchestrator; `set` says
/// where the services below that are, of which it calls the ledger.
async fn start_edge(
    config: &Config,
    spawn: &Spawn,
    (orchestrator, mut set): (&str, Vec<(String, String)>),
    children: &mut Vec<Child>,
) -> anyhow::Result<Option<Part>> {
    if !config.edge.enabled {
        return Ok(None);
    }
    let found_at = overrides::variable(&["services", "orchestrator", "url"])?;
    set.push((found_at, orchestrator.to_owned()));
    let listen = spawn.edge_listen.unwrap_or(config.edge.listen);
    let edge = Wanted::service(ServiceName::Edge);
    let mut child = spawn.start(&edge, &listen.to_string(), &set)?;
    let address = child.address().await;
    children.push(child);
    Ok(Some(Part::edge(&address?)))
}

/// Waits until any child ends, which none should.
async fn first_end(children: &mut [Child]) -> anyhow::Error {
    let mut ends: FuturesUnordered<_> = children.iter_mut().map(Child::ended).collect();
    match ends.next().await {
        Some(error) => error,
        None => anyhow::anyhow!("no service is running"),
    }
}

/// A service that is to run as a child.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    service: ServiceName,
    backend: Option<String>,
}

impl Wanted {
    const fn service(service: ServiceName) -> Self {
        Self {
            service,
            backend: None,
        }
    }

    /// Whether it has to know where the gateways are.
    fn calls_gateways(&self) -> bool {
        self.service == ServiceName::QualityJudge
    }

    fn name(&self) -> String {
        match &self.backend {
            Some(backend) => format!("{}/{backend}", self.service.as_str()),
            None => self.service.as_str().to_owned(),
        }
    }
}

/// The services to start, whoever calls another of them last, each with the variable that tells its
/// address. What the config places elsewhere is not among them.
fn wanted(config: &Config) -> anyhow::Result<Vec<(Wanted, String)>> {
    let services = &config.services;
    let mut wanted = Vec::new();
    for (service, section, key) in [
        (
            ServiceName::CostLedger,
            &services.cost_ledger,
            "cost_ledger",
        ),
        (ServiceName::Classifier, &services.classifier, "classifier"),
        (
            ServiceName::QualityJudge,
            &services.quality_judge,
            "quality_judge",
        ),
    ] {
        if section.url.is_none() {
            let variable = overrides::variable(&["services", key, "url"])?;
            wanted.push((Wanted::service(service), variable));
        }
    }
    for backend in &config.backends {
        if backend.gateway.url.is_none() {
            let name = backend.name.as_str();
            let variable = overrides::variable(&["backends", name, "gateway", "url"])?;
            let gateway = Wanted {
                service: ServiceName::TierGateway,
                backend: Some(name.to_owned()),
            };
            wanted.push((gateway, variable));
        }
    }
    wanted.sort_by_key(|(wanted, _)| wanted.calls_gateways());
    overrides::distinct(wanted.iter().map(|(_, variable)| variable.as_str()))?;
    Ok(wanted)
}

/// What runs where, for the report.
fn parts(config: &Config, wanted: &[(Wanted, String)], addresses: &[String]) -> Vec<Part> {
    let started = wanted.iter().zip(addresses);
    let mut parts: Vec<Part> = started
        .map(|((service, _), address)| Part::started(service.name(), address))
        .collect();
    let services = &config.services;
    for (name, section) in [
        ("cost-ledger", &services.cost_ledger),
        ("classifier", &services.classifier),
        ("quality-judge", &services.quality_judge),
    ] {
        if section.url.is_some() {
            parts.push(Part::elsewhere(name, section.address()));
        }
    }
    for backend in &config.backends {
        if backend.gateway.url.is_some() {
            let name = format!("tier-gateway/{}", backend.name);
            parts.push(Part::elsewhere(name, backend.gateway.address()));
        }
    }
    parts
}

/// How children are started.
#[derive(Debug)]
struct Spawn {
    program: PathBuf,
    config: Option<PathBuf>,
    listen: Option<SocketAddr>,
    edge_listen: Option<SocketAddr>,
    tasks: Tasks,
}

impl Spawn {
    fn new(args: &UpArgs, tasks: Tasks) -> anyhow::Result<Self> {
        Ok(Self {
            program: std::env::current_exe().context("cannot find my own program")?,
            config: args.config.clone(),
            listen: args.listen,
            edge_listen: args.edge_listen(),
            tasks,
        })
    }

    fn start(
        &self,
        wanted: &Wanted,
        listen: &str,
        variables: &[(String, String)],
    ) -> anyhow::Result<Child> {
        let mut args: Vec<OsString> = ["serve", wanted.service.as_str(), "--stop-with-stdin"]
            .map(OsString::from)
            .to_vec();
        args.extend(["--listen", listen].map(OsString::from));
        if let Some(backend) = &wanted.backend {
            args.extend(["--backend", backend].map(OsString::from));
        }
        if let Some(config) = &self.config {
            args.extend(["--config".into(), config.into()]);
        }
        let hint = (wanted.service == ServiceName::CostLedger).then_some(DATABASE_HINT);
        let mut command = tokio::process::Command::new(&self.program);
        command.args(args).envs(variables.iter().cloned());
        let child = Child::start(wanted.name(), hint, command, &self.tasks)?;
        Ok(match wanted.service {
            ServiceName::Orchestrator | ServiceName::Edge => child.calling_others(),
            _ => child,
        })
    }

    /// The last lines of children that have ended.
    async fn drain_output(&self) {
        let _left = self.tasks.wait(child::LAST_LINES).await;
    }
}

#[cfg(test)]
mod tests;
