//! What a backend can do for a user, each as a check that can fail.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use terrace_conformance::server::Server;
use terrace_conformance::{Answer, Gateway, Kind, ask};
use terrace_domain::{Failure, ModelName, Reason};
use terrace_proto::common::v1 as common;
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1 as wire;
use terrace_testkit::provider::{Fault, Reply, UsageReport};
use terrace_testkit::{Provider, Script};
use terrace_tier_gateway::Settings;

use crate::sent;

/// A feature: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Whole,
    Streamed,
    Conversation,
    Picture,
    ToolCall,
    ToolChoice,
    ToolResult,
    Json,
    Schema,
    Reasoning,
    OutputCap,
    Stop,
    Seed,
    Sampling,
    TopK,
    Penalties,
    Logprobs,
    CountedUsage,
    CachedUsage,
    ReasoningUsage,
    EstimatedUsage,
    ContentFilter,
    Embeddings,
    Models,
    Window,
    Pull,
    Cancel,
}

use Feature::*;

pub(crate) const FEATURES: &[Feature] = &[
    Whole,
    Streamed,
    Conversation,
    Picture,
    ToolCall,
    ToolChoice,
    ToolResult,
    Json,
    Schema,
    Reasoning,
    OutputCap,
    Stop,
    Seed,
    Sampling,
    TopK,
    Penalties,
    Logprobs,
    CountedUsage,
    CachedUsage,
    ReasoningUsage,
    EstimatedUsage,
    ContentFilter,
    Embeddings,
    Models,
    Window,
    Pull,
    Cancel,
];

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It works.
    Yes,
    /// It was refused before the call, by name.
    Refused,
    /// The answer came without it.
    Absent,
}

