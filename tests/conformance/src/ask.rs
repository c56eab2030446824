//! A gateway in this process, and what it answers.

use std::time::Duration;

use terrace_config::{Backend, Capabilities, Known, Limits, Model, PriceSource, Secret};
use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Price, TierName, Usage};
use terrace_proto::common::v1 as common;
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use terrace_proto::gateway::v1::generate_stream_response::Event;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::{Link, ServerSettings, status};
use terrace_runtime::{Shutdown, Tasks};
use terrace_tier_gateway::config::Served;
use terrace_tier_gateway::{Settings, TierGateway, build};

use crate::Kind;

/// How long any call may take here: a real model on a machine that does much else is slow.
const PATIENCE: Duration = Duration::from_secs(180);

/// A gateway in front of one server.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The client of its service.
    pub client: GatewayServiceClient<Link>,
    model: String,
}

/// All that came of one call.
#[derive(Debug, Default)]
pub struct Answer {
    /// The text, piece by piece.
    pub deltas: Vec<String>,
    /// Tool calls, put together.
    pub tool_calls: Vec<common::ToolCall>,
    /// Log-probabilities.
    pub logprobs: usize,
    /// The last word on usage.
    pub usage: Option<Usage>,
    /// Why the model stopped; `None` when the answer did not end well.
    pub finish: Option<common::FinishReason>,
    /// What went wrong.
    pub failure: Option<Failure>,
}

impl Answer {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.deltas.concat()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Delta(delta) => self.take_delta(delta),
            Event::Usage(usage) => self.usage = Some(usage.into()),
            Event::Finished(finished) => {
                self.finish = Some(finished.finish_reason());
                self.usage = finished.usage.map(Usage::from);
            }
        }
    }

    fn take_delta(&mut self, delta: wire::Delta) {
        if !delta.text.is_empty() {
            self.deltas.push(delta.text);
        }
        self.logprobs += delta.logprobs.len();
        if let Some(piece) = delta.tool_call {
            let index = piece.index as usize;
            if self.tool_calls.len() <= index {
                self.tool_calls
                    .resize(index + 1, common::ToolCall::default());
            }
            let call = &mut self.tool_calls[index];
            call.id.push_str(&piece.id);
            call.name.push_str(&piece.name);
            call.arguments_json.push_str(&piece.arguments_json);
        }
    }
}

/// Settings of a gateway for one model that can do all that its kind can.
///
/// # Panics
/// When a name or URL is none: a defect of the suite.
#[must_use]
#[expect(clippy::expect_used, reason = "names of the suite's own")]
pub fn settings(kind: Kind, url: &str, model: &str) -> Settings {
    let name = BackendName::new("test").expect("a name");
    let url = url.parse().expect("a URL");
    let mut backend = Backend::new(name.clone(), kind.backend(), url);
    backend.profile = kind.profile();
    backend.api_key = Secret::Value("test-key".to_owned().into());
    backend.first_token_timeout = PATIENCE;
    backend.idle_timeout = PATIENCE;
    backend.total_timeout = PATIENCE;
    let served = Served {
        tier: TierName::new("local_fast").expect("a name"),
        model: Model {
            name: ModelName::new(model).expect("a name"),
            enabled: true,
            backend: name,
            price: Price::FREE,
            price_source: PriceSource::Free,
            price_version: String::new(),
            gpu_hour: NanoUsd::ZERO,
            context_window: 2048,
            max_output_tokens: 24,
            max_concurrency: None,
            capabilities: Capabilities {
                code: false,
                vision: true,
                tools: true,
                json: true,
                logprobs: true,
                embeddings: true,
            },
            known: Known {
                context_window: true,
                capabilities: true,
            },
        },
    };
    Settings::new(backend, vec![served], Limits::default())
}

impl Gateway {
    /// A gateway of these settings.
    ///
    /// # Panics
    /// When it cannot be built: a defect of the suite.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a suite without its gateway cannot run")]
    pub fn new(settings: &Settings) -> Self {
        Self::of(
            &build(settings, &Tasks::new(Shutdown::new())).expect("a gateway"),
            settings,
        )
    }

