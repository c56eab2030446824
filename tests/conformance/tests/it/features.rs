//! What a backend can do for a user, each as a check that can fail.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use terrace_conformance::server::Server;
use terrace_conformance::{Answer, Gateway, Kind, ask};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1 as common;
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1 as wire;
use terrace_testkit::provider::Reply;
use terrace_testkit::{Provider, Script};

/// A feature: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Whole,
    Streamed,
    Conversation,
    Picture,
    ToolCall,
    ToolResult,
    Schema,
    OutputCap,
    Stop,
    Seed,
    Sampling,
    TopK,
    Penalties,
    Logprobs,
    CountedUsage,
    EstimatedUsage,
    ContentFilter,
    Embeddings,
    Models,
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
    ToolResult,
    Schema,
    OutputCap,
    Stop,
    Seed,
    Sampling,
    TopK,
    Penalties,
    Logprobs,
    CountedUsage,
    EstimatedUsage,
    ContentFilter,
    Embeddings,
    Models,
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
            ToolResult => "results of tools",
            Schema => "JSON Schema",
            OutputCap => "cap on the output",
            Stop => "stop sequences",
            Seed => "seed",
            Sampling => "temperature, top_p",
            TopK => "top_k",
            Penalties => "penalties",
            Logprobs => "log-probabilities",
            CountedUsage => "usage as the backend counts it",
            EstimatedUsage => "usage estimated where it does not",
            ContentFilter => "a filtered answer is told as such",
            Embeddings => "embeddings",
            Models => "list of models",
            Pull => "fetching a model",
            Cancel => "a caller who leaves ends the work",
        }
    }

    /// The server to check it at: the real one where that can do it, else a simulator of another
    /// maker, and our own scripted one (`None`) where those cannot either.
    pub(crate) const fn server(self, kind: Kind) -> Option<Server> {
        match (self, kind) {
            (
                OutputCap | Cancel | EstimatedUsage | Embeddings | Models | Pull | Penalties,
                Kind::Ollama,
            )
            | (OutputCap | Cancel | EstimatedUsage | Pull, _) => match (self, kind) {
                (OutputCap, Kind::LlamaCpp) => Some(Server::Real),
                _ => None,
            },
            (
                Whole | Streamed | Conversation | Schema | Stop | Seed | Sampling | TopK
                | Penalties | Logprobs | CountedUsage | Models,
                Kind::LlamaCpp,
            )
            | (Whole | Streamed | Conversation | Sampling, Kind::Ollama) => Some(Server::Real),
            (Models, Kind::Anthropic) => None,
            (CountedUsage | Logprobs | ContentFilter, Kind::Ollama) => None,
            (Logprobs, _) => None,
            _ => Some(Server::Aimock),
        }
    }

    /// Checks it.
    pub(crate) async fn check(self, kind: Kind, server: Option<Server>) -> anyhow::Result<Found> {
        let own = Provider::start(script(self));
        let gateway = match server {
            Some(server) => {
                Gateway::new(&ask::settings(kind, &server.url(kind), &server.model(kind)))
            }
            None => {
                let url = match kind {
                    Kind::Ollama => own.url(),
                    _ => own.url() + "/v1",
                };
                Gateway::new(&ask::settings(kind, &url, "m"))
            }
        };
        match self {
            Whole => whole(&gateway).await,
            Embeddings => embeddings(&gateway).await,
            Models => models(&gateway).await,
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
                self.look(&answer)
            }
        }
    }

    /// The call that asks for it.
    fn call(self, gateway: &Gateway) -> wire::Generation {
        let mut call = gateway.call(match self {
            ToolCall => "What is the weather in Paris?",
            ContentFilter => "Say something filtered.",
            CountedUsage => "What is cached?",
            Schema => "Give the object of a city.",
            Stop | OutputCap => "Count from one to twenty.",
            _ => "Say hello.",
        });
        let mut params = common::GenerationParams::default();
        match self {
            Conversation => call.messages = conversation(),
            Picture => call.messages[0].parts.push(picture()),
            ToolCall => call.tools = vec![weather()],
            ToolResult => {
                call.tools = vec![weather()];
                call.messages.extend(tool_turns());
            }
            Schema => call.response_format = Some(schema()),
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
            Streamed => {
                ensured(answer.deltas.len() > 1 && finish != common::FinishReason::Unspecified)
            }
            ToolCall => {
                let call = answer.tool_calls.first().context("no tool call")?;
                let arguments: serde_json::Value = serde_json::from_str(&call.arguments_json)?;
                ensure!(finish == common::FinishReason::ToolCalls, "{finish:?}");
                ensured(
                    call.name == "get_weather"
                        && arguments["city"] == "Paris"
                        && !call.id.is_empty(),
                )
            }
            Schema => {
                let value: serde_json::Value = serde_json::from_str(&answer.text())?;
                ensured(value["city"].is_string())
            }
            OutputCap => {
                ensure!(usage.output_tokens <= 3, "{usage:?}");
                ensured(finish == common::FinishReason::Length)
            }
            Stop => ensured(!answer.text().contains('e') || answer.text().contains("simulated")),
            Logprobs if answer.logprobs == 0 => Ok(Found::Absent),
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
fn script(feature: Feature) -> Script {
    let reply = Reply::text("one two three four five six");
    let reply = match feature {
        EstimatedUsage => reply.usage(terrace_testkit::provider::UsageReport::Absent),
        ContentFilter => reply.finish("content_filter"),
        Cancel => reply.fault(terrace_testkit::provider::Fault::Stall { after: 1 }),
        _ => reply,
    };
    Script::serving(["m"]).otherwise(reply)
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

async fn models(gateway: &Gateway) -> anyhow::Result<Found> {
    let answer = gateway
        .client
        .clone()
        .list_models(wire::ListModelsRequest {})
        .await?;
    let models = answer.into_inner().models;
    ensured(models.len() == 1 && models[0].available && models[0].context_window > 0)
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