impl Feature {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Whole => "whole answers",
            Streamed => "streamed answers",
            Conversation => "system prompts, several turns",
            Picture => "pictures",
            ToolCall => "tool calls",
            ToolChoice => "a tool that has to be called",
            ToolResult => "results of tools",
            Json => "JSON without a schema",
            Reasoning => "reasoning effort",
            Schema => "JSON Schema",
            OutputCap => "cap on the output",
            Stop => "stop sequences",
            Seed => "seed",
            Sampling => "temperature, top_p",
            TopK => "top_k",
            Penalties => "penalties",
            Logprobs => "log-probabilities",
            CountedUsage => "usage as the backend counts it",
            CachedUsage => "cached tokens told apart",
            ReasoningUsage => "reasoning tokens told apart",
            EstimatedUsage => "usage estimated where it does not",
            ContentFilter => "a filtered answer is told as such",
            Embeddings => "embeddings",
            Models => "list of models",
            Window => "context window as the backend runs it",
            Pull => "fetching a model",
            Cancel => "a caller who leaves ends the work",
        }
    }

    /// The server to check it at: the real one where that can do it, else a simulator of another
    /// maker, and our own scripted one (`None`) where those cannot either.
    pub(crate) const fn server(self, kind: Kind) -> Option<Server> {
        match (self, kind) {
            // Ours alone tells whether its caller left, what it was sent, and counts in all detail.
            (Cancel | EstimatedUsage | CachedUsage | ReasoningUsage | Pull | Reasoning, _) => None,
            (
                Whole | Streamed | Conversation | Schema | OutputCap | Stop | Seed | Sampling
                | TopK | Penalties | Logprobs | CountedUsage | Models | Window,
                Kind::LlamaCpp,
            )
            | (Whole | Streamed | Conversation | Sampling, Kind::Ollama) => Some(Server::Real),
            (OutputCap | Logprobs | Window, _) => None,
            (Embeddings | Models | Penalties | CountedUsage | ContentFilter, Kind::Ollama) => None,
            (Models | ContentFilter, Kind::Anthropic) => None,
            _ => Some(Server::Aimock),
        }
    }

    /// Checks it.
    pub(crate) async fn check(self, kind: Kind, server: Option<Server>) -> anyhow::Result<Found> {
        let own = Provider::start(script(self, kind));
        let settings = match server {
            Some(server) => ask::settings(kind, &server.url(kind), &server.model(kind)),
            None => own_settings(kind, &own),
        };
        match self {
            Models => return models(settings).await,
            Window => return window(settings).await,
            _ => {}
        }
        let gateway = Gateway::new(&settings);
        match self {
            Whole => whole(&gateway).await,
            Embeddings => embeddings(&gateway).await,
            Pull => refused_or(gateway.pull().await, |steps| ensured(steps > 1)),
            Cancel => cancel(&gateway, &own).await,
            _ => {
                let answer = gateway.stream(self.call(&gateway)).await;
                if is_refused(answer.failure.as_ref()) {
                    return Ok(Found::Refused);
                }
                if let Some(failure) = &answer.failure {
                    anyhow::bail!("{failure}");
                }
                let found = self.look(&answer)?;
                let is_sent = self.ensure_sent(kind).await?;
                Ok(if is_sent { found } else { Found::Absent })
            }
        }
    }

    /// Sees to it that what the call asks for is really in what the backend gets: a simulator may
    /// answer as if it were. `false` when the wire has no word for it.
    async fn ensure_sent(self, kind: Kind) -> anyhow::Result<bool> {
        let Some(sent) = sent::expected(self, kind) else {
            return Ok(self != Json);
        };
        let own = Provider::start(script(self, kind));
        let gateway = Gateway::new(&own_settings(kind, &own));
        let answer = gateway.stream(self.call(&gateway)).await;
        ensure!(answer.failure.is_none(), "{:?}", answer.failure);
        let seen = own.requests();
        let body = &seen.first().context("no call")?.body;
        ensure!(
            body.pointer(sent.at) == Some(&sent.value),
            "{} is not {} in {body}",
            sent.at,
            sent.value
        );
        Ok(true)
    }

    /// The call that asks for it.
    fn call(self, gateway: &Gateway) -> wire::Generation {
        let mut call = gateway.call(match self {
            ToolCall | ToolChoice => "What is the weather in Paris?",
            ContentFilter => "Say something filtered.",
            CountedUsage => "What is cached?",
            Json | Schema => "Give the object of a city.",
            Stop | OutputCap => "Count from one to twenty.",
            _ => "Say hello.",
        });
        let mut params = common::GenerationParams::default();
        match self {
            Conversation => call.messages = conversation(),
            Picture => call.messages[0].parts.push(picture()),
            ToolCall => call.tools = vec![weather()],
            ToolChoice => {
                call.tools = vec![weather()];
                call.tool_choice = Some(common::ToolChoice {
                    mode: common::tool_choice::Mode::Required.into(),
                    ..common::ToolChoice::default()
                });
            }
            ToolResult => {
                call.tools = vec![weather()];
                call.messages.extend(tool_turns());
            }
            Json => call.response_format = Some(json()),
            Schema => call.response_format = Some(schema()),
            Reasoning => {
                params.reasoning_effort = Some("low".into());
                params.max_output_tokens = Some(2048);
            }
            OutputCap => params.max_output_tokens = Some(3),
            Stop => params.stop = vec!["e".into()],
            Seed => params.seed = Some(7),
            Sampling => (params.temperature, params.top_p) = (Some(0.2), Some(0.9)),
            TopK => params.top_k = Some(5),
            Penalties => params.frequency_penalty = Some(0.5),
            Logprobs => params.top_logprobs = 2,
            _ => {}
        }
        call.params = Some(params);
        call
    }

    /// Whether an answer shows it.
    fn look(self, answer: &Answer) -> anyhow::Result<Found> {
        let usage = answer.usage.context("no usage")?;
        let finish = answer.finish.context("no end")?;
        match self {
            // In how many pieces depends on how they come: those that wait together go on as one.
            Streamed => {
                ensured(!answer.deltas.is_empty() && finish != common::FinishReason::Unspecified)
            }
            ToolCall | ToolChoice => {
                let call = answer.tool_calls.first().context("no tool call")?;
                let arguments: serde_json::Value = serde_json::from_str(&call.arguments_json)?;
                ensure!(finish == common::FinishReason::ToolCalls, "{finish:?}");
                ensured(
                    call.name == "get_weather"
                        && arguments["city"] == "Paris"
                        && !call.id.is_empty(),
                )
            }
            Json | Schema => {
                let value: serde_json::Value = serde_json::from_str(&answer.text())?;
                ensured(value["city"].is_string())
            }
            OutputCap => {
                ensure!(usage.output_tokens <= 3, "{usage:?}");
                ensured(finish == common::FinishReason::Length)
            }
            Stop => ensured(!answer.text().contains('e') || answer.text().contains("simulated")),
            Logprobs if answer.logprobs == 0 => Ok(Found::Absent),
            CachedUsage if usage.cached_input_tokens == 0 => Ok(Found::Absent),
            CachedUsage => ensured(usage.cached_input_tokens < usage.input_tokens),
            ReasoningUsage if usage.reasoning_tokens == 0 => Ok(Found::Absent),
            ReasoningUsage => ensured(usage.reasoning_tokens < usage.output_tokens),
            CountedUsage => {
                ensured(!usage.estimated && usage.input_tokens > 0 && usage.output_tokens > 0)
            }
            EstimatedUsage => {
                ensured(usage.estimated && usage.input_tokens > 0 && usage.output_tokens > 0)
            }
            // Ollama has no word for it.
            ContentFilter if finish == common::FinishReason::Unspecified => Ok(Found::Absent),
            ContentFilter => ensured(finish == common::FinishReason::ContentFilter),
            _ => ensured(!answer.text().is_empty()),
        }
    }
}

