//! An orchestrator that answers from a script and remembers what it was asked, behind the layers
//! and the link of the real one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::{
    AttemptOutcome, BackendQueue, Embedding, FinishReason, Model, Part, Role, ToolCall, Usage,
    part::Kind,
};
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::Verdict;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::router_service_server::RouterService;
use terrace_proto::router::v1::watch_requests_response::Event as WatchEvent;
use terrace_rpc::status::{to_status, to_status_with};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

/// One scripted answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Says(Box<wire::RouteResponse>),
    Fails(Failure),
    /// Fails after an attempt.
    FailsAfter(Failure, wire::RouteFailure),
    Events(Vec<Event>, Option<Failure>),
    /// Never answers; tells when its caller has left.
    Hangs,
}

/// What was asked, with the key that came along.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) request: wire::RouteRequest,
    pub(crate) commit_mode: i32,
    pub(crate) key: Option<String>,
    /// The lane that it was asked in.
    pub(crate) lane: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    embedded: Arc<Mutex<Vec<wire::EmbedRequest>>>,
    listed: Arc<Mutex<usize>>,
    /// What whoever watches requests is told, before nothing more happens.
    watched: Arc<Mutex<Vec<wire::WatchRequestsResponse>>>,
    /// Whether a call has begun, and whether its caller has left.
    pub(crate) waiting: watch::Sender<bool>,
    pub(crate) left: watch::Sender<bool>,
}

impl Fake {
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into())),
            asked: Arc::default(),
            embedded: Arc::default(),
            listed: Arc::default(),
            watched: Arc::default(),
            waiting: watch::Sender::new(false),
            left: watch::Sender::new(false),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Lets watchers be told this of the requests with these ids.
    pub(crate) fn tells(&self, told: &[(&str, WatchEvent)]) {
        let told = told.iter().map(|(id, event)| wire::WatchRequestsResponse {
            request_id: (*id).to_owned(),
            at: None,
            event: Some(event.clone()),
        });
        self.watched.lock().unwrap().extend(told);
    }

    /// How often the models were asked for.
    pub(crate) fn listed(&self) -> usize {
        *self.listed.lock().unwrap()
    }

    pub(crate) fn embedded(&self) -> Vec<wire::EmbedRequest> {
        self.embedded.lock().unwrap().clone()
    }

    fn note(&self, key: Option<String>, request: wire::RouteRequest, commit_mode: i32) -> Answer {
        self.asked.lock().unwrap().push(Asked {
            request,
            commit_mode,
            key,
            lane: terrace_runtime::lanes::here(),
        });
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Answer::Says(Box::new(answer("Paris."))))
    }

    async fn hang<T>(&self) -> T {
        struct Left(watch::Sender<bool>);
        impl Drop for Left {
            fn drop(&mut self) {
                self.0.send_replace(true);
            }
        }
        let _left = Left(self.left.clone());
        self.waiting.send_replace(true);
        std::future::pending().await
    }
}

fn key<T>(request: &Request<T>) -> Option<String> {
    let value = request.metadata().get("authorization")?;
    Some(value.to_str().unwrap().to_owned())
}

/// A good answer of the lowest tier.
pub(crate) fn answer(text: &str) -> wire::RouteResponse {
    wire::RouteResponse {
        request_id: "0190a0a0-0000-7000-8000-000000000001".to_owned(),
        output: Some(text_message(Role::Assistant, text)),
        finish_reason: FinishReason::Stop.into(),
        decision: Some(wire::Decision {
            tier: "local_fast".to_owned(),
            backend: "ollama".to_owned(),
            model: "small".to_owned(),
            ..wire::Decision::default()
        }),
        verdict: Some(verdict(0.9)),
        passed: true,
        attempts: vec![attempt()],
        cost_nano_usd: 2_000,
        baseline_nano_usd: Some(5_000),
        ..wire::RouteResponse::default()
    }
}

