//! One gateway over a link.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use terrace_config::{AtZero, OnTierAtZero};
use terrace_domain::{BackendName, Failure, ModelName, Price, Reason, TierName, Usage};
use terrace_proto::common::v1 as common;
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use terrace_proto::gateway::v1::generate_stream_response::Event;
use terrace_rpc::deadline::request_within;
use terrace_rpc::direct::Messages;
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;

use super::{broken_contract, from_status};
use crate::answer::Delta;
use crate::catalog::{Abilities, Listed, Model, Queue};
use crate::demand::{Demand, InFlight};
use crate::ports::{Call, Generate, Generated, Pieces, Pulled};
use crate::request::{Priority, Request};
use crate::route::plan::Candidate;

/// How long a gateway may take to end its stream once the answer is complete.
const END_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the pieces of an answer may wait for each other: a broken one is billed short by no more
/// than what a model says in that time.
const GATHER: Duration = Duration::from_millis(20);

/// Calls the gateway in front of one backend.
#[derive(Debug, Clone)]
pub struct GatewayClient {
    backend: BackendName,
    link: Link,
    inner: GatewayServiceClient<Link>,
    demand: Demand,
    at_zero: AtZero,
}

impl GatewayClient {
    /// Creates a client over a link; messages of up to `max_message_bytes` go both ways, and
    /// `at_zero` says what is done while the gateway has no replica.
    #[must_use]
    pub fn new(
        backend: BackendName,
        link: Link,
        max_message_bytes: usize,
        at_zero: AtZero,
    ) -> Self {
        let inner = GatewayServiceClient::new(link.clone());
        Self {
            demand: Demand::of(&backend),
            at_zero,
            link,
            backend,
            inner: inner
                .max_decoding_message_size(max_message_bytes)
                .max_encoding_message_size(max_message_bytes),
        }
    }
}

#[async_trait]
impl Generate for GatewayClient {
    fn backend(&self) -> &BackendName {
        &self.backend
    }

    fn is_at_zero(&self) -> bool {
        self.link.is_at_zero()
    }

    async fn present(&self, call: Call) -> Result<(), Failure> {
        if !self.link.is_at_zero() {
            return Ok(());
        }
        let _wanted = self.demand.begin();
        let wait = self.at_zero.wait.min(call.deadline.remaining());
        let came = self.at_zero.policy == OnTierAtZero::Wait
            && tokio::time::timeout(wait, self.link.present())
                .await
                .is_ok();
        if came {
            return Ok(());
        }
        self.demand.refused();
        Err(self.nobody_there())
    }

    async fn generate(
        &self,
        request: &Request,
        candidate: &Candidate,
        pieces: Pieces,
        call: Call,
    ) -> Result<BoxStream<'static, Result<Generated, Failure>>, Failure> {
        let params = common::GenerationParams {
            // Always sent: the reservation counts on it.
            max_output_tokens: Some(candidate.max_output_tokens),
            ..request.prompt.params().clone()
        };
        let message = wire::GenerateStreamRequest {
            generation: Some(wire::Generation {
                model: candidate.model.to_string(),
                messages: request.prompt.messages().to_vec(),
                params: Some(params),
                response_format: request.prompt.response_format().cloned(),
                tools: request.prompt.tools().to_vec(),
                tool_choice: request.prompt.tool_choice().cloned(),
                request_id: request.id.to_string(),
                project: request.project.to_string(),
                priority: match request.priority {
                    Priority::Interactive => common::Priority::Interactive,
                    Priority::Batch => common::Priority::Batch,
                }
                .into(),
            }),
            gather: (pieces == Pieces::Gathered)
                .then(|| GATHER.try_into().ok())
                .flatten(),
        };
        let in_flight = self.demand.begin();
        let wire = async |request| self.inner.clone().generate_stream(request).await;
        let request = request_within(message, call.deadline);
        let answer = self.link.streaming(request, wire).await;
        let answer = answer.map_err(|status| self.failed(&status))?;
        let wanted = Wanted {
            events: answer.into_inner(),
            demand: self.demand.clone(),
            _in_flight: in_flight,
        };
        let events = stream::unfold(wanted, |mut wanted| async {
            let event = next(&mut wanted.events).await?;
            match &event {
                Ok(Generated::Finished { .. }) => read_to_end(&mut wanted.events).await,
                Ok(_) => {}
                Err(failure) => wanted.demand.failed(failure),
            }
            Some((event, wanted))
        });
        Ok(events.boxed())
    }

    async fn embed(
        &self,
        request: &Request,
        model: &ModelName,
        texts: Vec<String>,
        call: Call,
    ) -> Result<(Vec<Vec<f32>>, Usage), Failure> {
        let message = wire::EmbedRequest {
            model: model.to_string(),
            inputs: texts,
            request_id: request.id.to_string(),
            project: request.project.to_string(),
            ..wire::EmbedRequest::default()
        };
        self.present(call).await?;
        let _in_flight = self.demand.begin();
        let answer = self
            .inner
            .clone()
            .embed(request_within(message, call.deadline))
            .await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        let vectors = answer.embeddings.into_iter().map(|vector| vector.values);
        let usage = answer.usage.map(Usage::from).unwrap_or_default();
        Ok((vectors.collect(), usage))
    }

    async fn pull(
        &self,
        model: &ModelName,
        call: Call,
    ) -> Result<BoxStream<'static, Result<Pulled, Failure>>, Failure> {
        let model = model.to_string();
        let message = request_within(wire::PullModelRequest { model }, call.deadline);
        let answer = self.inner.clone().pull_model(message).await;
        // What the gateway says against the fetch is said to the caller: it is the caller's wish.
        let steps = answer.map_err(|status| to_failure(&status))?.into_inner();
        let steps = steps.map(|step| match step {
            Ok(step) => Ok(Pulled {
                status: step.status,
                completed_bytes: step.completed_bytes,
                total_bytes: step.total_bytes,
                done: step.done,
            }),
            Err(status) => Err(to_failure(&status)),
        });
        Ok(steps.boxed())
    }

    async fn list_models(&self, call: Call) -> Result<Listed, Failure> {
        let message = wire::ListModelsRequest {};
        let answer = self
            .inner
            .clone()
            .list_models(request_within(message, call.deadline))
            .await
            .map_err(|status| from_status("gateway", &status))?;
        let answer = answer.into_inner();
        // A broken model is in the log and does not take the sound ones with it.
        let models = answer.models.into_iter();
        Ok(Listed {
            models: models.filter_map(|model| self.model(model).ok()).collect(),
            queue: answer.queue.map(|queue| self.queue(&queue)),
        })
    }
}