/// What our own scripted server says.
fn script(feature: Feature, kind: Kind) -> Script {
    let reply = Reply::text("one two three four five six");
    let reply = match feature {
        EstimatedUsage => reply.usage(UsageReport::Absent),
        CachedUsage => reply.usage(UsageReport::Counts {
            input: 40,
            cached: 30,
            output: 20,
        }),
        ReasoningUsage => reply.usage(UsageReport::Thought {
            input: 40,
            output: 20,
            reasoning: 12,
        }),
        ContentFilter => reply.finish("content_filter"),
        Cancel => reply.fault(Fault::Stall { after: 1 }),
        _ => reply,
    };
    Script {
        // vLLM lists it; OpenAI and those of whom nothing is known do not.
        context_window: (feature == Window && kind == Kind::Vllm).then_some(1024),
        ..Script::serving(["m"]).otherwise(reply)
    }
}

/// A gateway in front of our own scripted server.
fn own_settings(kind: Kind, own: &Provider) -> Settings {
    let url = match kind {
        Kind::Ollama => own.url(),
        _ => own.url() + "/v1",
    };
    ask::settings(kind, &url, "m")
}

fn ensured(holds: bool) -> anyhow::Result<Found> {
    ensure!(holds, "the answer does not show it");
    Ok(Found::Yes)
}

fn is_refused(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.reason == Reason::CapabilityMissing)
}

fn refused_or<T>(
    answer: Result<T, Failure>,
    look: impl FnOnce(T) -> anyhow::Result<Found>,
) -> anyhow::Result<Found> {
    match answer {
        Err(failure) if is_refused(Some(&failure)) => Ok(Found::Refused),
        Err(failure) => anyhow::bail!("{failure}"),
        Ok(answer) => look(answer),
    }
}

async fn whole(gateway: &Gateway) -> anyhow::Result<Found> {
    let answer = gateway.whole(gateway.call("Say hello.")).await;
    refused_or(answer, |answer| {
        let output = answer.output.context("no output")?;
        ensured(!output.parts.is_empty() && answer.usage.is_some())
    })
}

