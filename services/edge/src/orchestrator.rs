//! The orchestrator over its link: the one service that the edge calls.

use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::direct::Messages;
use terrace_rpc::{Deadline, Link};
use tonic::Streaming;

use crate::caller::Caller;
use crate::refusal::Refusal;

/// Calls the orchestrator. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Orchestrator {
    link: Link,
    client: RouterServiceClient<Link>,
}

/// A call in somebody's name, with its end.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) deadline: Deadline,
}

impl Orchestrator {
    /// A client over a link for messages of up to `max_bytes`.
    pub(crate) fn new(link: Link, max_bytes: usize) -> Self {
        let client = RouterServiceClient::new(link.clone())
            .max_decoding_message_size(max_bytes)
            // The body is bounded, and the orchestrator says in its own words what is too much for it.
            .max_encoding_message_size(usize::MAX);
        Self { link, client }
    }

    pub(crate) async fn route(
        &self,
        request: wire::RouteRequest,
        call: &Call,
    ) -> Result<wire::RouteResponse, Refusal> {
        let wire = async |request| self.client.clone().route(request).await;
        let request = call.caller.ask(request, call.deadline);
        told(self.link.unary(request, wire).await)
    }

    pub(crate) async fn route_stream(
        &self,
        request: wire::RouteStreamRequest,
        call: &Call,
    ) -> Result<Messages<wire::RouteStreamResponse>, Refusal> {
        let wire = async |request| self.client.clone().route_stream(request).await;
        let request = call.caller.ask(request, call.deadline);
        told(self.link.streaming(request, wire).await)
    }

    pub(crate) async fn explain(
        &self,
        request: wire::ExplainRequest,
        call: &Call,
    ) -> Result<wire::ExplainResponse, Refusal> {
        let request = call.caller.ask(request, call.deadline);
        told(self.client.clone().explain(request).await)
    }

    pub(crate) async fn embed(
        &self,
        request: wire::EmbedRequest,
        call: &Call,
    ) -> Result<wire::EmbedResponse, Refusal> {
        let request = call.caller.ask(request, call.deadline);
        told(self.client.clone().embed(request).await)
    }

    pub(crate) async fn watch_requests(
        &self,
        request: wire::WatchRequestsRequest,
        call: &Call,
    ) -> Result<Streaming<wire::WatchRequestsResponse>, Refusal> {
        let request = call.caller.ask(request, call.deadline);
        told(self.client.clone().watch_requests(request).await)
    }

    pub(crate) async fn list_models(
        &self,
        call: &Call,
    ) -> Result<wire::ListModelsResponse, Refusal> {
        let request = call.caller.ask(wire::ListModelsRequest {}, call.deadline);
        told(self.client.clone().list_models(request).await)
    }
}

fn told<T>(answered: Result<tonic::Response<T>, tonic::Status>) -> Result<T, Refusal> {
    match answered {
        Ok(response) => Ok(response.into_inner()),
        Err(status) => Err(Refusal::of(&status)),
    }
}