impl GatewayClient {
    /// The failure of a call, which counts as wanted where it was turned away.
    fn failed(&self, status: &tonic::Status) -> Failure {
        let failure = from_status("gateway", status);
        self.demand.failed(&failure);
        failure
    }

    fn nobody_there(&self) -> Failure {
        let backend = &self.backend;
        let text = format!("no replica of the gateway of {backend} is running");
        match self.at_zero.policy {
            OnTierAtZero::NextTier => Failure::new(Reason::ServiceUnavailable, text),
            OnTierAtZero::Wait => Failure::new(
                Reason::ServiceUnavailable,
                format!("{text}, and none came while the request waited"),
            ),
            OnTierAtZero::Fail => Failure::new(
                Reason::NoCandidate,
                format!("{text}: call again, one has been asked for"),
            ),
        }
    }

    /// The backend's name is the config's, whatever the gateway says.
    fn queue(&self, wire: &common::BackendQueue) -> Queue {
        Queue {
            backend: self.backend.clone(),
            in_flight: wire.in_flight,
            waiting: wire.waiting,
            places: wire.places,
        }
    }

    fn model(&self, wire: common::Model) -> Result<Model, Failure> {
        let broken = |what: &str| broken_contract("gateway", what);
        let abilities = wire.capabilities.unwrap_or_default();
        let price = wire.price.unwrap_or_default();
        if wire.default_max_output_tokens == 0 {
            return Err(broken("a model has no default_max_output_tokens"));
        }
        Ok(Model {
            name: ModelName::new(wire.name).map_err(|_| broken("a model has no proper name"))?,
            tier: TierName::new(wire.tier).map_err(|_| broken("a model has no proper tier"))?,
            backend: self.backend.clone(),
            price: Price::try_from(&price).map_err(|error| broken(&error.to_string()))?,
            context_window: wire.context_window,
            default_max_output_tokens: wire.default_max_output_tokens,
            abilities: Abilities {
                code: abilities.code,
                vision: abilities.vision,
                tools: abilities.tools,
                json: abilities.json,
                json_schema: abilities.json_schema,
                logprobs: abilities.logprobs,
                embeddings: abilities.embeddings,
            },
            unavailable_because: (!wire.available).then(|| why(wire.unavailable_because)),
            scripted: wire.scripted,
        })
    }
}

fn why(unavailable_because: String) -> String {
    if unavailable_because.is_empty() {
        "its gateway says that it cannot be called, and not why".to_owned()
    } else {
        unavailable_because
    }
}

/// An answer that is coming, wanted until it is dropped.
struct Wanted {
    events: Events,
    demand: Demand,
    _in_flight: InFlight,
}

type Events = Messages<wire::GenerateStreamResponse>;

/// The next event that we know; `None` at the end of the stream.
async fn next(events: &mut Events) -> Option<Result<Generated, Failure>> {
    loop {
        match events.next().await? {
            Ok(message) => {
                if let Some(event) = generated(message) {
                    return Some(Ok(event));
                }
            }
            Err(status) => return Some(Err(from_status("gateway", &status))),
        }
    }
}

/// Reads what is behind the answer's end: the call's status, without which traces and metrics
/// would count every whole answer as one that its caller broke off.
async fn read_to_end(events: &mut Events) {
    let end = async { while let Some(Ok(_)) = events.next().await {} };
    let _ended_or_late = tokio::time::timeout(END_TIMEOUT, end).await;
}

/// One event of the stream; `None` for what a newer gateway may send and we do not know.
fn generated(wire: wire::GenerateStreamResponse) -> Option<Generated> {
    match wire.event? {
        Event::Delta(delta) => {
            let delta = Delta {
                text: delta.text,
                tool_call: delta.tool_call,
                logprobs: delta.logprobs,
            };
            (!delta.is_empty()).then_some(Generated::Delta(delta))
        }
        Event::Usage(usage) => Some(Generated::Usage(Usage::from(usage))),
        Event::Finished(finished) => Some(Generated::Finished {
            finish_reason: finished.finish_reason,
            usage: finished.usage.map(Usage::from),
        }),
    }
}