async fn embeddings(gateway: &Gateway) -> anyhow::Result<Found> {
    refused_or(gateway.embed(&["a", "bbb"]).await, |answer| {
        let vectors = &answer.embeddings;
        ensure!(vectors.len() == 2, "{} vectors", vectors.len());
        ensured(vectors[0].values != vectors[1].values)
    })
}

/// Whether the backend's own list tells a model that it has from one that it lacks.
async fn models(mut settings: Settings) -> anyhow::Result<Found> {
    let mut absent = settings.models[0].clone();
    absent.model.name = ModelName::new("no-such-model")?;
    settings.models.push(absent);
    let models = Gateway::started(&settings).await.models().await?;
    let available: Vec<bool> = models.iter().map(|model| model.available).collect();
    match available[..] {
        [true, false] => Ok(Found::Yes),
        [true, true] => Ok(Found::Absent),
        _ => anyhow::bail!("{models:?}"),
    }
}

/// Whether the window comes from the backend: the one of the config is another.
async fn window(mut settings: Settings) -> anyhow::Result<Found> {
    const IN_CONFIG: u32 = 100_000;
    let model = &mut settings.models[0].model;
    model.context_window = IN_CONFIG;
    model.known.context_window = false;
    let models = Gateway::started(&settings).await.models().await?;
    Ok(match models[0].context_window {
        IN_CONFIG => Found::Absent,
        _ => Found::Yes,
    })
}

async fn cancel(gateway: &Gateway, own: &Provider) -> anyhow::Result<Found> {
    let soon = Duration::from_secs(5);
    let call = gateway.stream(gateway.call("Say hello."));
    let left = tokio::time::timeout(Duration::from_millis(300), call).await;
    ensure!(left.is_err(), "it should still be talking");
    ensured(own.wait_open(0, soon).await && own.requests()[0].hung_up)
}

fn conversation() -> Vec<common::Message> {
    vec![
        text_message(common::Role::System, "You are brief."),
        text_message(common::Role::User, "My name is Ada."),
        text_message(common::Role::Assistant, "Hello Ada."),
        text_message(common::Role::User, "What is my name?"),
    ]
}

/// The smallest PNG: one pixel.
fn picture() -> common::Part {
    const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xa7\x9a\x9d\xb9\0\0\0\0IEND\xaeB`\x82";
    common::Part {
        kind: Some(common::part::Kind::Image(common::Image {
            data: PIXEL.to_vec(),
            media_type: "image/png".into(),
        })),
    }
}

fn weather() -> common::Tool {
    common::Tool {
        name: "get_weather".into(),
        description: "Tells the weather of a city.".into(),
        parameters_json_schema:
            r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#
                .into(),
    }
}

fn tool_turns() -> [common::Message; 2] {
    let part = |kind| vec![common::Part { kind: Some(kind) }];
    let call = common::ToolCall {
        id: "call_1".into(),
        name: "get_weather".into(),
        arguments_json: r#"{"city":"Paris"}"#.into(),
    };
    let result = common::ToolResult {
        tool_call_id: "call_1".into(),
        content: "sunny".into(),
        is_error: false,
    };
    [
        common::Message {
            role: common::Role::Assistant.into(),
            parts: part(common::part::Kind::ToolCall(call)),
        },
        common::Message {
            role: common::Role::Tool.into(),
            parts: part(common::part::Kind::ToolResult(result)),
        },
    ]
}

fn json() -> common::ResponseFormat {
    common::ResponseFormat {
        kind: Some(common::response_format::Kind::Json(common::JsonFormat {})),
    }
}

fn schema() -> common::ResponseFormat {
    let schema = common::JsonSchemaFormat {
        name: "city".into(),
        schema_json: r#"{"type":"object","properties":{"city":{"type":"string","maxLength":12}},"required":["city"],"additionalProperties":false}"#.into(),
        strict: true,
    };
    common::ResponseFormat {
        kind: Some(common::response_format::Kind::JsonSchema(schema)),
    }
}
