//! An edge on a port of its own, in front of a scripted orchestrator.

use std::net::SocketAddr;

use serde_json::{Value, json};
use terrace_edge::{Links, Settings, listen};
use terrace_proto::ledger;
use terrace_proto::ledger::v1::account_service_server::AccountServiceServer;
use terrace_proto::ledger::v1::ledger_service_server::LedgerServiceServer;
use terrace_proto::router::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::router::v1::router_service_server::RouterServiceServer;
use terrace_rpc::Link;
use terrace_rpc::server::{ServerSettings, Services, Stack};
use terrace_runtime::{Grace, Kind, Lanes, Shutdown, Tasks};

use crate::books::Books;
use crate::fake::{Answer, Fake};
use crate::http::{Reply, exchange, parse, request};

/// Tiers and models that every world has.
const YAML: &str = "\
tiers:
  local_fast: {models: [{name: small, backend: ollama}]}
  api_fallback: {models: [{name: org/big, backend: ollama}]}
";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) books: Books,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    /// Runs until the edge has stopped.
    pub(crate) tasks: Tasks,
}

impl World {
    /// An edge whose orchestrator gives these answers, one a call.
    pub(crate) async fn answering(answers: Vec<Answer>) -> Self {
        Self::with("edge: {aliases: {gpt-4o: terrace/auto}}", answers).await
    }

    /// The same with other sections of the config.
    pub(crate) async fn with(sections: &str, answers: Vec<Answer>) -> Self {
        Self::start(sections, [127, 0, 0, 1], answers, None).await
    }

    /// The same at another address.
    pub(crate) async fn listening(sections: &str, at: [u8; 4]) -> Self {
        Self::start(sections, at, Vec::new(), None).await
    }

    /// One that answers in lanes.
    pub(crate) async fn in_lanes(answers: Vec<Answer>) -> Self {
        let lanes = Lanes::start().unwrap();
        Self::start("", [127, 0, 0, 1], answers, Some(lanes)).await
    }

    async fn start(
        sections: &str,
        at: [u8; 4],
        answers: Vec<Answer>,
        lanes: Option<Lanes>,
    ) -> Self {
        let yaml = format!("{YAML}{sections}\n");
        let config = terrace_config::parse(&yaml, "a.yaml", []).unwrap().config;
        let free = SocketAddr::from((at, 0));
        let settings = Settings::from_config(&config, Some(free));
        let fake = Fake::new(answers);
        let books = Books::default();
        let links = Links {
            orchestrator: orchestrator(&fake),
            ledger: ledger(&books),
        };
        let shutdown = Shutdown::new();
        let bound = listen::bind(&settings).await.unwrap();
        let address = bound.address();
        let app = terrace_edge::build(settings, links, shutdown.clone()).unwrap();
        let until = shutdown.clone();
        let tasks = Tasks::new(shutdown.clone());
        tasks.spawn("edge", Kind::Critical, async move {
            let served = bound.serve_in(lanes.as_ref(), app, &until, Grace::short());
            served.await.unwrap();
        });
        Self {
            fake,
            books,
            address,
            shutdown,
            tasks,
        }
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        let bytes = request("POST", path, &headers, body.to_string().as_bytes());
        self.raw(&bytes).await
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.raw(&request("GET", path, headers, b"")).await
    }

    pub(crate) async fn raw(&self, bytes: &[u8]) -> Reply {
        parse(&exchange(self.address, bytes).await)
    }
}

fn orchestrator(fake: &Fake) -> Link {
    let services = Services::new(&[FILE_DESCRIPTOR_SET]);
    let services = services.with(RouterServiceServer::new(fake.clone()));
    let stack = Stack::new("orchestrator", &ServerSettings::for_testing(), services);
    Link::in_process("orchestrator", stack.unwrap())
}

fn ledger(books: &Books) -> Link {
    let services = Services::new(&[ledger::v1::FILE_DESCRIPTOR_SET])
        .with(LedgerServiceServer::new(books.clone()))
        .with(AccountServiceServer::new(books.clone()));
    let stack = Stack::new("cost-ledger", &ServerSettings::for_testing(), services);
    Link::in_process("ledger", stack.unwrap())
}

/// A question as chat completions ask it, with more fields.
pub(crate) fn question(more: Value) -> Value {
    let mut body = json!({
        "model": "terrace/auto",
        "messages": [{"role": "user", "content": "Name the capital of France."}],
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}
