//! The body of a call, and the request of the orchestrator that it becomes.
//!
//! Fields that nobody knows are passed over, as OpenAI does; fields that change the answer and that
//! nothing here can honour are refused by name.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use terrace_domain::Violations;
use terrace_proto::common::v1::GenerationParams;

use super::messages::{self, Turn};
use crate::config::Settings;
use crate::openai::format::Format;
use crate::openai::tools::{self, Choice, Offered};
use crate::refusal::Refusal;
use crate::text_or::TextOr;
use crate::wishes::{Told, Wishes};

/// The body of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Completion {
    model: Option<String>,
    messages: Vec<Turn>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    stop: Option<TextOr<String>>,
    seed: Option<u64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    reasoning_effort: Option<String>,
    response_format: Option<Format>,
    tools: Option<Vec<Offered>>,
    tool_choice: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    metadata: Option<Map<String, Value>>,
    user: Option<String>,
    terrace: Option<Map<String, Value>>,
    n: Option<u32>,
    audio: Option<Value>,
    modalities: Option<Vec<String>>,
    logit_bias: Option<Map<String, Value>>,
    functions: Option<Value>,
    function_call: Option<Value>,
    prediction: Option<Value>,
    web_search_options: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wishes: Wishes,
    /// The name that the caller gave the model.
    pub(super) model: String,
    pub(super) streams: bool,
    pub(super) include_usage: bool,
    /// Whether calls of tools after the first are left out.
    pub(super) one_call_at_most: bool,
}

impl Completion {
    /// Reads everything, headers too; every wrong field is named at once.
    ///
    /// # Errors
    /// A field is wrong, or there is no model of that name.
    pub(super) fn asked(
        mut self,
        headers: &HeaderMap,
        settings: &Settings,
    ) -> Result<Asked, Refusal> {
        let mut noted = Violations::new();
        self.refuse_what_cannot_be(&mut noted);
        let told = Told {
            terrace: self.terrace.as_ref(),
            metadata: self.metadata.as_ref(),
        };
        let mut wishes = Wishes::read(headers, told, &mut noted);
        if let Some(user) = self.user.take() {
            wishes.request.tags.entry("user".to_owned()).or_insert(user);
        }
        let model = self.model.take().unwrap_or_default();
        noted.require(!model.is_empty(), "model", "must not be empty");
        let (streams, include_usage) = self.way();
        let one_call_at_most = self.parallel_tool_calls == Some(false);
        self.fill(&mut wishes, &mut noted);
        noted.finish()?;
        wishes.aim_at(settings.names.find(&model)?)?;
        Ok(Asked {
            wishes,
            model,
            streams,
            include_usage,
            one_call_at_most,
        })
    }

    /// Whether it is a stream, and whether that tells the usage.
    fn way(&self) -> (bool, bool) {
        let options = self.stream_options.as_ref();
        let include_usage = options.and_then(|options| options.include_usage);
        (self.stream.unwrap_or(false), include_usage.unwrap_or(false))
    }

    fn refuse_what_cannot_be(&self, noted: &mut Violations) {
        let one = self.n.is_none_or(|n| n == 1);
        noted.require(
            one,
            "n",
            "must be 1: one answer is made and judged at a time",
        );
        let is_given = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
        let text_alone = self
            .modalities
            .as_ref()
            .is_none_or(|kinds| kinds.iter().all(|kind| kind == "text"));
        noted.require(text_alone, "modalities", "must be text alone");
        noted.require(!is_given(&self.audio), "audio", "is not supported");
        let unbiased = self.logit_bias.as_ref().is_none_or(Map::is_empty);
        noted.require(unbiased, "logit_bias", "is not supported");
        for (field, value) in [
            ("functions", &self.functions),
            ("function_call", &self.function_call),
        ] {
            noted.require(!is_given(value), field, "is of the past: use tools");
        }
        for (field, value) in [
            ("prediction", &self.prediction),
            ("web_search_options", &self.web_search_options),
        ] {
            noted.require(!is_given(value), field, "is not supported");
        }
    }

    /// Everything that goes into the orchestrator's request.
    fn fill(self, wishes: &mut Wishes, noted: &mut Violations) {
        wishes.request.messages = messages::wire(self.messages, noted);
        wishes.request.tools = tools::wire(self.tools.unwrap_or_default(), noted);
        match self.response_format.map(Format::wire).transpose() {
            Ok(format) => wishes.request.response_format = format.flatten(),
            Err(why) => noted.add("response_format", why),
        }
        match self.tool_choice.map(Choice::wire).transpose() {
            Ok(choice) => wishes.request.tool_choice = choice,
            Err(why) => noted.add("tool_choice", why),
        }
        wishes.request.params = Some(GenerationParams {
            max_output_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k.or(wishes.top_k),
            stop: self.stop.map(TextOr::texts).unwrap_or_default(),
            seed: self.seed,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            logprobs: self.logprobs.unwrap_or(false),
            top_logprobs: self.top_logprobs.unwrap_or(0),
            reasoning_effort: self.reasoning_effort,
        });
    }
}
