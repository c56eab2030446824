//! Wire in, use case, wire out. No decisions are made here.

mod request;
mod response;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::gateway_service_server::GatewayService;
use terrace_rpc::deadline;
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status};

use crate::generate::Generate;
use crate::registry::Registry;
use request::Limits;

/// The generated service over the use case.
#[derive(Clone)]
pub(crate) struct Grpc {
    generate: Arc<Generate>,
    registry: Arc<Registry>,
    limits: Limits,
}

impl Grpc {
    pub(crate) const fn new(
        generate: Arc<Generate>,
        registry: Arc<Registry>,
        limits: terrace_config::Limits,
    ) -> Self {
        Self {
            generate,
            registry,
            limits: Limits(limits),
        }
    }
}

/// Reads `bytes` as the message of each rpc.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8]) {
    use prost::Message as _;
    let limits = Limits(terrace_config::Limits::default());
    if let Ok(message) = wire::GenerateRequest::decode(bytes) {
        drop(request::call(message.generation, limits));
    }
    if let Ok(message) = wire::GenerateStreamRequest::decode(bytes) {
        drop(request::streamed(message, limits));
    }
    if let Ok(message) = wire::EmbedRequest::decode(bytes) {
        drop(request::embed(message, limits));
    }
    if let Ok(message) = wire::PullModelRequest::decode(bytes) {
        drop(request::pull(&message));
    }
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl GatewayService for Grpc {
    async fn generate(
        &self,
        request: Request<wire::GenerateRequest>,
    ) -> Result<Response<wire::GenerateResponse>, Status> {
        let deadline = deadline::of(&request).instant();
        let call = request::call(request.into_inner().generation, self.limits);
        let call = call.map_err(|failure| to_status(&failure))?;
        let whole = self.generate.whole(call, deadline).await;
        let whole = whole.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(response::whole(whole)))
    }

    type GenerateStreamStream = Answers<wire::GenerateStreamResponse>;

    async fn generate_stream(
        &self,
        request: Request<wire::GenerateStreamRequest>,
    ) -> Result<Response<Self::GenerateStreamStream>, Status> {
        let deadline = deadline::of(&request).instant();
        let call = request::streamed(request.into_inner(), self.limits);
        let call = call.map_err(|failure| to_status(&failure))?;
        let events = self.generate.stream(call, deadline).await;
        let events = events.map_err(|failure| to_status(&failure))?;
        let events = events.map(|event| match event {
            Ok(event) => Ok(response::event(event)),
            Err(failure) => Err(to_status(&failure)),
        });
        Ok(Response::new(events.boxed()))
    }

    async fn list_models(
        &self,
        _request: Request<wire::ListModelsRequest>,
    ) -> Result<Response<wire::ListModelsResponse>, Status> {
        let models = self.registry.list();
        let queue = response::queue(
            &self.generate.blame.backend,
            self.generate.admission.standing(),
        );
        Ok(Response::new(wire::ListModelsResponse {
            models: models.into_iter().map(response::model).collect(),
            queue: Some(queue),
        }))
    }

    async fn embed(
        &self,
        request: Request<wire::EmbedRequest>,
    ) -> Result<Response<wire::EmbedResponse>, Status> {
        let deadline = deadline::of(&request).instant();
        let embed = request::embed(request.into_inner(), self.limits);
        let embed = embed.map_err(|failure| to_status(&failure))?;
        let embedded = self.generate.embed(embed, deadline).await;
        let (vectors, usage) = embedded.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(response::embedded(vectors, usage)))
    }

    type PullModelStream = Answers<wire::PullModelResponse>;

    async fn pull_model(
        &self,
        request: Request<wire::PullModelRequest>,
    ) -> Result<Response<Self::PullModelStream>, Status> {
        let model = request::pull(&request.into_inner());
        let model = model.map_err(|failure| to_status(&failure))?;
        let steps = self.generate.pull(&model).await;
        let steps = steps.map_err(|failure| to_status(&failure))?;
        let steps = steps.map(|step| match step {
            Ok(step) => Ok(response::pulled(step)),
            Err(failure) => Err(to_status(&failure)),
        });
        Ok(Response::new(steps.boxed()))
    }
}
