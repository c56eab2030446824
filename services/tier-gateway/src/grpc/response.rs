//! Answers and models of ours as wire messages.
//!
//! Nothing can fail here: what a wire message cannot say does not exist in ours.

use terrace_domain::{BackendName, Usage};
use terrace_proto::common::v1 as common;
use terrace_proto::common::v1::part::Kind;
use terrace_proto::gateway::v1 as wire;
use terrace_proto::gateway::v1::generate_stream_response::Event as WireEvent;

use crate::admit::Standing;
use crate::call::{Finish, TokenLogprob, ToolCall};
use crate::generate::{Delta, Event, Whole};
use crate::pull::Step;
use crate::registry::Listed;

/// A whole answer.
pub(super) fn whole(whole: Whole) -> wire::GenerateResponse {
    let calls = whole.tool_calls.into_iter().map(tool_call);
    // An answer of tool calls alone has no text, not an empty one.
    let is_text = !whole.text.is_empty() || calls.len() == 0;
    let text = is_text.then_some(common::Part {
        kind: Some(Kind::Text(whole.text)),
    });
    wire::GenerateResponse {
        output: Some(common::Message {
            role: common::Role::Assistant.into(),
            parts: text.into_iter().chain(calls).collect(),
        }),
        finish_reason: finish(whole.finished.finish).into(),
        usage: Some(whole.finished.usage.into()),
        served_model: whole.finished.served_model,
        logprobs: whole.logprobs.into_iter().map(logprob).collect(),
    }
}

fn tool_call(call: ToolCall) -> common::Part {
    common::Part {
        kind: Some(Kind::ToolCall(common::ToolCall {
            id: call.id,
            name: call.name,
            arguments_json: call.arguments,
        })),
    }
}

fn logprob(token: TokenLogprob) -> common::TokenLogprob {
    common::TokenLogprob {
        token: token.token,
        logprob: token.logprob,
        alternatives: token.alternatives.into_iter().map(logprob).collect(),
    }
}

/// One event of an answer.
pub(super) fn event(event: Event) -> wire::GenerateStreamResponse {
    let event = match event {
        Event::Delta(delta) => WireEvent::Delta(self::delta(delta)),
        Event::Usage(usage) => WireEvent::Usage(usage.into()),
        Event::Finished(finished) => WireEvent::Finished(wire::Finished {
            finish_reason: finish(finished.finish).into(),
            usage: Some(finished.usage.into()),
            served_model: finished.served_model,
        }),
    };
    wire::GenerateStreamResponse { event: Some(event) }
}

fn delta(delta: Delta) -> wire::Delta {
    wire::Delta {
        text: delta.text,
        logprobs: delta.logprobs.into_iter().map(logprob).collect(),
        tool_call: delta.tool_call.map(|piece| common::ToolCallDelta {
            index: piece.index,
            id: piece.id.unwrap_or_default(),
            name: piece.name.unwrap_or_default(),
            arguments_json: piece.arguments,
        }),
    }
}

/// Vectors.
pub(super) fn embedded(vectors: Vec<Vec<f32>>, usage: Usage) -> wire::EmbedResponse {
    let embedding = |values| common::Embedding { values };
    wire::EmbedResponse {
        embeddings: vectors.into_iter().map(embedding).collect(),
        usage: Some(usage.into()),
    }
}

/// One step of a fetch.
pub(super) fn pulled(step: Step) -> wire::PullModelResponse {
    match step {
        Step::Progress(progress) => wire::PullModelResponse {
            status: progress.status,
            completed_bytes: progress.completed_bytes,
            total_bytes: progress.total_bytes,
            done: false,
        },
        Step::Done => wire::PullModelResponse {
            status: "done".to_owned(),
            done: true,
            ..wire::PullModelResponse::default()
        },
    }
}

const fn finish(finish: Finish) -> common::FinishReason {
    match finish {
        Finish::Unknown => common::FinishReason::Unspecified,
        Finish::Stop => common::FinishReason::Stop,
        Finish::Length => common::FinishReason::Length,
        Finish::ToolCalls => common::FinishReason::ToolCalls,
        Finish::ContentFilter => common::FinishReason::ContentFilter,
    }
}

/// How busy the backend is.
pub(super) fn queue(backend: &BackendName, standing: Standing) -> common::BackendQueue {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    common::BackendQueue {
        backend: backend.to_string(),
        in_flight: number(standing.in_flight),
        waiting: number(standing.waiting),
        places: number(standing.places),
    }
}

/// A model with what it costs, can do, and whether it can be called.
pub(super) fn model(listed: Listed) -> common::Model {
    let model = &listed.served.model;
    let mut price = common::Price::from(model.price);
    price.version.clone_from(&model.price_version);
    price.gpu_hour_nano_usd = model.gpu_hour.get();
    let can = model.capabilities;
    common::Model {
        name: model.name.to_string(),
        tier: listed.served.tier.to_string(),
        backend: model.backend.to_string(),
        price: Some(price),
        context_window: model.context_window,
        default_max_output_tokens: model.max_output_tokens,
        capabilities: Some(common::Capabilities {
            code: can.code,
            vision: can.vision,
            tools: can.tools,
            json: can.json,
            // Every backend that can be held to JSON can be held to a schema.
            json_schema: can.json,
            logprobs: can.logprobs,
            embeddings: can.embeddings,
        }),
        available: listed.unavailable.is_none(),
        unavailable_because: listed.unavailable.unwrap_or_default(),
        scripted: listed.scripted,
    }
}
