//! The wire: messages in, the use case, messages out. No decisions.

mod batch;
mod check;
mod chunks;
mod consensus;
mod request;
pub(crate) mod response;
mod route_failure;
mod stream;
mod watch;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use terrace_domain::{Failure, NanoUsd, Reason, RequestId};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::router_service_server::RouterService;
use terrace_rpc::deadline;
use terrace_rpc::status::{to_status, to_status_with};
use terrace_runtime::Tasks;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use crate::answers::{Answers, Reply};
use crate::door::Caller;
pub use crate::grpc::batch::BatchSettings;
use crate::grpc::batch::{Batches, Results};
pub use crate::grpc::request::Reader;
use crate::grpc::stream::ResponseStream;
use crate::ports::Call;
use crate::route::embed::Embedded;
use crate::route::events::Events;
use crate::route::traces::Traces;
use crate::route::trail::{Attempt, Outcome};
use crate::route::{Context, Router, Unanswered};

/// What tells the retry policy of a gRPC client when to try again, or by a negative number not to.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Serves [`RouterService`].
#[derive(Debug, Clone)]
pub struct Grpc {
    router: Arc<Router>,
    answers: Arc<Answers>,
    batches: Batches,
    reader: Arc<Reader>,
    tasks: Tasks,
}

impl Grpc {
    /// Creates the service; requests run as detached work of `tasks`.
    #[must_use]
    pub fn new(
        router: Arc<Router>,
        answers: Answers,
        reader: Reader,
        batch: BatchSettings,
        tasks: Tasks,
    ) -> Self {
        let (answers, reader) = (Arc::new(answers), Arc::new(reader));
        Self {
            router,
            batches: Batches {
                answers: Arc::clone(&answers),
                reader: Arc::clone(&reader),
                tasks: tasks.clone(),
                settings: batch,
            },
            answers,
            reader,
            tasks,
        }
    }

    /// What is being answered, and what was lately.
    #[must_use]
    pub fn traces(&self) -> &Traces {
        self.router.traces()
    }

    /// As [`answer`](Self::answer), for vectors.
    async fn vectors(
        &self,
        request: crate::request::Request,
        texts: Vec<String>,
        call: Call,
    ) -> Result<Embedded, Box<Unanswered>> {
        let cancel = CancellationToken::new();
        let _cancels_when_dropped = cancel.clone().drop_guard();
        let context = Context {
            call,
            cancel,
            events: Events::nowhere(),
        };
        let router = Arc::clone(&self.router);
        let id = request.id;
        let work = self.tasks.detach("embed", async move {
            router.embed(&request, texts, &context).await
        });
        work.await.unwrap_or_else(|_lost| Err(Unanswered::lost(id)))
    }

    /// Runs the use case in a task of its own, which a dropped handler cancels but does not stop:
    /// what was produced is still settled.
    async fn answer(
        &self,
        request: crate::request::Request,
        call: Call,
    ) -> Result<Reply, Box<Unanswered>> {
        let cancel = CancellationToken::new();
        let _cancels_when_dropped = cancel.clone().drop_guard();
        let context = Context {
            call,
            cancel,
            events: Events::nowhere(),
        };
        let answers = Arc::clone(&self.answers);
        let id = request.id;
        let work = self.tasks.detach(
            "route",
            async move { answers.answer(&request, &context).await },
        );
        work.await.unwrap_or_else(|_lost| Err(Unanswered::lost(id)))
    }
}

impl Unanswered {
    /// The request's task ended by a panic, which is in the log.
    fn lost(id: RequestId) -> Box<Self> {
        Box::new(Self {
            id,
            failure: Failure::new(Reason::Internal, "the request met a defect of Terrace"),
            attempts: Vec::new(),
            cost: NanoUsd::ZERO,
        })
    }

    /// The failure on the wire, with the attempts made and what they cost. Where a model was called,
    /// clients that try again by themselves are told not to: it would be paid for once more.
    // Takes the box that it travels in, so that it can stand in a `map_err`.
    #[expect(clippy::boxed_local, reason = "the use case hands out a box")]
    fn into_status(self: Box<Self>) -> Status {
        let called = |attempt: &Attempt| !matches!(attempt.outcome, Outcome::Skipped(_));
        let spent = self.attempts.iter().any(called);
        let (failure, detail) = route_failure::split(*self);
        let mut status = to_status_with(&failure, detail);
        if spent {
            let never = MetadataValue::from_static("-1");
            status.metadata_mut().insert(RETRY_PUSHBACK, never);
        }
        status
    }
}

fn call_of<T>(request: &Request<T>) -> Call {
    Call {
        deadline: deadline::of(request),
    }
}

/// Whose call it is, as the door found; nobody's own without a key.
fn caller_of<T>(request: &Request<T>) -> Option<Caller> {
    request.extensions().get::<Caller>().cloned()
}

/// Reads `bytes` as the message of each rpc.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], reader: &Reader) {
    use prost::Message as _;
    if let Ok(message) = wire::RouteRequest::decode(bytes) {
        drop(reader.read(message));
    }
    if let Ok(message) = wire::RouteStreamRequest::decode(bytes) {
        drop(reader.read_stream(message));
    }
    if let Ok(message) = wire::ExplainRequest::decode(bytes) {
        drop(reader.read_explain(message));
    }
    if let Ok(message) = wire::EvictCacheRequest::decode(bytes) {
        drop(reader.read_evict(message));
    }
    if let Ok(message) = wire::ReportOutcomeRequest::decode(bytes) {
        drop(reader.read_report(&message));
    }
    if let Ok(message) = wire::EmbedRequest::decode(bytes) {
        drop(reader.read_embed(message));
    }
    if let Ok(message) = wire::PullModelRequest::decode(bytes) {
        drop(request::pull(message));
    }
    if let Ok(message) = wire::WatchRequestsRequest::decode(bytes) {
        drop(request::watch(&message));
    }
}

