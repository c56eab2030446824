//! Backends that speak the OpenAI chat API: llama.cpp, vLLM, OpenAI and many more.
//!
//! Always asked for a stream with usage, also for whole answers: a stream is billed when it
//! breaks, and ends upstream the moment nobody listens.

mod describe;
mod embeddings;
mod message;
mod request;
mod response;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use terrace_config::{Capabilities, Model, Profile};
use terrace_domain::ModelName;

use super::http::{self, Http};
use super::model_list;
use super::stream::chunks;
use super::{
    Abilities, Chunks, Embedded, Found, MAX_SEED_OF_LLAMA, MAX_SIGNED_SEED, Provider, Texts,
};
use crate::call::Call;
use crate::error::Fault;
use request::ChatRequest;
pub(super) use response::ChatDecoder;

/// Reads `bytes` as every whole answer that is no stream: a list of models, what a server says of
/// itself, vectors, and what came instead of a stream.
#[cfg(feature = "fuzzing")]
pub(super) fn read_whole(bytes: &[u8]) {
    drop(response::not_a_stream(bytes));
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    drop(model_list::read(&value));
    let _capabilities = describe::llama_cpp(&value);
    drop(embeddings::read(value, 1));
}

/// The most stop sequences that OpenAI takes; servers of one's own take any number.
const MAX_STOPS_OF_OPENAI: usize = 4;

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
            tool_choice: true,
            top_k: own_servers,
            max_seed: Some(match self.profile {
                Profile::LlamaCpp => MAX_SEED_OF_LLAMA,
                Profile::Generic | Profile::Vllm | Profile::OpenAi => MAX_SIGNED_SEED,
            }),
            max_stops: (self.profile == Profile::OpenAi).then_some(MAX_STOPS_OF_OPENAI),
            penalties: true,
            hot: true,
        }
    }

    async fn generate(&self, call: &Call, model: &Model) -> Result<Chunks, Fault> {
        let request = ChatRequest::new(call, model, self.profile);
        let mut response = self.http.post("/chat/completions", &request).await?;
        let limit = self.http.max_response_bytes();
        match media_type(&response) {
            "application/json" => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let body = http::read(&mut response, limit).await?;
                if !call.whole {
                    // Either an error or somebody else.
                    return Err(response::not_a_stream(&body));
                }
                let chunk = response::whole(&body)?;
                Ok(stream::iter([Ok(chunk)]).boxed())
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
        self.check_health().await?;
        let list = match self.http.get("/models").await {
            Ok(list) => list,
            // A key may be good for chats and not for lists, and some servers have no list.
            Err(Fault::Unauthorized { .. } | Fault::Rejected { .. }) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let mut found = model_list::read(&list);
        let capabilities = self.capabilities().await;
        for model in found.iter_mut().flatten() {
            model.traits.capabilities = capabilities;
        }
        Ok(found)
    }
}

impl OpenAi {
    /// Servers of one's own say whether they can answer: vLLM goes on to list its models when its
    /// engine has died, and llama.cpp lists one that it still loads.
    async fn check_health(&self) -> Result<(), Fault> {
        if !matches!(self.profile, Profile::LlamaCpp | Profile::Vllm) {
            return Ok(());
        }
        match self.http.check_beside("/health").await {
            // What stands before them may keep the page to itself.
            Err(Fault::Unauthorized { .. } | Fault::Rejected { .. } | Fault::Redirect { .. }) => {
                Ok(())
            }
            checked => checked,
        }
    }

    /// What the server can do with any of its models; `None` where it is the model that counts.
    async fn capabilities(&self) -> Option<Capabilities> {
        match self.profile {
            Profile::LlamaCpp => {
                let props = self.http.get_beside("/props").await;
                Some(describe::llama_cpp(&props.unwrap_or_default()))
            }
            Profile::Vllm => Some(describe::vllm()),
            Profile::Generic | Profile::OpenAi => None,
        }
    }
}

/// What the head says of the body, without parameters; empty if it says nothing.
fn media_type(response: &reqwest::Response) -> &str {
    let value = response.headers().get(reqwest::header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim()
}
