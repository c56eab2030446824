//! The body of a call, and the request of the orchestrator that it becomes.
//!
//! Fields that nobody knows are passed over; fields that change the answer and that nothing here can
//! honour are refused by name.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use terrace_domain::Violations;
use terrace_proto::common::v1::tool_choice::Mode;
use terrace_proto::common::v1::{
    GenerationParams, JsonSchemaFormat, Message, Part, ResponseFormat, Role, Tool, ToolChoice,
    part::Kind, response_format,
};

use crate::anthropic::blocks::{self, Block, Turn};
use crate::config::Settings;
use crate::refusal::Refusal;
use crate::text_or::TextOr;
use crate::wishes::{Told, Wishes};

/// The body of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::anthropic) struct Creation {
    model: Option<String>,
    messages: Vec<Turn>,
    system: Option<TextOr<Block>>,
    max_tokens: Option<u32>,
    stop_sequences: Option<Vec<String>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    stream: Option<bool>,
    tools: Option<Vec<Offered>>,
    tool_choice: Option<Choice>,
    thinking: Option<Thinking>,
    output_config: Option<OutputConfig>,
    output_format: Option<Format>,
    metadata: Option<Map<String, Value>>,
    terrace: Option<Map<String, Value>>,
    mcp_servers: Option<Vec<Value>>,
    container: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Offered {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    input_schema: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    budget_tokens: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputConfig {
    effort: Option<String>,
    format: Option<Format>,
}

#[derive(Debug, Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    schema: Option<Value>,
}

/// What is asked for.
#[derive(Debug)]
pub(in crate::anthropic) struct Asked {
    pub(in crate::anthropic) wishes: Wishes,
    /// The name that the caller gave the model.
    pub(super) model: String,
    pub(super) streams: bool,
    /// Whether calls of tools after the first are left out.
    pub(super) one_call_at_most: bool,
}

impl Creation {
    /// Reads everything, headers too; every wrong field is named at once.
    ///
    /// # Errors
    /// A field is wrong, or there is no model of that name.
    pub(super) fn asked(self, headers: &HeaderMap, settings: &Settings) -> Result<Asked, Refusal> {
        let needed = self.max_tokens.is_some();
        self.read(headers, settings, needed)
    }

    /// The same for a call that only counts: it has no output to limit.
    pub(in crate::anthropic) fn counted(
        self,
        headers: &HeaderMap,
        settings: &Settings,
    ) -> Result<Asked, Refusal> {
        self.read(headers, settings, true)
    }

    fn read(
        mut self,
        headers: &HeaderMap,
        settings: &Settings,
        has_limit: bool,
    ) -> Result<Asked, Refusal> {
        let mut noted = Violations::new();
        noted.require(has_limit, "max_tokens", "is missing");
        self.refuse_what_cannot_be(&mut noted);
        let told = Told {
            terrace: self.terrace.as_ref(),
            metadata: self.metadata.as_ref(),
        };
        let mut wishes = Wishes::read(headers, told, &mut noted);
        let model = self.model.take().unwrap_or_default();
        noted.require(!model.is_empty(), "model", "must not be empty");
        let streams = self.stream.unwrap_or(false);
        let choice = self.tool_choice.as_ref();
        let one_call_at_most =
            choice.and_then(|choice| choice.disable_parallel_tool_use) == Some(true);
        self.fill(&mut wishes, &mut noted);
        noted.finish()?;
        wishes.aim_at(settings.names.find(&model)?)?;
        Ok(Asked {
            wishes,
            model,
            streams,
            one_call_at_most,
        })
    }

    fn refuse_what_cannot_be(&self, noted: &mut Violations) {
        let alone = self.mcp_servers.as_ref().is_none_or(Vec::is_empty);
        noted.require(alone, "mcp_servers", "are not supported");
        let bare = self.container.as_ref().is_none_or(Value::is_null);
        noted.require(bare, "container", "is not supported");
    }

