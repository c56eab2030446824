//! Backends that speak Anthropic's Messages API.
//!
//! It has no log-probabilities, seeds, penalties or embeddings. A JSON Schema is enforced by a tool
//! that the model must call and whose input is the answer: this holds for every model that has
//! tools, where the API's own structured output is for the newest alone.

mod request;
mod response;

use async_trait::async_trait;
use terrace_config::Model;
use terrace_domain::ModelName;

use super::http::Http;
use super::model_list;
use super::stream::chunks;
use super::{Abilities, Chunks, Found, Provider};
use crate::call::Call;
use crate::error::Fault;
use request::MessagesRequest;
pub(super) use response::MessageDecoder;

/// An adapter for one backend of the kind.
pub(crate) struct Anthropic {
    http: Http,
}

impl Anthropic {
    pub(crate) const fn new(http: Http) -> Self {
        Self { http }
    }
}

#[async_trait]
impl Provider for Anthropic {
    fn abilities(&self) -> Abilities {
        Abilities {
            vision: true,
            tools: true,
            json: true,
            reasoning: true,
            tool_choice: true,
            top_k: true,
            ..Abilities::default()
        }
    }

    async fn generate(&self, call: &Call, model: &Model) -> Result<Chunks, Fault> {
        let request = MessagesRequest::new(call, model)?;
        let decoder = MessageDecoder::for_answer(request.answers_by_tool());
        let response = self.http.post("/messages", &request).await?;
        Ok(chunks(response, decoder, self.http.max_response_bytes()))
    }

    async fn list_models(&self, _wanted: &[ModelName]) -> Result<Option<Vec<Found>>, Fault> {
        match self.http.get("/models?limit=1000").await {
            Ok(list) => Ok(model_list::read(&list)),
            // What speaks this API and is not its maker's often has no list.
            Err(Fault::Unauthorized { .. } | Fault::Rejected { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}
