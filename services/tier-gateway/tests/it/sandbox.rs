//! One gateway, one scripted backend, and the calls that tests make.

use std::time::Duration;

use terrace_config::{
    Backend, BackendKind, Capabilities, Known, Limits, Model, PriceSource, Secret,
};
use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Price, TierName, Usage};
use terrace_proto::common::v1 as common;
use terrace_proto::convert::{text_message, text_of_parts};
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use terrace_proto::gateway::v1::generate_stream_response::Event;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::{Link, ServerSettings, status};
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::{Provider, Script};
use terrace_tier_gateway::config::Served;
use terrace_tier_gateway::{Settings, TierGateway, build};

pub(crate) const SOON: Duration = Duration::from_secs(5);

/// Which wire a test is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    OpenAi,
    Ollama,
    Anthropic,
}

pub(crate) const ALL: [Wire; 3] = [Wire::OpenAi, Wire::Ollama, Wire::Anthropic];

impl Wire {
    /// The address of a provider, as the config would say it.
    pub(crate) fn url(self, base: &str) -> String {
        match self {
            Self::OpenAi | Self::Anthropic => format!("{base}/v1"),
            Self::Ollama => base.to_owned(),
        }
    }

    fn kind(self) -> BackendKind {
        match self {
            Self::OpenAi => BackendKind::OpenAi,
            Self::Ollama => BackendKind::Ollama,
            Self::Anthropic => BackendKind::Anthropic,
        }
    }
}

/// A gateway for models `m` (free) and `absent`, on a backend called `test`.
pub(crate) struct Sandbox {
    pub(crate) gateway: TierGateway,
    pub(crate) client: GatewayServiceClient<Link>,
}

pub(crate) fn settings(wire: Wire, url: &str) -> Settings {
    let name = BackendName::new("test").unwrap();
    let mut backend = Backend::new(name, wire.kind(), url.parse().unwrap());
    backend.connect_timeout = Duration::from_millis(500);
    backend.first_token_timeout = Duration::from_secs(3);
    backend.idle_timeout = Duration::from_secs(3);
    let served = ["m", "absent"].map(|name| Served {
        tier: TierName::new("local_fast").unwrap(),
        model: model(name),
    });
    let mut settings = Settings::new(backend, served.to_vec(), Limits::default());
    settings.backend.queue.max_wait = Duration::from_millis(100);
    // Tests of single faults make many calls that fail.
    settings.backend.breaker.failures = 1000;
    settings
}

fn model(name: &str) -> Model {
    Model {
        name: ModelName::new(name).unwrap(),
        enabled: true,
        backend: BackendName::new("test").unwrap(),
        price: Price::per_million(NanoUsd::new(3), NanoUsd::new(15)),
        price_source: PriceSource::ListPrice {
            as_of: "2026-11-01",
        },
        price_version: "2026-11-01".to_owned(),
        gpu_hour: NanoUsd::ZERO,
        context_window: 4096,
        max_output_tokens: 512,
        max_concurrency: None,
        capabilities: Capabilities {
            code: true,
            embeddings: name == "m",
            ..Capabilities::default()
        },
        known: Known {
            context_window: true,
            capabilities: true,
        },
    }
}

pub(crate) fn key(value: &str) -> Secret {
    Secret::Value(value.to_owned().into())
}

impl Sandbox {
    pub(crate) fn new(settings: &Settings) -> Self {
        let gateway = build(settings, &Tasks::new(Shutdown::new())).unwrap();
        let stack = gateway.stack(&ServerSettings::for_testing()).unwrap();
        let link = Link::in_process("tier-gateway", stack);
        let client = GatewayServiceClient::new(link);
        Self { gateway, client }
    }

    /// A gateway in front of a provider that follows `script`.
    pub(crate) fn with(wire: Wire, script: Script) -> (Self, Provider) {
        let provider = Provider::start(script);
        let settings = settings(wire, &wire.url(&provider.url()));
        (Self::new(&settings), provider)
    }

    pub(crate) async fn whole(&self, generation: wire::Generation) -> Result<Whole, Failure> {
        let generation = Some(generation);
        let request = wire::GenerateRequest { generation };
        let request = request_within(request, Deadline::within(SOON * 2));
        let answer = self.client.clone().generate(request).await;
        let answer = answer.map_err(|error| status::to_failure(&error))?;
        let answer = answer.into_inner();
        Ok(Whole {
            finish: answer.finish_reason(),
            text: text_of_parts(&answer.output.unwrap()),
            usage: answer.usage.unwrap().into(),
            served_model: answer.served_model,
        })
    }

    pub(crate) async fn stream(&self, generation: wire::Generation) -> Streamed {
        self.stream_within(generation, SOON * 2).await
    }

    /// Reads a stream to its end.
    pub(crate) async fn stream_within(
        &self,
        generation: wire::Generation,
        time: Duration,
    ) -> Streamed {
        let generation = Some(generation);
        let request = wire::GenerateStreamRequest {
            generation,
            gather: None,
        };
        let request = request_within(request, Deadline::within(time));
        let mut streamed = Streamed::default();
        let mut events = match self.client.clone().generate_stream(request).await {
            Ok(answer) => answer.into_inner(),
            Err(error) => {
                streamed.failure = Some(status::to_failure(&error));
                return streamed;
            }
        };
        loop {
            match events.message().await {
                Ok(None) => return streamed,
                Ok(Some(event)) => streamed.take(event.event.unwrap()),
                Err(error) => {
                    streamed.failure = Some(status::to_failure(&error));
                    return streamed;
                }
            }
        }
    }

    pub(crate) async fn models(&self) -> Vec<common::Model> {
        let request = wire::ListModelsRequest {};
        let answer = self.client.clone().list_models(request).await.unwrap();
        answer.into_inner().models
    }
}

/// A whole answer in terms that are easy to compare.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) text: String,
    pub(crate) finish: common::FinishReason,
    pub(crate) usage: Usage,
    pub(crate) served_model: String,
}

/// Everything that came in a stream.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) deltas: Vec<String>,
    /// The latest word on usage before the end.
    pub(crate) usage: Option<Usage>,
    pub(crate) finished: Option<wire::Finished>,
    pub(crate) failure: Option<Failure>,
}

impl Streamed {
    fn take(&mut self, event: Event) {
        assert!(self.finished.is_none(), "nothing comes after the end");
        match event {
            Event::Delta(delta) => self.deltas.push(delta.text),
            Event::Usage(usage) => self.usage = Some(usage.into()),
            Event::Finished(finished) => self.finished = Some(finished),
        }
    }

    pub(crate) fn text(&self) -> String {
        self.deltas.concat()
    }
}

/// Asks model `m` something of 40 bytes.
pub(crate) fn ask() -> wire::Generation {
    wire::Generation {
        model: "m".into(),
        messages: vec![text_message(common::Role::User, "x".repeat(40))],
        ..wire::Generation::default()
    }
}
