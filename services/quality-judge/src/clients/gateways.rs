//! Models over their gateways: free ones, for a second opinion.

use std::collections::BTreeMap;

use async_trait::async_trait;
use terrace_domain::{BackendName, Failure, Reason, Usage};
use terrace_proto::common::v1::{GenerationParams, Priority};
use terrace_proto::convert::text_of_parts;
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_rpc::server::MAX_MESSAGE_BYTES;
use terrace_rpc::status::to_failure;

use crate::second::{Ask, Model, Question, Reply};

/// A link to the gateway of each backend.
#[derive(Debug, Clone, Default)]
pub struct Gateways(BTreeMap<BackendName, GatewayServiceClient<Link>>);

impl Gateways {
    /// Speaks to gateways over these links.
    #[must_use]
    pub fn new(links: impl IntoIterator<Item = (BackendName, Link)>) -> Self {
        let client = |link| {
            GatewayServiceClient::new(link)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES)
        };
        let links = links.into_iter();
        Self(links.map(|(name, link)| (name, client(link))).collect())
    }
}

#[async_trait]
impl Ask for Gateways {
    async fn ask(
        &self,
        model: &Model,
        question: Question,
        within: Deadline,
    ) -> Result<Reply, Failure> {
        let no_gateway = || {
            let message = format!("there is no gateway for backend {}", model.backend);
            Failure::new(Reason::Internal, message)
        };
        let mut client = self.0.get(&model.backend).ok_or_else(no_gateway)?.clone();
        let generation = wire::Generation {
            model: model.name.to_string(),
            messages: question.messages,
            params: Some(GenerationParams {
                max_output_tokens: Some(question.max_output_tokens),
                temperature: Some(0.0),
                ..GenerationParams::default()
            }),
            request_id: question.request_id,
            priority: Priority::Interactive.into(),
            ..wire::Generation::default()
        };
        let message = wire::GenerateRequest {
            generation: Some(generation),
        };
        let answer = client.generate(request_within(message, within)).await;
        let answer = answer.map_err(|status| to_failure(&status))?.into_inner();
        Ok(Reply {
            text: answer
                .output
                .as_ref()
                .map(text_of_parts)
                .unwrap_or_default(),
            usage: answer.usage.map_or_else(uncounted, Into::into),
        })
    }
}

/// A gateway counts every call; one that does not is not taken for one that used nothing.
fn uncounted() -> Usage {
    Usage {
        estimated: true,
        ..Usage::default()
    }
}