/// The attempt that made it.
pub(crate) fn attempt() -> wire::Attempt {
    wire::Attempt {
        tier: "local_fast".to_owned(),
        backend: "ollama".to_owned(),
        model: "small".to_owned(),
        outcome: AttemptOutcome::Accepted.into(),
        verdict: Some(verdict(0.9)),
        usage: Some(Usage {
            input_tokens: 12,
            output_tokens: 3,
            cached_input_tokens: 2,
            ..Usage::default()
        }),
        cost_nano_usd: 2_000,
        ..wire::Attempt::default()
    }
}

fn verdict(score: f64) -> Verdict {
    Verdict {
        score,
        passed: true,
        threshold: 0.7,
        ..Verdict::default()
    }
}

/// An answer that calls tools.
pub(crate) fn calls(names: &[&str]) -> wire::RouteResponse {
    let mut answer = answer("");
    let parts = names.iter().enumerate().map(|(index, name)| Part {
        kind: Some(Kind::ToolCall(ToolCall {
            id: format!("call_{index}"),
            name: (*name).to_owned(),
            arguments_json: r#"{"city":"Paris"}"#.to_owned(),
        })),
    });
    if let Some(output) = &mut answer.output {
        output.parts = parts.collect();
    }
    answer.finish_reason = FinishReason::ToolCalls.into();
    answer
}

/// The events of a stream that ends in `response`, its text in these pieces.
pub(crate) fn told(pieces: &[&str], response: wire::RouteResponse) -> Answer {
    let chunks = pieces.iter().map(|piece| text(piece));
    let events = opening().into_iter().chain(chunks);
    Answer::Events(events.chain([Event::Completed(response)]).collect(), None)
}

/// More text of an answer.
pub(crate) fn text(text: &str) -> Event {
    Event::Chunk(wire::AnswerChunk {
        text: text.to_owned(),
        ..wire::AnswerChunk::default()
    })
}

/// What every stream begins with.
pub(crate) fn opening() -> Vec<Event> {
    vec![
        Event::PlanMade(wire::PlanMade {
            request_id: answer("").request_id,
            plan: None,
        }),
        Event::AttemptStarted(wire::AttemptStarted {
            tier: "local_fast".to_owned(),
            backend: "ollama".to_owned(),
            model: "small".to_owned(),
            ..wire::AttemptStarted::default()
        }),
    ]
}

fn events(
    events: Vec<Event>,
    failure: Option<Failure>,
) -> BoxStream<'static, Result<wire::RouteStreamResponse, Status>> {
    let events = events
        .into_iter()
        .map(|event| Ok(wire::RouteStreamResponse { event: Some(event) }));
    let failure = failure.map(|failure| Err(to_status(&failure)));
    stream::iter(events.chain(failure)).boxed()
}

fn with_trail(failure: &Failure, trail: &wire::RouteFailure) -> Status {
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/terrace.router.v1.RouteFailure".to_owned(),
        value: prost::Message::encode_to_vec(trail),
    };
    to_status_with(failure, detail)
}

fn not_scripted<T>() -> Result<Response<T>, Status> {
    Err(to_status(&Failure::new(
        Reason::NotImplemented,
        "not scripted",
    )))
}

#[tonic::async_trait]
impl RouterService for Fake {
    async fn route(
        &self,
        request: Request<wire::RouteRequest>,
    ) -> Result<Response<wire::RouteResponse>, Status> {
        let key = key(&request);
        match self.note(key, request.into_inner(), 0) {
            Answer::Says(response) => Ok(Response::new(*response)),
            Answer::Fails(failure) => Err(to_status(&failure)),
            Answer::FailsAfter(failure, trail) => Err(with_trail(&failure, &trail)),
            Answer::Hangs => self.hang().await,
            Answer::Events(..) => panic!("a stream was not asked for"),
        }
    }

    type RouteStreamStream = BoxStream<'static, Result<wire::RouteStreamResponse, Status>>;