    /// Everything that goes into the orchestrator's request.
    fn fill(self, wishes: &mut Wishes, noted: &mut Violations) {
        let request = &mut wishes.request;
        let system = self.system.and_then(|system| system_turn(system, noted));
        let turns = blocks::wire(self.messages, noted);
        request.messages = system.into_iter().chain(turns).collect();
        request.tools = tools(self.tools.unwrap_or_default(), noted);
        request.tool_choice = self.tool_choice.and_then(|choice| choice.wire(noted));
        let output = self.output_config.unwrap_or_default();
        let format = self.output_format.or(output.format);
        request.response_format = format.and_then(|format| format.wire(noted));
        request.params = Some(GenerationParams {
            max_output_tokens: self.max_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k.or(wishes.top_k),
            stop: self.stop_sequences.unwrap_or_default(),
            reasoning_effort: output.effort.or_else(|| effort(self.thinking, noted)),
            ..GenerationParams::default()
        });
    }
}

fn system_turn(system: TextOr<Block>, noted: &mut Violations) -> Option<Message> {
    let texts = match system {
        TextOr::Text(text) => vec![text],
        TextOr::List(blocks) => blocks::texts(blocks, "system", noted),
    };
    let parts = texts.into_iter().filter(|text| !text.is_empty());
    let parts: Vec<Part> = parts
        .map(|text| Part {
            kind: Some(Kind::Text(text)),
        })
        .collect();
    (!parts.is_empty()).then(|| Message {
        role: Role::System.into(),
        parts,
    })
}

fn tools(tools: Vec<Offered>, noted: &mut Violations) -> Vec<Tool> {
    let tools = tools.into_iter().enumerate();
    let tools = tools.map(|(index, tool)| {
        if tool.kind.is_some_and(|kind| kind != "custom") {
            noted.add(
                format!("tools[{index}].type"),
                "has to be custom: tools that the provider itself defines are not supported",
            );
        }
        let schema = tool.input_schema.filter(|schema| !schema.is_null());
        Tool {
            name: tool.name,
            description: tool.description.unwrap_or_default(),
            parameters_json_schema: schema.map(|schema| schema.to_string()).unwrap_or_default(),
        }
    });
    tools.collect()
}

impl Choice {
    fn wire(self, noted: &mut Violations) -> Option<ToolChoice> {
        let mode = match self.kind.as_str() {
            "auto" => Mode::Auto,
            "any" => Mode::Required,
            "none" => Mode::None,
            "tool" => Mode::Named,
            _ => {
                noted.add("tool_choice.type", "has to be auto, any, tool or none");
                return None;
            }
        };
        Some(ToolChoice {
            mode: mode.into(),
            tool_name: self.name.unwrap_or_default(),
        })
    }
}

impl Format {
    fn wire(self, noted: &mut Violations) -> Option<ResponseFormat> {
        let Some(schema) = self.schema.filter(|_| self.kind == "json_schema") else {
            noted.add(
                "output_format",
                "has to be of type json_schema, with a `schema`",
            );
            return None;
        };
        let kind = response_format::Kind::JsonSchema(JsonSchemaFormat {
            name: String::new(),
            schema_json: schema.to_string(),
            strict: true,
        });
        Some(ResponseFormat { kind: Some(kind) })
    }
}

/// How much a model is to think, in the three steps that the router knows: a budget of tokens is
/// nearest to one of them. The thoughts themselves do not come back.
fn effort(thinking: Option<Thinking>, noted: &mut Violations) -> Option<String> {
    let thinking = thinking?;
    let effort = match (thinking.kind.as_str(), thinking.budget_tokens) {
        ("disabled" | "adaptive", _) => return None,
        ("enabled", Some(0..4096)) => "low",
        ("enabled", Some(4096..16_384)) => "medium",
        ("enabled", _) => "high",
        _ => {
            noted.add("thinking.type", "has to be enabled, disabled or adaptive");
            return None;
        }
    };
    Some(effort.to_owned())
}
