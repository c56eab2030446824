//! What the gateway needs of a backend: start an answer, turn texts into vectors, list and fetch
//! models.
//!
//! The trait belongs to the use case in `generate.rs`; each kind of backend is an adapter below.
//! Adapters translate and nothing else: time-outs, accounting and concurrency are the same for
//! all and live above them.

mod anthropic;
mod complaint;
mod content;
mod events;
mod http;
mod lines;
mod logprobs;
mod model_list;
mod name;
mod ndjson;
mod ollama;
mod openai;
mod resolve;
mod retry_after;
mod sse;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use terrace_config::{Backend, BackendKind, Capabilities, Model, Url};
use terrace_domain::ModelName;

use crate::call::{Call, Finish, TokenLogprob, ToolCallDelta};
use crate::endpoints::Keyring;
use crate::error::{Error, Fault};
use http::Http;

pub(crate) use name::same_model;

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    //! Each wire's decoder over pieces of bytes.

    use super::stream::Decode;
    use crate::error::Fault;

    pub(crate) fn openai<'a>(pieces: impl Iterator<Item = &'a [u8]>) {
        drop(decode(super::openai::ChatDecoder::default(), pieces));
    }

    pub(crate) fn ollama<'a>(pieces: impl Iterator<Item = &'a [u8]>) {
        drop(decode(super::ollama::ChatDecoder::default(), pieces));
    }

    pub(crate) fn anthropic<'a>(pieces: impl Iterator<Item = &'a [u8]>) {
        drop(decode(
            super::anthropic::MessageDecoder::for_answer(true),
            pieces,
        ));
    }

    /// Whole answers of every wire, and complaints.
    pub(crate) fn whole(bytes: &[u8]) {
        let complaint = super::complaint::Complaint::read(bytes);
        let _fault = complaint.named_fault();
        let _fault = complaint.inside_answer();
        super::openai::read_whole(bytes);
        super::ollama::read_whole(bytes);
    }

    fn decode<'a>(
        mut decoder: impl Decode,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Fault> {
        for piece in pieces {
            decoder.push(piece);
            while decoder.next()?.is_some() {}
            if decoder.is_terminated() {
                return Ok(());
            }
        }
        decoder.rest().map(drop)
    }
}

/// A backend.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// What the kind of backend can carry at all; a model may be able to do less.
    fn abilities(&self) -> Abilities;

    /// Starts an answer; dropping what is returned, or the future itself, ends it upstream.
    async fn generate(&self, call: &Call, model: &Model) -> Result<Chunks, Fault>;

    /// Lists the models that the backend has, with what it tells of the `wanted` ones; `None` if
    /// it keeps that to itself.
    async fn list_models(&self, wanted: &[ModelName]) -> Result<Option<Vec<Found>>, Fault>;

    /// Turns texts into vectors, in their order.
    async fn embed(&self, _texts: &Texts, _model: &Model) -> Result<Embedded, Fault> {
        Err(Fault::CapabilityMissing { what: "embeddings" })
    }

    /// Fetches a model onto the backend; dropping the progress ends that.
    async fn pull(&self, _model: &ModelName) -> Result<Pulling, Fault> {
        let what = "a model to fetch";
        Err(Fault::CapabilityMissing { what })
    }

    /// Makes the backend load a model, for no tokens.
    async fn warm_up(&self, _model: &Model) -> Result<(), Fault> {
        Ok(())
    }
}

/// A model as its backend lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A name it answers to there.
    pub(crate) name: String,
    /// What the backend tells of it beside.
    pub(crate) traits: Traits,
}

impl Found {
    /// A model of which nothing but its name is told.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        let traits = Traits::default();
        Self { name, traits }
    }
}

/// What a backend tells of one of its models; `None` where it tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Tokens of prompt and answer together that it can hold.
    pub(crate) context_window: Option<Window>,
    /// What it can do beyond text.
    pub(crate) capabilities: Option<Capabilities>,
}

/// A context window in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// As the model runs there.
    Running(u32),
    /// At most so much; how much of it is used is for each call to say.
    AtMost(u32),
}

