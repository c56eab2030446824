//! Errors in Anthropic's shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`, with
//! what Terrace alone knows under `error.terrace`.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use terrace_domain::Reason;

use crate::refusal::Refusal;

/// A refusal as a response.
pub(crate) fn response(refusal: &Refusal) -> Response {
    let status = match refusal.failure.reason {
        // Anthropic has a status of its own for a budget that is used up.
        Reason::BudgetExhausted => StatusCode::PAYMENT_REQUIRED,
        _ => refusal.status(),
    };
    (status, refusal.headers(), axum::Json(json(refusal))).into_response()
}

/// A refusal as JSON: the body of a response, or an event of a stream.
pub(crate) fn json(refusal: &Refusal) -> Value {
    let trail = refusal.trail.as_ref();
    json!({
        "type": "error",
        "error": {
            "type": kind(refusal),
            "message": refusal.message(field),
            "terrace": refusal.account(),
        },
        "request_id": trail.map(|trail| &trail.request_id),
    })
}

/// The field of Anthropic's API that stands for one of a `RouteRequest`.
fn field(name: &str) -> String {
    let name = name.strip_prefix("params.").unwrap_or(name);
    match name {
        "max_output_tokens" => "max_tokens".to_owned(),
        "stop" => "stop_sequences".to_owned(),
        _ => name
            .replace(".parameters_json_schema", ".input_schema")
            .replace("policy.", "terrace."),
    }
}

fn kind(refusal: &Refusal) -> &'static str {
    match refusal.failure.reason {
        Reason::Unauthenticated => "authentication_error",
        Reason::PermissionDenied => "permission_error",
        Reason::NotFound | Reason::ModelNotFound => "not_found_error",
        Reason::BudgetExhausted => "billing_error",
        Reason::Overloaded | Reason::BackendRateLimited => "rate_limit_error",
        Reason::DeadlineExceeded | Reason::BackendTimeout => "timeout_error",
        Reason::ServiceUnavailable | Reason::LedgerUnavailable | Reason::ShuttingDown => {
            "overloaded_error"
        }
        _ if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        _ if refusal.status().is_client_error() => "invalid_request_error",
        _ => "api_error",
    }
}
