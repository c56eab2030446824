//! The Anthropic wire: messages, whole and as server-sent events, and the list of models.
//!
//! Only what clients of a chat use; sampling parameters are taken and ignored.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};

use super::play::{Ask, End, Wire, play};
use super::script::ToolCall;
use super::state::{Arrival, Shared};

const MESSAGES: &str = "/v1/messages";

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route(MESSAGES, post(messages))
}

async fn messages(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !shared.admits(&headers) {
        return error(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid x-api-key",
        );
    }
    let Some(arrival) = Arrival::read(MESSAGES, headers, &body) else {
        let what = "the body is no message";
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", what);
    };
    if !shared.has(&arrival.seen.model) {
        let model = format!("model: {}", arrival.seen.model);
        return error(StatusCode::NOT_FOUND, "not_found_error", &model);
    }
    let request = &arrival.seen.body;
    let Some(cap) = request["max_tokens"].as_u64() else {
        let what = "max_tokens: Field required";
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", what);
    };
    let wire = Anthropic {
        model: arrival.seen.model.clone(),
    };
    let ask = Ask {
        stream: request["stream"] == true,
        prompt_bytes: arrival.seen.prompt.len(),
        max_tokens: usize::try_from(cap).ok(),
    };
    let (reply, open) = shared.take(arrival);
    play(&wire, &reply, ask, open).await
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({"type": "error", "error": {"type": kind, "message": message}});
    (status, Json(body)).into_response()
}

struct Anthropic {
    model: String,
}

impl Anthropic {
    fn write(&self, event: &Value) -> Bytes {
        self.event(&event.to_string())
    }
}

/// Input without what came from the cache, as Anthropic counts it.
fn usage_json(end: &End) -> Value {
    let Some(counts) = end.usage else {
        return json!({});
    };
    json!({"input_tokens": counts.input.saturating_sub(counts.cached),
        "cache_read_input_tokens": counts.cached, "output_tokens": counts.output})
}

fn stop_reason(finish_reason: &str) -> &str {
    match finish_reason {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "refusal",
        other => other,
    }
}

impl Wire for Anthropic {
    const STREAM_TYPE: &'static str = "text/event-stream";

    fn opening(&self) -> Vec<Bytes> {
        let message = json!({"id": "msg_scripted", "type": "message", "role": "assistant",
            "model": self.model, "content": []});
        let block = json!({"type": "text", "text": ""});
        vec![
            self.write(&json!({"type": "message_start", "message": message})),
            self.write(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
        ]
    }

    fn piece(&self, text: &str) -> Bytes {
        let delta = json!({"type": "text_delta", "text": text});
        self.write(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    }

    fn tool_call(&self, call: &ToolCall) -> Vec<Bytes> {
        let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
        let delta = json!({"type": "input_json_delta", "partial_json": call.arguments});
        vec![
            self.write(&json!({"type": "content_block_start", "index": 1, "content_block": block})),
            self.write(&json!({"type": "content_block_delta", "index": 1, "delta": delta})),
        ]
    }

    fn closing(&self, end: &End) -> Vec<Bytes> {
        let delta = json!({"stop_reason": stop_reason(&end.finish_reason)});
        let usage = usage_json(end);
        vec![
            self.write(&json!({"type": "message_delta", "delta": delta, "usage": usage})),
            self.write(&json!({"type": "message_stop"})),
        ]
    }

    fn whole(&self, text: &str, end: &End) -> Value {
        json!({"id": "msg_scripted", "type": "message", "role": "assistant", "model": self.model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop_reason(&end.finish_reason), "usage": usage_json(end)})
    }

    fn error(&self, _status: StatusCode) -> Value {
        let error = json!({"type": "api_error", "message": "scripted failure"});
        json!({"type": "error", "error": error})
    }

    fn event(&self, json: &str) -> Bytes {
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        let name = value["type"].as_str().unwrap_or("message");
        Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
    }
}
