//! `POST /v1/messages`, whole and as a stream.

mod narrator;
mod request;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use terrace_proto::common::v1::{FinishReason, ToolCall, Usage, part::Kind};
use terrace_proto::router::v1 as wire;

use super::error;
use crate::app::Edge;
use crate::refusal::Refusal;
use crate::{account, body, stream};
use narrator::Blocks;
pub(super) use request::Creation;

/// Answers one call.
pub(crate) async fn create(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    answered(&edge, request)
        .await
        .unwrap_or_else(|refusal| error::response(&refusal))
}

async fn answered(edge: &Edge, request: Request) -> Result<Response, Refusal> {
    let (head, content) = request.into_parts();
    let caller = edge.caller(&head.headers)?;
    let creation: Creation = body::json(&head.headers, content, &edge.settings).await?;
    let mut asked = creation.asked(&head.headers, &edge.settings)?;
    let call = edge.call(caller, &asked.wishes);
    if !asked.streams {
        let request = asked.wishes.request;
        let response = edge.orchestrator.route(request, &call).await?;
        let message = axum::Json(message(&response, asked.one_call_at_most));
        return Ok((account::headers(&response), message).into_response());
    }
    let blocks = Blocks::new(&asked);
    let request = asked.wishes.streamed(&edge.settings);
    let events = edge.orchestrator.route_stream(request, &call).await?;
    stream::respond(events, blocks, &edge.settings).await
}

/// Reads `bytes` as the body of a call.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], settings: &crate::config::Settings) -> Result<(), Refusal> {
    let body: Creation = body::decode(bytes)?;
    let mut asked = body.asked(&http::HeaderMap::new(), settings)?;
    drop(asked.wishes.streamed(settings));
    Ok(())
}

/// A whole answer.
fn message(response: &wire::RouteResponse, one_call_at_most: bool) -> Value {
    let decision = response.decision.clone().unwrap_or_default();
    json!({
        "id": id(&response.request_id),
        "type": "message",
        "role": "assistant",
        "model": decision.model,
        "content": content(response, one_call_at_most),
        "stop_reason": stop_reason(response.finish_reason()),
        "stop_sequence": null,
        "usage": usage(account::own_usage(response)),
        "terrace": account::response(response),
    })
}

fn content(response: &wire::RouteResponse, one_call_at_most: bool) -> Vec<Value> {
    let parts = response.output.iter().flat_map(|output| &output.parts);
    let (mut blocks, mut calls) = (Vec::new(), 0);
    for part in parts {
        match &part.kind {
            Some(Kind::Text(text)) if !text.is_empty() => {
                blocks.push(json!({"type": "text", "text": text}));
            }
            Some(Kind::ToolCall(call)) => {
                if calls == 0 || !one_call_at_most {
                    blocks.push(tool_use(call));
                }
                calls += 1;
            }
            _ => {}
        }
    }
    blocks
}

fn tool_use(call: &ToolCall) -> Value {
    json!({
        "type": "tool_use",
        "id": call.id,
        "name": call.name,
        "input": input(&call.arguments_json),
    })
}

/// The arguments of a call as an object, which this API has. What a model wrote that is none stands
/// in one under a name of its own: nothing is lost, and nobody takes it for arguments.
fn input(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(object @ Value::Object(_)) => object,
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({"_not_an_object": arguments}),
    }
}

/// Why the model stopped, in Anthropic's words. Which stop sequence it met nobody tells.
const fn stop_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
        FinishReason::Stop | FinishReason::Unspecified => "end_turn",
    }
}

/// Token counts as Anthropic has them: input tokens are those that no cache had to do with.
fn usage(usage: Usage) -> Value {
    let cached = usage.cached_input_tokens;
    let written = usage.cache_write_tokens;
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(cached).saturating_sub(written),
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
    })
}

/// The id of a message: the request's, with what Anthropic's ids begin with.
fn id(request_id: &str) -> String {
    format!("msg_{request_id}")
}

#[cfg(test)]
mod tests;
