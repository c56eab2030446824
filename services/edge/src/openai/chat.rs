//! `POST /v1/chat/completions`, whole and as a stream.

mod messages;
mod narrator;
mod request;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Value, json};
use terrace_proto::common::v1::{FinishReason, ToolCall, part::Kind};
use terrace_proto::router::v1 as wire;

use super::usage::Tokens;
use super::{error, logprobs, now};
use crate::account::Told;
use crate::app::Edge;
use crate::refusal::Refusal;
use crate::{account, body, stream};
use narrator::Chunks;
use request::Completion;

/// Answers one call.
pub(crate) async fn completions(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    answered(&edge, request)
        .await
        .unwrap_or_else(|refusal| error::response(&refusal))
}

async fn answered(edge: &Edge, request: Request) -> Result<Response, Refusal> {
    let (head, content) = request.into_parts();
    let caller = edge.caller(&head.headers)?;
    let completion: Completion = body::json(&head.headers, content, &edge.settings).await?;
    let mut asked = completion.asked(&head.headers, &edge.settings)?;
    let call = edge.call(caller, &asked.wishes);
    if !asked.streams {
        let response = edge.orchestrator.route(asked.wishes.request, &call).await?;
        return Ok(whole(&response, asked.one_call_at_most));
    }
    let chunks = Chunks::new(&asked);
    let request = asked.wishes.streamed(&edge.settings);
    let events = edge.orchestrator.route_stream(request, &call).await?;
    stream::respond(events, chunks, &edge.settings).await
}

/// Reads `bytes` as the body of a call.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], settings: &crate::config::Settings) -> Result<(), Refusal> {
    let body: Completion = body::decode(bytes)?;
    let mut asked = body.asked(&HeaderMap::new(), settings)?;
    drop(asked.wishes.streamed(settings));
    Ok(())
}

/// A whole answer.
fn whole(response: &wire::RouteResponse, one_call_at_most: bool) -> Response {
    let headers: HeaderMap = account::headers(response);
    (headers, axum::Json(completion(response, one_call_at_most))).into_response()
}

/// A whole answer as OpenAI writes it.
#[derive(Debug, Serialize)]
struct Completed<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice; 1],
    usage: Tokens,
    terrace: Told<'a>,
}

#[derive(Debug, Serialize)]
struct Choice {
    index: u32,
    message: Message,
    logprobs: Value,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    /// Always null: a refusal is text here.
    refusal: (),
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

fn completion(response: &wire::RouteResponse, one_call_at_most: bool) -> Completed<'_> {
    let decision = response.decision.as_ref();
    Completed {
        id: id(&response.request_id),
        object: "chat.completion",
        created: now(),
        model: decision.map_or("", |decision| decision.model.as_str()),
        choices: [Choice {
            index: 0,
            message: message(response, one_call_at_most),
            logprobs: logprobs::json(&response.logprobs),
            finish_reason: finish(response.finish_reason()),
        }],
        usage: Tokens::of(account::own_usage(response)),
        terrace: account::response(response),
    }
}

fn message(response: &wire::RouteResponse, one_call_at_most: bool) -> Message {
    let parts = response.output.iter().flat_map(|output| &output.parts);
    let (mut text, mut calls) = (None::<String>, Vec::new());
    for part in parts {
        match &part.kind {
            Some(Kind::Text(piece)) => text.get_or_insert_default().push_str(piece),
            Some(Kind::ToolCall(call)) => calls.push(call),
            _ => {}
        }
    }
    if one_call_at_most {
        calls.truncate(1);
    }
    Message {
        role: "assistant",
        content: text,
        refusal: (),
        tool_calls: calls.into_iter().map(tool_call).collect(),
    }
}

fn tool_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments_json},
    })
}

/// Why the model stopped, in OpenAI's words.
const fn finish(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Stop | FinishReason::Unspecified => "stop",
    }
}

/// The id of a completion: the request's, with what OpenAI's ids begin with.
fn id(request_id: &str) -> String {
    format!("chatcmpl-{request_id}")
}

#[cfg(test)]
mod tests;