    async fn route_stream(
        &self,
        request: Request<wire::RouteStreamRequest>,
    ) -> Result<Response<Self::RouteStreamStream>, Status> {
        let key = key(&request);
        let request = request.into_inner();
        match self.note(
            key,
            request.request.unwrap_or_default(),
            request.commit_mode,
        ) {
            Answer::Says(response) => {
                let whole = vec![Event::Completed(*response)];
                Ok(Response::new(events(whole, None)))
            }
            Answer::Fails(failure) => Ok(Response::new(events(Vec::new(), Some(failure)))),
            Answer::FailsAfter(failure, trail) => {
                let status = with_trail(&failure, &trail);
                Ok(Response::new(stream::iter([Err(status)]).boxed()))
            }
            Answer::Events(happened, failure) => Ok(Response::new(events(happened, failure))),
            Answer::Hangs => {
                let fake = self.clone();
                let hung = async move { fake.hang().await };
                Ok(Response::new(stream::once(hung).boxed()))
            }
        }
    }

    async fn explain(
        &self,
        _request: Request<wire::ExplainRequest>,
    ) -> Result<Response<wire::ExplainResponse>, Status> {
        not_scripted()
    }

    async fn list_models(
        &self,
        _request: Request<wire::ListModelsRequest>,
    ) -> Result<Response<wire::ListModelsResponse>, Status> {
        *self.listed.lock().unwrap() += 1;
        let model = |name: &str, tier: &str| Model {
            name: name.to_owned(),
            tier: tier.to_owned(),
            backend: "ollama".to_owned(),
            available: true,
            ..Model::default()
        };
        Ok(Response::new(wire::ListModelsResponse {
            tiers: vec!["local_fast".to_owned(), "api_fallback".to_owned()],
            models: vec![
                model("small", "local_fast"),
                model("org/big", "api_fallback"),
            ],
            queues: vec![BackendQueue {
                backend: "ollama".to_owned(),
                in_flight: 2,
                waiting: 7,
                places: 4,
            }],
        }))
    }

    type PullModelStream = BoxStream<'static, Result<wire::PullModelResponse, Status>>;

    async fn pull_model(
        &self,
        _request: Request<wire::PullModelRequest>,
    ) -> Result<Response<Self::PullModelStream>, Status> {
        not_scripted()
    }

    type WatchRequestsStream = BoxStream<'static, Result<wire::WatchRequestsResponse, Status>>;

    async fn watch_requests(
        &self,
        request: Request<wire::WatchRequestsRequest>,
    ) -> Result<Response<Self::WatchRequestsStream>, Status> {
        let id = request.into_inner().request_id;
        let watched = self.watched.lock().unwrap().clone();
        let is_wanted = |told: &wire::WatchRequestsResponse| id.is_empty() || told.request_id == id;
        let told: Vec<_> = watched.into_iter().filter(is_wanted).map(Ok).collect();
        if told.is_empty() && !id.is_empty() {
            return Err(to_status(&Failure::new(Reason::NotFound, "not known")));
        }
        let told = stream::iter(told).chain(stream::pending());
        Ok(Response::new(told.boxed()))
    }

    type RouteBatchStream = BoxStream<'static, Result<wire::RouteBatchResponse, Status>>;

    async fn route_batch(
        &self,
        _request: Request<Streaming<wire::RouteBatchRequest>>,
    ) -> Result<Response<Self::RouteBatchStream>, Status> {
        not_scripted()
    }

    async fn embed(
        &self,
        request: Request<wire::EmbedRequest>,
    ) -> Result<Response<wire::EmbedResponse>, Status> {
        let request = request.into_inner();
        self.embedded.lock().unwrap().push(request.clone());
        let vector = |text: &String| Embedding {
            values: vec![text.len() as f32, 0.5],
        };
        Ok(Response::new(wire::EmbedResponse {
            embeddings: request.inputs.iter().map(vector).collect(),
            usage: Some(Usage {
                input_tokens: 4,
                ..Usage::default()
            }),
            request_id: answer("").request_id,
            tier: "local_fast".to_owned(),
            model: "vectors".to_owned(),
            cost_nano_usd: 7,
        }))
    }

    async fn report_outcome(
        &self,
        _request: Request<wire::ReportOutcomeRequest>,
    ) -> Result<Response<wire::ReportOutcomeResponse>, Status> {
        not_scripted()
    }

    async fn evict_cache(
        &self,
        _request: Request<wire::EvictCacheRequest>,
    ) -> Result<Response<wire::EvictCacheResponse>, Status> {
        not_scripted()
    }
}