#[tonic::async_trait]
impl RouterService for Grpc {
    async fn route(
        &self,
        request: Request<wire::RouteRequest>,
    ) -> Result<Response<wire::RouteResponse>, Status> {
        let (call, caller) = (call_of(&request), caller_of(&request));
        let read = self.reader.read(request.into_inner());
        let request = read.map_err(|failure| to_status(&failure))?.paid_by(caller);
        let reply = self.answer(request, call).await;
        let reply = reply.map_err(Unanswered::into_status)?;
        Ok(Response::new(response::reply(reply)))
    }

    type RouteStreamStream = ResponseStream;

    async fn route_stream(
        &self,
        request: Request<wire::RouteStreamRequest>,
    ) -> Result<Response<ResponseStream>, Status> {
        let (call, caller) = (call_of(&request), caller_of(&request));
        let read = self.reader.read_stream(request.into_inner());
        let (request, commit) = read.map_err(|failure| to_status(&failure))?;
        let request = (request.paid_by(caller), commit);
        let answers = Arc::clone(&self.answers);
        Ok(Response::new(ResponseStream::start(
            answers,
            request,
            call,
            &self.tasks,
        )))
    }

    async fn explain(
        &self,
        request: Request<wire::ExplainRequest>,
    ) -> Result<Response<wire::ExplainResponse>, Status> {
        let (call, caller) = (call_of(&request), caller_of(&request));
        let read = self.reader.read_explain(request.into_inner());
        let request = read.map_err(|failure| to_status(&failure))?.paid_by(caller);
        let plan = self.router.explain(&request, call).await;
        let plan = plan.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::ExplainResponse {
            plan: Some(response::plan(plan)),
        }))
    }

    async fn list_models(
        &self,
        _request: Request<wire::ListModelsRequest>,
    ) -> Result<Response<wire::ListModelsResponse>, Status> {
        let models = self.router.models();
        Ok(Response::new(wire::ListModelsResponse {
            tiers: self.reader.tiers(),
            models: models.iter().map(response::model).collect(),
            queues: self.router.queues().iter().map(response::queue).collect(),
        }))
    }

    type PullModelStream = BoxStream<'static, Result<wire::PullModelResponse, Status>>;

    async fn pull_model(
        &self,
        request: Request<wire::PullModelRequest>,
    ) -> Result<Response<Self::PullModelStream>, Status> {
        let call = call_of(&request);
        let read = request::pull(request.into_inner());
        let (model, backend) = read.map_err(|failure| to_status(&failure))?;
        let pulling = self.router.pull(&model, backend, call).await;
        let (backend, steps) = pulling.map_err(|failure| to_status(&failure))?;
        let steps = steps.map(move |step| match step {
            Ok(step) => Ok(response::pulled(&backend, step)),
            Err(failure) => Err(to_status(&failure)),
        });
        Ok(Response::new(steps.boxed()))
    }

    type WatchRequestsStream = BoxStream<'static, Result<wire::WatchRequestsResponse, Status>>;

    async fn watch_requests(
        &self,
        request: Request<wire::WatchRequestsRequest>,
    ) -> Result<Response<Self::WatchRequestsStream>, Status> {
        let wanted = request::watch(&request.into_inner());
        let wanted = wanted.map_err(|failure| to_status(&failure))?;
        let watcher = self.router.traces().watch(wanted);
        let watcher = watcher.map_err(|failure| to_status(&failure))?;
        let told = watcher.told().map(|told| Ok(watch::told(&told)));
        Ok(Response::new(told.boxed()))
    }

    type RouteBatchStream = Results;

    async fn route_batch(
        &self,
        request: Request<Streaming<wire::RouteBatchRequest>>,
    ) -> Result<Response<Results>, Status> {
        let (call, caller) = (call_of(&request), caller_of(&request));
        let results = self.batches.start(request.into_inner(), call, caller);
        Ok(Response::new(results))
    }

    async fn embed(
        &self,
        request: Request<wire::EmbedRequest>,
    ) -> Result<Response<wire::EmbedResponse>, Status> {
        let (call, caller) = (call_of(&request), caller_of(&request));
        let read = self.reader.read_embed(request.into_inner());
        let (request, texts) = read.map_err(|failure| to_status(&failure))?;
        let request = request.paid_by(caller);
        let embedded = self.vectors(request, texts, call).await;
        let embedded = embedded.map_err(Unanswered::into_status)?;
        Ok(Response::new(response::embed_response(embedded)))
    }

    async fn report_outcome(
        &self,
        request: Request<wire::ReportOutcomeRequest>,
    ) -> Result<Response<wire::ReportOutcomeResponse>, Status> {
        let caller = caller_of(&request);
        let read = self.reader.read_report(&request.into_inner());
        let (project, id, reported) = read.map_err(|failure| to_status(&failure))?;
        let project = caller.map_or(project, |caller| caller.project);
        let learner = self.router.learner();
        let learned = learner.map(|own| own.reported(&project, id, reported));
        let learned = learned.unwrap_or(Ok(false));
        let learned = learned.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::ReportOutcomeResponse { learned }))
    }

    async fn evict_cache(
        &self,
        request: Request<wire::EvictCacheRequest>,
    ) -> Result<Response<wire::EvictCacheResponse>, Status> {
        let caller = caller_of(&request);
        let read = self.reader.read_evict(request.into_inner());
        let (project, meant) = read.map_err(|failure| to_status(&failure))?;
        let project = caller.map_or(project, |caller| caller.project);
        let evicted = self.answers.evict(&project, &meant).await;
        let evicted = evicted.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::EvictCacheResponse { evicted }))
    }
}
