//! Backends that speak the OpenAI chat API: llama.cpp, vLLM, OpenAI and many more.
//!
//! Always asked for a stream with usage, also for whole answers: a stream is billed when it
//! breaks, and ends upstream the moment nobody listens.

mod embeddings;
mod message;
mod request;
mod response;

use async_trait::async_trait;
use terrace_config::{Model, Profile};
use terrace_domain::ModelName;

use super::http::{self, Http};
use super::model_list;
use super::stream::chunks;
use super::{Abilities, Chunks, Embedded, Found, Provider, Texts};
use crate::call::Call;
use crate::error::Fault;
use request::ChatRequest;
pub(super) use response::ChatDecoder;

/// An adapter for one backend of the kind.
pub(crate) struct OpenAi {
    http: Http,
    profile: Profile,
}

impl OpenAi {
    pub(crate) const fn new(http: Http, profile: Profile) -> Self {
        Self { http, profile }
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn abilities(&self) -> Abilities {
        let own_servers = matches!(self.profile, Profile::LlamaCpp | Profile::Vllm);
        Abilities {
            vision: true,
            tools: true,
            json: true,
            logprobs: true,
            embeddings: true,
            // Others refuse a parameter that they do not know.
            reasoning: matches!(self.profile, Profile::OpenAi | Profile::Vllm),
            top_k: own_servers,
            seed: true,
            penalties: true,
            hot: true,
        }
    }

    async fn generate(&self, call: &Call, model: &Model) -> Result<Chunks, Fault> {
        let request = ChatRequest::new(call, model, self.profile);
        let mut response = self.http.post("/chat/completions", &request).await?;
        let limit = self.http.max_response_bytes();
        match media_type(&response) {
            // Streams were asked for, so a plain object is either an error or somebody else.
            "application/json" => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let body = http::read(&mut response, limit).await?;
                Err(response::not_a_stream(&body))
            }
            "text/html" => Err(response::not_a_stream(b"")),
            _ => Ok(chunks(response, ChatDecoder::default(), limit)),
        }
    }

    async fn embed(&self, texts: &Texts, model: &Model) -> Result<Embedded, Fault> {
        let request = embeddings::Request::new(texts, model);
        let answer = self.http.post_json("/embeddings", &request).await?;
        embeddings::read(answer, texts.texts.len())
    }

    async fn list_models(&self, _wanted: &[ModelName]) -> Result<Option<Vec<Found>>, Fault> {
        match self.http.get("/models").await {
            Ok(list) => Ok(model_list::read(&list)),
            // A key may be good for chats and not for lists, and some servers have no list.
            Err(Fault::Unauthorized { .. } | Fault::Rejected { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// What the head says of the body, without parameters; empty if it says nothing.
fn media_type(response: &reqwest::Response) -> &str {
    let value = response.headers().get(reqwest::header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim()
}