/// What a kind of backend can carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub(crate) struct Abilities {
    pub(crate) vision: bool,
    pub(crate) tools: bool,
    /// Holds a model to JSON, and to a schema.
    pub(crate) json: bool,
    pub(crate) logprobs: bool,
    pub(crate) embeddings: bool,
    pub(crate) reasoning: bool,
    /// Can be made to call a tool, or a certain one.
    pub(crate) tool_choice: bool,
    pub(crate) top_k: bool,
    /// The largest seed that it takes; `None` if it takes none.
    pub(crate) max_seed: Option<u64>,
    /// The most stop sequences that it takes; `None` if it takes any number.
    pub(crate) max_stops: Option<usize>,
    pub(crate) penalties: bool,
    /// Takes temperatures above 1.
    pub(crate) hot: bool,
}

impl Abilities {
    /// What a model can do of what the config, or the backend, says of it.
    pub(crate) const fn of_model(self, said: Capabilities) -> Capabilities {
        Capabilities {
            code: said.code,
            vision: said.vision && self.vision,
            tools: said.tools && self.tools,
            json: said.json && self.json,
            logprobs: said.logprobs && self.logprobs,
            embeddings: said.embeddings && self.embeddings,
        }
    }
}

/// The largest seed of llama.cpp, which Ollama runs on too: the next one asks it for a random seed.
pub(crate) const MAX_SEED_OF_LLAMA: u64 = u32::MAX as u64 - 1;
/// The largest seed of those who take a signed number.
pub(crate) const MAX_SIGNED_SEED: u64 = i64::MAX as u64;

/// Texts to turn into vectors.
pub(crate) struct Texts {
    pub(crate) texts: Vec<String>,
    /// Wanted length of the vectors, for models that can choose.
    pub(crate) dimensions: Option<u32>,
}

/// Vectors of texts, in their order.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) usage: Option<Reported>,
}

/// Progress of a fetch as it comes; ends when the model is there.
pub(crate) type Pulling = BoxStream<'static, Result<Progress, Fault>>;

/// How far a fetch has got.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// What is being done, in the backend's words.
    pub(crate) status: String,
    pub(crate) completed_bytes: u64,
    /// 0 when not known.
    pub(crate) total_bytes: u64,
}

/// An answer as it comes: ends after its terminator, or with a fault.
pub(crate) type Chunks = BoxStream<'static, Result<Chunk, Fault>>;

/// What one event of a backend's stream says.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Chunk {
    /// More text.
    pub(crate) text: String,
    /// Pieces of tool calls.
    pub(crate) tool_calls: Vec<ToolCallDelta>,
    /// Log-probabilities of the tokens in this text.
    pub(crate) logprobs: Vec<TokenLogprob>,
    /// Bytes of reasoning that is not part of the answer, and is paid for all the same.
    pub(crate) hidden_bytes: u64,
    /// What the backend says it has counted so far.
    pub(crate) usage: Option<Reported>,
    /// Why the model stopped.
    pub(crate) finish: Option<Finish>,
    /// Model as the backend names it.
    pub(crate) served_model: Option<String>,
    /// The backend's id of this answer.
    pub(crate) response_id: Option<String>,
}

impl Chunk {
    /// Whether the model has said something with it: servers also send an opening of no words, at
    /// once, and that is not its first token.
    pub(crate) const fn is_said(&self) -> bool {
        !self.text.is_empty()
            || !self.tool_calls.is_empty()
            || self.hidden_bytes > 0
            || self.finish.is_some()
    }
}

/// Token counts of a backend; each may be missing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cached_input: u64,
    pub(crate) cache_write: u64,
    pub(crate) reasoning: u64,
}

/// Makes the adapter for one address of a backend.
pub(crate) fn for_backend(
    backend: &Backend,
    url: &Url,
    keys: &Arc<Keyring>,
) -> Result<Arc<dyn Provider>, Error> {
    let http = Http::new(backend, url, keys).map_err(|source| Error::Client {
        backend: backend.name.clone(),
        source,
    })?;
    Ok(match backend.kind {
        BackendKind::OpenAi => Arc::new(openai::OpenAi::new(http, backend.profile)),
        BackendKind::Ollama => Arc::new(ollama::Ollama::new(http)),
        BackendKind::Anthropic => Arc::new(anthropic::Anthropic::new(http)),
    })
}
