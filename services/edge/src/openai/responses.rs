//! `POST /v1/responses`, whole and as a stream: text and tools, without a memory of earlier ones.

mod items;
mod narrator;
mod request;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use terrace_proto::common::v1::{FinishReason, TokenLogprob, ToolCall, Usage, part::Kind};
use terrace_proto::router::v1 as wire;

use super::{error, logprobs};
use crate::app::Edge;
use crate::refusal::Refusal;
use crate::{account, body, stream};
use narrator::Items;
use request::{Asked, Creation};

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
        let request = std::mem::take(&mut asked.wishes.request);
        let response = edge.orchestrator.route(request, &call).await?;
        let whole = axum::Json(whole(&response, &asked));
        return Ok((account::headers(&response), whole).into_response());
    }
    let request = asked.wishes.streamed(&edge.settings);
    let events = edge.orchestrator.route_stream(request, &call).await?;
    stream::respond(events, Items::new(asked), &edge.settings).await
}

/// Reads `bytes` as the body of a call.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], settings: &crate::config::Settings) -> Result<(), Refusal> {
    let body: Creation = body::decode(bytes)?;
    let mut asked = body.asked(&http::HeaderMap::new(), settings)?;
    drop(asked.wishes.streamed(settings));
    Ok(())
}

/// A whole response.
fn whole(response: &wire::RouteResponse, asked: &Asked) -> Value {
    let decision = response.decision.clone().unwrap_or_default();
    let mut told = frame(&id(&response.request_id), &decision.model, asked);
    close(&mut told, response, output(response, asked));
    told
}

/// What a response is before anything is answered.
fn frame(id: &str, model: &str, asked: &Asked) -> Value {
    let mut frame = json!({
        "id": id,
        "object": "response",
        "created_at": asked.created_at,
        "status": "in_progress",
        "error": null,
        "incomplete_details": null,
        "model": model,
        "output": [],
        "previous_response_id": null,
        "store": false,
        "usage": null,
    });
    for (field, value) in &asked.echo {
        frame[*field] = value.clone();
    }
    frame
}

/// Completes a response.
fn close(told: &mut Value, response: &wire::RouteResponse, output: Vec<Value>) {
    let cut = match response.finish_reason() {
        FinishReason::Length => Some("max_output_tokens"),
        FinishReason::ContentFilter => Some("content_filter"),
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Unspecified => None,
    };
    told["status"] = json!(if cut.is_some() {
        "incomplete"
    } else {
        "completed"
    });
    told["incomplete_details"] = cut.map_or(Value::Null, |reason| json!({"reason": reason}));
    told["output"] = Value::Array(output);
    told["usage"] = usage(account::own_usage(response));
    told["terrace"] = json!(account::response(response));
}

fn output(response: &wire::RouteResponse, asked: &Asked) -> Vec<Value> {
    let parts = response.output.iter().flat_map(|output| &output.parts);
    let (mut text, mut calls) = (None::<String>, Vec::new());
    for part in parts {
        match &part.kind {
            Some(Kind::Text(piece)) => text.get_or_insert_default().push_str(piece),
            Some(Kind::ToolCall(call)) => calls.push(call),
            _ => {}
        }
    }
    if asked.one_call_at_most {
        calls.truncate(1);
    }
    let message =
        text.map(|text| message(&response.request_id, &text, &response.logprobs, "completed"));
    let calls = calls
        .into_iter()
        .map(|call| function_call(call, "completed"));
    message.into_iter().chain(calls).collect()
}

fn message(request_id: &str, text: &str, tokens: &[TokenLogprob], status: &str) -> Value {
    json!({
        "id": message_id(request_id),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [part(text, tokens)],
    })
}

fn part(text: &str, tokens: &[TokenLogprob]) -> Value {
    json!({
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": logprobs::content(tokens),
    })
}

fn function_call(call: &ToolCall, status: &str) -> Value {
    json!({
        "id": format!("fc_{}", call.id),
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments_json,
    })
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}

fn id(request_id: &str) -> String {
    format!("resp_{request_id}")
}

fn message_id(request_id: &str) -> String {
    format!("msg_{request_id}")
}

#[cfg(test)]
mod tests;
