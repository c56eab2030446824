//! `terrace serve`: one service, as its own thin binary runs it.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use terrace_config::{Backend, Config};
use terrace_domain::BackendName;
use terrace_runtime::Shutdown;

use crate::args::{ServeArgs, ServiceName};

/// Runs the service until it is told to stop.
pub(crate) async fn run(args: &ServeArgs) -> ExitCode {
    let config = args.config.as_deref();
    terrace_rpc::process::run(args.service.as_str(), config, async |config| {
        let shutdown = Shutdown::on_signal()?;
        if args.stop_with_stdin {
            stop_with_stdin(shutdown.clone());
        }
        Box::pin(serve(args, config, shutdown)).await
    })
    .await
}

async fn serve(args: &ServeArgs, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.backend.is_none() || args.service == ServiceName::TierGateway,
        "--backend is for the tier-gateway alone"
    );
    let listen = args.listen;
    match args.service {
        ServiceName::CostLedger => terrace_cost_ledger::run(&config, listen, shutdown).await,
        ServiceName::Classifier => terrace_classifier::run(&config, listen, shutdown).await,
        ServiceName::QualityJudge => terrace_quality_judge::run(&config, listen, shutdown).await,
        ServiceName::TierGateway => {
            let backend = backend(&config, args.backend.as_deref())?;
            terrace_tier_gateway::run(&config, &backend, listen, shutdown).await
        }
        ServiceName::Orchestrator => terrace_orchestrator::run(&config, listen, shutdown).await,
        ServiceName::Edge => terrace_edge::run(&config, listen, shutdown).await,
    }
}

/// The backend that is asked for, or the only one there is.
fn backend(config: &Config, wanted: Option<&str>) -> anyhow::Result<BackendName> {
    if let Some(name) = wanted {
        return BackendName::new(name).context("--backend");
    }
    match config.backends.as_slice() {
        [Backend { name, .. }] => Ok(name.clone()),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|backend| backend.name.as_str())
                .collect();
            anyhow::bail!("which one? Give --backend: {}", names.join(", "))
        }
    }
}

/// Requests shutdown when standard input is closed, be it by a parent that was killed.
fn stop_with_stdin(shutdown: Shutdown) {
    // A thread of its own: a read of the runtime's would keep the runtime from ending.
    std::thread::spawn(move || {
        let _broken = io::copy(&mut io::stdin().lock(), &mut io::sink());
        shutdown.request();
    });
}

impl ServiceName {
    /// Its name on the command line, in logs and in its announcement.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CostLedger => "cost-ledger",
            Self::Classifier => "classifier",
            Self::QualityJudge => "quality-judge",
            Self::TierGateway => "tier-gateway",
            Self::Orchestrator => "orchestrator",
            Self::Edge => "edge",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn a_service_is_called_the_same_everywhere() {
        for service in ServiceName::value_variants() {
            let value = service.to_possible_value().unwrap();
            assert_eq!(value.get_name(), service.as_str());
        }
    }

    #[test]
    fn one_backend_needs_no_name_and_several_do() {
        let config = |yaml| terrace_config::parse(yaml, "test.yaml", []).unwrap().config;
        let one = config("tiers: {a: {models: [{name: m, backend: ollama}]}}");
        assert_eq!(backend(&one, None).unwrap().as_str(), "ollama");
        let two = config(
            "{backends: {x: {kind: ollama, url: 'http://127.0.0.1:1'}}, tiers: {a: {models: \
             [{name: m, backend: ollama}, {name: n, backend: x}]}}}",
        );
        let error = backend(&two, None).unwrap_err().to_string();
        assert!(error.contains("ollama, x"), "{error}");
        assert_eq!(backend(&two, Some("x")).unwrap().as_str(), "x");
    }
}
