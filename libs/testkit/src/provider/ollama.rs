//! The Ollama wire: chat, whole and as lines of JSON, and what a client asks about models.
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

use super::openai::{logprob, vector};
use super::play::{Ask, End, Wire, play};
use super::script::ToolCall;
use super::state::{Arrival, Shared};

const CHAT: &str = "/api/chat";
const CREATED_AT: &str = "2026-01-01T00:00:00Z";

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(CHAT, post(chat))
        .route("/api/tags", get(tags))
        .route("/api/show", post(show))
        .route("/api/version", get(version))
        .route("/api/embed", post(embed))
        .route("/api/pull", post(pull))
}

async fn embed(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default();
    if !shared.has(model) {
        return unknown_model(model);
    }
    let texts = body["input"].as_array().cloned().unwrap_or_default();
    let vectors: Vec<Value> = texts.iter().map(vector).collect();
    let tokens = texts.len() * 2;
    Json(json!({"model": model, "embeddings": vectors, "prompt_eval_count": tokens}))
        .into_response()
}

/// Fetches any model in three lines, and has it then.
async fn pull(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default();
    shared.add_model(model);
    let lines = [
        json!({"status": "pulling manifest"}),
        json!({"status": "pulling 0", "digest": "0", "total": 100, "completed": 50}),
        json!({"status": "success"}),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    ([("content-type", "application/x-ndjson")], lines).into_response()
}

async fn version() -> Json<Value> {
    Json(json!({"version": "0.12.11"}))
}

async fn tags(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let models: Vec<Value> = shared
        .models()
        .into_iter()
        .map(|name| {
            json!({"name": name, "model": name, "modified_at": CREATED_AT, "size": 1,
                "digest": "0", "details": {"family": "scripted"}})
        })
        .collect();
    Json(json!({"models": models}))
}

async fn show(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default();
    if !shared.has(model) {
        return unknown_model(model);
    }
    let info = json!({"general.architecture": "scripted", "scripted.context_length": 8192});
    let show = json!({"details": {"family": "scripted"}, "model_info": info,
        "capabilities": ["completion", "tools"]});
    Json(show).into_response()
}

async fn chat(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !shared.admits(&headers) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({"error": "unauthorized"})),
        )
            .into_response();
    }
    let Some(arrival) = Arrival::read(CHAT, headers, &body) else {
        let body = json!({"error": "the body is no chat request"});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    if !shared.has(&arrival.seen.model) {
        return unknown_model(&arrival.seen.model);
    }
    let request = &arrival.seen.body;
    let wire = Ollama {
        model: arrival.seen.model.clone(),
        logprobs: request["logprobs"] == true,
    };
    let cap = request["options"]["num_predict"].as_u64();
    let ask = Ask {
        stream: request["stream"] != false,
        prompt_bytes: arrival.seen.prompt.len(),
        max_tokens: cap.and_then(|cap| usize::try_from(cap).ok()),
    };
    let (reply, open) = shared.take(arrival);
    play(&wire, &reply, ask, open).await
}

fn unknown_model(model: &str) -> Response {
    let body = json!({"error": format!("model '{model}' not found")});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

struct Ollama {
    model: String,
    logprobs: bool,
}

impl Wire for Ollama {
    const STREAM_TYPE: &'static str = "application/x-ndjson";

    fn piece(&self, text: &str) -> Bytes {
        let mut line = json!({"model": self.model, "created_at": CREATED_AT,
            "message": {"role": "assistant", "content": text}, "done": false});
        if self.logprobs {
            line["logprobs"] = json!([logprob(text)]);
        }
        self.event(&line.to_string())
    }

    fn tool_call(&self, call: &ToolCall) -> Vec<Bytes> {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let function = json!({"name": call.name, "arguments": arguments});
        let message = json!({"role": "assistant", "content": "",
            "tool_calls": [{"function": function}]});
        let line = json!({"model": self.model, "created_at": CREATED_AT, "message": message,
            "done": false});
        vec![self.event(&line.to_string())]
    }

    fn closing(&self, end: &End) -> Vec<Bytes> {
        vec![self.event(&self.whole("", end).to_string())]
    }

    fn whole(&self, text: &str, end: &End) -> Value {
        let mut whole = json!({"model": self.model, "created_at": CREATED_AT,
            "message": {"role": "assistant", "content": text},
            "done": true, "done_reason": end.finish_reason, "total_duration": 1});
        if let Some(counts) = end.usage {
            whole["prompt_eval_count"] = counts.input.into();
            whole["eval_count"] = counts.output.into();
        }
        whole
    }

    fn error(&self, _status: StatusCode) -> Value {
        json!({"error": "scripted failure"})
    }

    fn event(&self, json: &str) -> Bytes {
        Bytes::from(format!("{json}\n"))
    }
}
