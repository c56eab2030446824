//! The body of a call, and the request of the orchestrator that it becomes.
//!
//! Nothing is stored, so what refers to something stored is refused by name.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use terrace_domain::Violations;
use terrace_proto::common::v1::{GenerationParams, Role};
use terrace_proto::convert::text_message;

use super::items::{self, Item};
use crate::config::Settings;
use crate::openai::format::Format;
use crate::openai::tools::{self, Choice, Offered};
use crate::refusal::Refusal;
use crate::text_or::TextOr;
use crate::wishes::{Told, Wishes};

/// The body of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Creation {
    model: Option<String>,
    input: Option<TextOr<Item>>,
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_logprobs: Option<u32>,
    include: Option<Vec<String>>,
    reasoning: Option<Reasoning>,
    text: Option<Text>,
    tools: Option<Vec<Offered>>,
    tool_choice: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    stream: Option<bool>,
    metadata: Option<Map<String, Value>>,
    user: Option<String>,
    terrace: Option<Map<String, Value>>,
    previous_response_id: Option<Value>,
    conversation: Option<Value>,
    prompt: Option<Value>,
    background: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Reasoning {
    #[serde(default)]
    effort: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(default)]
    format: Option<Format>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wishes: Wishes,
    /// The name that the caller gave the model.
    pub(super) model: String,
    pub(super) streams: bool,
    /// Whether calls of tools after the first are left out.
    pub(super) one_call_at_most: bool,
    pub(super) created_at: u64,
    /// Fields of the call that stand in its response as they came.
    pub(super) echo: Vec<(&'static str, Value)>,
}

/// Asks for log-probabilities.
const LOGPROBS: &str = "message.output_text.logprobs";

impl Creation {
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
        let (streams, echo) = (self.stream.unwrap_or(false), self.echo());
        let one_call_at_most = self.parallel_tool_calls == Some(false);
        self.fill(&mut wishes, &mut noted);
        noted.finish()?;
        wishes.aim_at(settings.names.find(&model)?)?;
        Ok(Asked {
            wishes,
            model,
            streams,
            one_call_at_most,
            created_at: crate::openai::now(),
            echo,
        })
    }

    fn refuse_what_cannot_be(&self, noted: &mut Violations) {
        for (field, value) in [
            ("previous_response_id", &self.previous_response_id),
            ("conversation", &self.conversation),
            ("prompt", &self.prompt),
        ] {
            let unset = value.as_ref().is_none_or(Value::is_null);
            let why = "is not supported: nothing is stored here, send the whole conversation";
            noted.require(unset, field, why);
        }
        let now = self.background != Some(true);
        noted.require(now, "background", "is not supported");
        for (index, wanted) in self.include.iter().flatten().enumerate() {
            let known = wanted == LOGPROBS || wanted == "reasoning.encrypted_content";
            let field = format!("include[{index}]");
            noted.require(known, &field, "is nothing that there is here");
        }
    }

    fn echo(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("instructions", json!(self.instructions)),
            ("max_output_tokens", json!(self.max_output_tokens)),
            ("temperature", json!(self.temperature)),
            ("top_p", json!(self.top_p)),
            ("metadata", json!(self.metadata.clone().unwrap_or_default())),
            (
                "parallel_tool_calls",
                json!(self.parallel_tool_calls.unwrap_or(true)),
            ),
            (
                "tools",
                tools::echo(self.tools.as_deref().unwrap_or_default()),
            ),
            (
                "tool_choice",
                self.tool_choice
                    .as_ref()
                    .map_or_else(|| json!("auto"), Choice::echo),
            ),
        ]
    }

    /// Everything that goes into the orchestrator's request.
    fn fill(self, wishes: &mut Wishes, noted: &mut Violations) {
        let instructions = self.instructions.filter(|text| !text.is_empty());
        let instructions = instructions.map(|text| text_message(Role::System, text));
        let input = items::wire(self.input, noted);
        let request = &mut wishes.request;
        request.messages = instructions.into_iter().chain(input).collect();
        request.tools = tools::wire(self.tools.unwrap_or_default(), noted);
        let format = self.text.and_then(|text| text.format);
        match format.map(Format::wire).transpose() {
            Ok(format) => request.response_format = format.flatten(),
            Err(why) => noted.add("text.format", why),
        }
        match self.tool_choice.map(Choice::wire).transpose() {
            Ok(choice) => request.tool_choice = choice,
            Err(why) => noted.add("tool_choice", why),
        }
        let wanted = self
            .include
            .iter()
            .flatten()
            .any(|wanted| wanted == LOGPROBS);
        request.params = Some(GenerationParams {
            max_output_tokens: self.max_output_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: wishes.top_k,
            logprobs: wanted,
            top_logprobs: self.top_logprobs.filter(|_| wanted).unwrap_or(0),
            reasoning_effort: self.reasoning.and_then(|reasoning| reasoning.effort),
            ..GenerationParams::default()
        });
    }
}
