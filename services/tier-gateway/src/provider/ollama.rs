//! Backends that speak Ollama's own API.
//!
//! Its OpenAI-like API would do for plain chats, but only the own one sets the context window,
//! without which Ollama cuts long prompts without a word.

mod describe;
mod embed;
mod pull;
mod request;
mod response;

use async_trait::async_trait;
use serde_json::json;
use terrace_config::Model;
use terrace_domain::ModelName;

use super::http::Http;
use super::stream::chunks;
use super::{
    Abilities, Chunks, Embedded, Found, MAX_SEED_OF_LLAMA, Provider, Pulling, Texts, same_model,
};
use crate::call::Call;
use crate::error::Fault;
use request::ChatRequest;
pub(super) use response::ChatDecoder;

/// Reads `bytes` as every whole answer that is no chat: names, what a model is, vectors, and a line
/// of progress.
#[cfg(feature = "fuzzing")]
pub(super) fn read_whole(bytes: &[u8]) {
    pull::read_line(bytes);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    drop(describe::names(&value));
    let _traits = describe::traits(&value);
    drop(embed::read(value, 1));
}

/// An adapter for one Ollama.
pub(crate) struct Ollama {
    http: Http,
}

impl Ollama {
    pub(crate) const fn new(http: Http) -> Self {
        Self { http }
    }
}

#[async_trait]
impl Provider for Ollama {
    fn abilities(&self) -> Abilities {
        Abilities {
            vision: true,
            tools: true,
            json: true,
            logprobs: true,
            embeddings: true,
            reasoning: true,
            // It leaves the choice to the model.
            tool_choice: false,
            top_k: true,
            max_seed: Some(MAX_SEED_OF_LLAMA),
            max_stops: None,
            penalties: true,
            hot: true,
        }
    }

    async fn generate(&self, call: &Call, model: &Model) -> Result<Chunks, Fault> {
        let request = ChatRequest::new(call, model);
        let response = self.http.post("/api/chat", &request).await?;
        let limit = self.http.max_response_bytes();
        Ok(chunks(response, ChatDecoder::default(), limit))
    }

    async fn embed(&self, texts: &Texts, model: &Model) -> Result<Embedded, Fault> {
        let request = embed::Request::new(texts, model);
        let answer = self.http.post_json("/api/embed", &request).await?;
        embed::read(answer, texts.texts.len())
    }

    async fn pull(&self, model: &ModelName) -> Result<Pulling, Fault> {
        let request = json!({"model": model.as_str(), "stream": true});
        let response = self.http.post("/api/pull", &request).await?;
        Ok(pull::progress(response))
    }

    /// A chat without messages loads the model and answers nothing.
    async fn warm_up(&self, model: &Model) -> Result<(), Fault> {
        let options = json!({"num_ctx": model.context_window});
        let request = json!({"model": model.name.as_str(), "messages": [], "stream": false,
            "options": options});
        self.http.post_json("/api/chat", &request).await.map(drop)
    }

    async fn list_models(&self, wanted: &[ModelName]) -> Result<Option<Vec<Found>>, Fault> {
        let names = describe::names(&self.http.get("/api/tags").await?);
        let Some(names) = names else {
            return Ok(None);
        };
        let mut found: Vec<Found> = names.into_iter().map(Found::named).collect();
        for model in found.iter_mut() {
            if wanted.iter().any(|own| same_model(own, &model.name)) {
                let request = json!({"model": model.name});
                let shown = self.http.ask("/api/show", &request).await;
                // One who has no word on a model may still run it.
                model.traits = shown
                    .map(|shown| describe::traits(&shown))
                    .unwrap_or_default();
            }
        }
        Ok(Some(found))
    }
}