    /// The same, once it has asked its backend what that has.
    ///
    /// # Panics
    /// When it cannot be built: a defect of the suite.
    #[expect(clippy::expect_used, reason = "a suite without its gateway cannot run")]
    pub async fn started(settings: &Settings) -> Self {
        let gateway = build(settings, &Tasks::new(Shutdown::new())).expect("a gateway");
        gateway.start(&Tasks::new(Shutdown::new())).await;
        Self::of(&gateway, settings)
    }

    #[expect(clippy::expect_used, reason = "a suite without its gateway cannot run")]
    fn of(gateway: &TierGateway, settings: &Settings) -> Self {
        let stack = gateway
            .stack(&ServerSettings::for_testing())
            .expect("a stack");
        Self {
            client: GatewayServiceClient::new(Link::in_process("tier-gateway", stack)),
            model: settings.models[0].model.name.to_string(),
        }
    }

    /// Its models, as it lists them.
    ///
    /// # Errors
    /// The call failed.
    pub async fn models(&self) -> anyhow::Result<Vec<common::Model>> {
        let request = wire::ListModelsRequest {};
        let answer = self.client.clone().list_models(request).await?;
        Ok(answer.into_inner().models)
    }

    /// A call of its model with one message of the user.
    #[must_use]
    pub fn call(&self, prompt: &str) -> wire::Generation {
        wire::Generation {
            model: self.model.clone(),
            messages: vec![text_message(common::Role::User, prompt)],
            ..wire::Generation::default()
        }
    }

    /// Reads an answer as it comes, to its end.
    pub async fn stream(&self, generation: wire::Generation) -> Answer {
        let generation = Some(generation);
        let request = wire::GenerateStreamRequest {
            generation,
            gather: None,
        };
        let request = request_within(request, Deadline::within(PATIENCE));
        let mut answer = Answer::default();
        let failed = |error: tonic::Status| Some(status::to_failure(&error));
        let mut events = match self.client.clone().generate_stream(request).await {
            Ok(events) => events.into_inner(),
            Err(error) => {
                answer.failure = failed(error);
                return answer;
            }
        };
        loop {
            match events.message().await {
                Ok(None) => return answer,
                Ok(Some(event)) => event.event.into_iter().for_each(|event| answer.take(event)),
                Err(error) => {
                    answer.failure = failed(error);
                    return answer;
                }
            }
        }
    }

    /// Asks for a whole answer.
    ///
    /// # Errors
    /// The call failed.
    pub async fn whole(
        &self,
        generation: wire::Generation,
    ) -> Result<wire::GenerateResponse, Failure> {
        let generation = Some(generation);
        let request = wire::GenerateRequest { generation };
        let request = request_within(request, Deadline::within(PATIENCE));
        let answer = self.client.clone().generate(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|error| status::to_failure(&error))
    }

    /// Turns texts into vectors.
    ///
    /// # Errors
    /// The call failed.
    pub async fn embed(&self, inputs: &[&str]) -> Result<wire::EmbedResponse, Failure> {
        let request = wire::EmbedRequest {
            model: self.model.clone(),
            inputs: inputs.iter().map(|text| (*text).to_owned()).collect(),
            ..wire::EmbedRequest::default()
        };
        let request = request_within(request, Deadline::within(PATIENCE));
        let answer = self.client.clone().embed(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|error| status::to_failure(&error))
    }

    /// Fetches its model; how many steps that took.
    ///
    /// # Errors
    /// The call failed.
    pub async fn pull(&self) -> Result<usize, Failure> {
        let model = self.model.clone();
        let failed = |error: tonic::Status| status::to_failure(&error);
        let request = wire::PullModelRequest { model };
        let request = request_within(request, Deadline::within(PATIENCE));
        let answer = self.client.clone().pull_model(request).await;
        let mut steps = answer.map_err(failed)?.into_inner();
        let mut count = 0;
        while steps.message().await.map_err(failed)?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
