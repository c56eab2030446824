//! The OpenAI wire: chat completions, whole and as server-sent events, and the list of models.
//!
//! Only what clients of a chat use; sampling parameters are taken and ignored.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};

use super::play::{Ask, Counts, End, Wire, play};
use super::script::{ToolCall, UnknownModel};
use super::state::{Arrival, Shared};

const CHAT: &str = "/v1/chat/completions";

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(CHAT, post(chat))
        .route("/v1/models", get(models))
        .route("/health", get(health))
        .route("/v1/embeddings", post(embeddings))
}

async fn embeddings(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let model = body["model"].as_str().unwrap_or_default();
    if !shared.admits(&headers) {
        return unauthorized();
    }
    if !shared.has(model) {
        return unknown_model(shared.unknown_model(), model);
    }
    let texts = body["input"].as_array().cloned().unwrap_or_default();
    let vectors = texts.iter().map(vector).enumerate();
    let data: Vec<Value> = vectors
        .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    let tokens = texts.len() * 2;
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Json(json!({"object": "list", "model": model, "data": data, "usage": usage})).into_response()
}

/// A piece as one token, with one alternative.
pub(super) fn logprob(text: &str) -> Value {
    let other = json!({"token": "?", "logprob": -2.0, "bytes": [63]});
    json!({"token": text, "logprob": -0.25, "bytes": text.as_bytes(), "top_logprobs": [other]})
}

/// A vector that tells texts of different lengths apart.
pub(super) fn vector(text: &Value) -> Value {
    let length = text.as_str().map_or(0, str::len);
    json!([length, 1, 0])
}

async fn health(State(shared): State<Arc<Shared>>) -> StatusCode {
    if shared.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if !shared.admits(&headers) {
        return unauthorized();
    }
    let data: Vec<Value> = shared
        .models()
        .into_iter()
        .map(|id| {
            let mut model =
                json!({"id": id, "object": "model", "created": 0, "owned_by": "testkit"});
            if let Some(tokens) = shared.context_window() {
                model["max_model_len"] = tokens.into();
            }
            model
        })
        .collect();
    Json(json!({"object": "list", "data": data})).into_response()
}

async fn chat(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !shared.admits(&headers) {
        return unauthorized();
    }
    let Some(arrival) = Arrival::read(CHAT, headers, &body) else {
        return error(StatusCode::BAD_REQUEST, "the body is no chat request", None);
    };
    if !shared.has(&arrival.seen.model) {
        return unknown_model(shared.unknown_model(), &arrival.seen.model);
    }
    let request = &arrival.seen.body;
    let wire = OpenAi {
        model: arrival.seen.model.clone(),
        usage_in_stream: request["stream_options"]["include_usage"] == true,
        logprobs: request["logprobs"] == true,
    };
    let cap = request["max_completion_tokens"]
        .as_u64()
        .or_else(|| request["max_tokens"].as_u64());
    let ask = Ask {
        stream: request["stream"] == true,
        prompt_bytes: arrival.seen.prompt.len(),
        max_tokens: cap.and_then(|cap| usize::try_from(cap).ok()),
    };
    let (reply, open) = shared.take(arrival);
    play(&wire, &reply, ask, open).await
}

fn unauthorized() -> Response {
    error(
        StatusCode::UNAUTHORIZED,
        "Incorrect API key provided.",
        Some("invalid_api_key"),
    )
}

fn unknown_model(how: UnknownModel, model: &str) -> Response {
    match how {
        UnknownModel::NotFound => error(
            StatusCode::NOT_FOUND,
            &format!("The model `{model}` does not exist or you do not have access to it."),
            Some("model_not_found"),
        ),
        UnknownModel::BadRequest => {
            let message = format!("model '{model}' not found");
            let body = json!({"error": {"code": 400, "message": message,
                "type": "invalid_request_error"}});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

fn error(status: StatusCode, message: &str, code: Option<&str>) -> Response {
    let body = json!({"error": {"message": message, "type": "invalid_request_error",
        "param": null, "code": code}});
    (status, Json(body)).into_response()
}

struct OpenAi {
    model: String,
    usage_in_stream: bool,
    logprobs: bool,
}

impl OpenAi {
    fn chunk(&self, choices: &Value, usage: Option<Counts>) -> Bytes {
        let mut chunk = json!({"id": "chatcmpl-scripted", "object": "chat.completion.chunk",
            "created": 0, "model": self.model, "choices": choices});
        if let Some(counts) = usage {
            chunk["usage"] = usage_json(counts);
        }
        self.event(&chunk.to_string())
    }
}

fn usage_json(counts: Counts) -> Value {
    json!({"prompt_tokens": counts.input, "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning}})
}

impl Wire for OpenAi {
    const STREAM_TYPE: &'static str = "text/event-stream";

    fn piece(&self, text: &str) -> Bytes {
        let mut choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
        if self.logprobs {
            choice["logprobs"] = json!({"content": [logprob(text)]});
        }
        self.chunk(&json!([choice]), None)
    }

    fn tool_call(&self, call: &ToolCall) -> Vec<Bytes> {
        let piece = |call: Value| {
            let delta = json!({"tool_calls": [call]});
            self.chunk(
                &json!([{"index": 0, "delta": delta, "finish_reason": null}]),
                None,
            )
        };
        let function = json!({"name": call.name, "arguments": ""});
        vec![
            piece(json!({"index": 0, "id": call.id, "type": "function", "function": function})),
            piece(json!({"index": 0, "function": {"arguments": call.arguments}})),
        ]
    }

    fn closing(&self, end: &End) -> Vec<Bytes> {
        let choice = json!([{"index": 0, "delta": {}, "finish_reason": end.finish_reason}]);
        let mut events = vec![self.chunk(&choice, None)];
        if let Some(counts) = end.usage.filter(|_| self.usage_in_stream) {
            events.push(self.chunk(&json!([]), Some(counts)));
        }
        events.push(self.event("[DONE]"));
        events
    }

    fn whole(&self, text: &str, end: &End) -> Value {
        let mut whole = json!({"id": "chatcmpl-scripted", "object": "chat.completion",
            "created": 0, "model": self.model, "choices": [{"index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": end.finish_reason}]});
        if let Some(counts) = end.usage {
            whole["usage"] = usage_json(counts);
        }
        whole
    }

    fn error(&self, status: StatusCode) -> Value {
        json!({"error": {"message": "scripted failure", "type": "server_error",
            "param": null, "code": status.as_u16()}})
    }

    fn event(&self, json: &str) -> Bytes {
        Bytes::from(format!("data: {json}\n\n"))
    }
}
