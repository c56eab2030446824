//! A gateway for one model that says "fine" until told otherwise, and knows who hung up on it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::{BackendQueue, FinishReason, Model, ToolCallDelta, Usage};
use terrace_proto::gateway::v1::gateway_service_server::GatewayService;
use terrace_proto::gateway::v1::generate_stream_response::Event;
use terrace_proto::gateway::v1::{
    Delta, EmbedRequest, EmbedResponse, Finished, GenerateRequest, GenerateResponse,
    GenerateStreamRequest, GenerateStreamResponse, Generation, ListModelsRequest,
    ListModelsResponse, PullModelRequest, PullModelResponse,
};
use terrace_rpc::status::to_status;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{Answer, Rpc, Seen, fails, uncalled};

/// One thing that happens in a stream. A stream whose steps are used up ends with OK.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Text(String),
    /// A piece of a tool call.
    Call(ToolCallDelta),
    Usage(Usage),
    Finished(Finished),
    /// An event of which nothing is set, as from a newer gateway.
    Nothing,
    Fails(Failure),
    /// As it stands, with or without a reason of ours.
    Status(Status),
    /// Nothing comes for so long.
    Waits(Duration),
    /// Nothing more comes.
    Hangs,
}

impl Step {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn usage(input_tokens: u64, output_tokens: u64) -> Self {
        Self::Usage(used(input_tokens, output_tokens))
    }

    pub(crate) fn finished(input_tokens: u64, output_tokens: u64) -> Self {
        Self::Finished(Finished {
            finish_reason: FinishReason::Stop.into(),
            usage: Some(used(input_tokens, output_tokens)),
            served_model: "as the backend calls it".to_owned(),
        })
    }

    pub(crate) fn fails(reason: Reason) -> Self {
        Self::Fails(Failure::new(reason, "scripted failure"))
    }

    /// The steps of a whole answer of 10 input and 5 output tokens.
    pub(crate) fn whole(text: &str) -> Vec<Self> {
        vec![Self::text(text), Self::finished(10, 5)]
    }
}

fn used(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) models: Rpc<ListModelsRequest, ListModelsResponse>,
    pub(crate) embeds: Rpc<EmbedRequest, EmbedResponse>,
    seen: watch::Sender<Vec<Seen<Generation>>>,
    /// Whether the text of each might be gathered.
    gathered: Mutex<Vec<bool>>,
    next: Mutex<VecDeque<Vec<Step>>>,
    /// Streams that were dropped before their end.
    dropped: watch::Sender<usize>,
}

impl Gateway {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            models: Rpc::new(Self::listing([model])),
            embeds: Rpc::new(fails(Reason::NotImplemented)),
            seen: watch::Sender::new(Vec::new()),
            gathered: Mutex::default(),
            next: Mutex::default(),
            dropped: watch::Sender::new(0),
        }
    }

    pub(crate) fn listing(models: impl IntoIterator<Item = Model>) -> Answer<ListModelsResponse> {
        Answer::Says(ListModelsResponse {
            models: models.into_iter().collect(),
            queue: Some(BackendQueue {
                backend: "as the gateway calls it".to_owned(),
                in_flight: 2,
                waiting: 1,
                places: 2,
            }),
        })
    }

    /// Answers the next call with these steps; calls without any steps are answered "fine". A
    /// first step that fails does so before the stream begins.
    pub(crate) fn next(&self, steps: impl IntoIterator<Item = Step>) {
        let steps = steps.into_iter().collect();
        self.next.lock().unwrap().push_back(steps);
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.borrow().len()
    }

    pub(crate) fn seen(&self) -> Vec<Seen<Generation>> {
        self.seen.borrow().clone()
    }

    /// Of each call, whether its pieces might come together.
    pub(crate) fn gathered(&self) -> Vec<bool> {
        self.gathered.lock().unwrap().clone()
    }

    /// Waits until so many generations were asked for.
    pub(crate) async fn called(&self, times: usize) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| seen.len() >= times).await.unwrap();
    }

    /// How many streams were dropped before their end.
    pub(crate) fn dropped(&self) -> usize {
        *self.dropped.borrow()
    }

    /// Waits until so many streams were dropped before their end.
    pub(crate) async fn hung_up_on(&self, times: usize) {
        let mut dropped = self.dropped.subscribe();
        dropped.wait_for(|count| *count >= times).await.unwrap();
    }
}

/// Knows whether its stream came to its end.
struct Watch {
    ended: bool,
    dropped: watch::Sender<usize>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.dropped.send_modify(|count| *count += 1);
        }
    }
}

type Sent = Result<GenerateStreamResponse, Status>;

/// Does one step; `None` ends the stream.
async fn play(
    (mut steps, mut watch): (VecDeque<Step>, Watch),
) -> Option<(Sent, (VecDeque<Step>, Watch))> {
    let step = steps.pop_front();
    watch.ended = matches!(
        step,
        None | Some(Step::Finished(_) | Step::Fails(_) | Step::Status(_))
    );
    let event = match step? {
        Step::Text(text) => Some(Event::Delta(Delta {
            text,
            ..Delta::default()
        })),
        Step::Call(piece) => Some(Event::Delta(Delta {
            tool_call: Some(piece),
            ..Delta::default()
        })),
        Step::Usage(usage) => Some(Event::Usage(usage)),
        Step::Finished(finished) => Some(Event::Finished(finished)),
        Step::Nothing => None,
        Step::Fails(failure) => return Some((Err(to_status(&failure)), (steps, watch))),
        Step::Status(status) => return Some((Err(status), (steps, watch))),
        Step::Waits(span) => {
            tokio::time::sleep(span).await;
            None
        }
        Step::Hangs => std::future::pending().await,
    };
    Some((Ok(GenerateStreamResponse { event }), (steps, watch)))
}

#[tonic::async_trait]
impl GatewayService for Gateway {
    type GenerateStreamStream = BoxStream<'static, Sent>;

    async fn generate_stream(
        &self,
        request: Request<GenerateStreamRequest>,
    ) -> Result<Response<Self::GenerateStreamStream>, Status> {
        let gathered = request.get_ref().gather.is_some();
        self.gathered.lock().unwrap().push(gathered);
        let seen = Seen::of(request);
        let seen = Seen {
            message: seen.message.generation.unwrap(),
            time_left: seen.time_left,
        };
        self.seen.send_modify(|all| all.push(seen));
        let next = self.next.lock().unwrap().pop_front();
        let steps = next.unwrap_or_else(|| Step::whole("fine"));
        match steps.first() {
            Some(Step::Fails(failure)) => return Err(to_status(failure)),
            Some(Step::Status(status)) => return Err(status.clone()),
            _ => {}
        }
        let watch = Watch {
            ended: false,
            dropped: self.dropped.clone(),
        };
        let events = stream::unfold((steps.into(), watch), play);
        Ok(Response::new(events.boxed()))
    }

    async fn list_models(
        &self,
        request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        self.models.answer(request).await
    }

    async fn generate(
        &self,
        _: Request<GenerateRequest>,
    ) -> Result<Response<GenerateResponse>, Status> {
        uncalled()
    }

    async fn embed(
        &self,
        request: Request<EmbedRequest>,
    ) -> Result<Response<EmbedResponse>, Status> {
        self.embeds.answer(request).await
    }

    type PullModelStream = tokio_stream::Empty<Result<PullModelResponse, Status>>;

    async fn pull_model(
        &self,
        _: Request<PullModelRequest>,
    ) -> Result<Response<Self::PullModelStream>, Status> {
        uncalled()
    }
}
