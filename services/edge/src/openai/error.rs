//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`, with what Terrace
//! alone knows under `error.terrace`.

use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use terrace_domain::Reason;

use crate::refusal::Refusal;

/// A refusal as a response.
pub(crate) fn response(refusal: &Refusal) -> Response {
    let body = axum::Json(json(refusal));
    (refusal.status(), refusal.headers(), body).into_response()
}

/// A refusal as JSON: the body of a response, or an event of a stream.
pub(crate) fn json(refusal: &Refusal) -> Value {
    let reason = refusal.failure.reason;
    let param = refusal.failure.fields.first();
    json!({
        "error": {
            "message": refusal.message(field),
            "type": kind(reason),
            "param": param.map(|wrong| field(&wrong.field)),
            "code": code(reason),
            "terrace": refusal.account(),
        }
    })
}

/// The field of OpenAI's API that stands for one of a `RouteRequest`.
fn field(name: &str) -> String {
    let name = name.strip_prefix("params.").unwrap_or(name);
    match name {
        "max_output_tokens" => "max_completion_tokens".to_owned(),
        "response_format.json_schema.schema_json" => {
            "response_format.json_schema.schema".to_owned()
        }
        _ => name
            .replace(".parameters_json_schema", ".function.parameters")
            .replace("policy.", "terrace."),
    }
}

const fn kind(reason: Reason) -> &'static str {
    match reason {
        Reason::Unauthenticated => "authentication_error",
        Reason::PermissionDenied => "permission_error",
        Reason::BudgetExhausted => "insufficient_quota",
        Reason::Overloaded | Reason::BackendRateLimited => "rate_limit_error",
        Reason::InvalidRequest
        | Reason::NotImplemented
        | Reason::NotFound
        | Reason::ModelNotFound
        | Reason::RequestIdUsed
        | Reason::Cancelled
        | Reason::NoCandidate
        | Reason::QualityNotReached
        | Reason::ContextTooLong
        | Reason::CapabilityMissing => "invalid_request_error",
        Reason::DeadlineExceeded | Reason::BackendTimeout => "timeout_error",
        Reason::BackendUnreachable
        | Reason::BackendFailed
        | Reason::BackendRejected
        | Reason::BackendUnauthorized
        | Reason::BackendMalformed
        | Reason::Truncated
        | Reason::AllAttemptsFailed
        | Reason::LedgerUnavailable
        | Reason::ServiceUnavailable
        | Reason::ShuttingDown
        | Reason::Internal => "server_error",
    }
}

/// OpenAI's own code where it has one that programs look for, else the reason.
fn code(reason: Reason) -> String {
    match reason {
        Reason::Unauthenticated => "invalid_api_key".to_owned(),
        Reason::NotFound | Reason::ModelNotFound => "model_not_found".to_owned(),
        Reason::BudgetExhausted => "insufficient_quota".to_owned(),
        Reason::Overloaded | Reason::BackendRateLimited => "rate_limit_exceeded".to_owned(),
        Reason::ContextTooLong => "context_length_exceeded".to_owned(),
        other => other.as_str().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::{Failure, FieldViolation};

    #[test]
    fn a_wrong_field_is_named_as_the_api_names_it() {
        let wrong = FieldViolation {
            field: "params.max_output_tokens".to_owned(),
            description: "must be 1 to 10".to_owned(),
        };
        let error = json(&Failure::invalid(vec![wrong]).into());
        assert_eq!(error["error"]["param"], "max_completion_tokens");
        assert_eq!(
            error["error"]["message"],
            "max_completion_tokens: must be 1 to 10"
        );
    }

    #[test]
    fn programs_find_the_codes_that_they_look_for() {
        for (reason, code) in [
            (Reason::NotFound, "model_not_found"),
            (Reason::BudgetExhausted, "insufficient_quota"),
            (Reason::AllAttemptsFailed, "all_attempts_failed"),
        ] {
            let error = json(&Failure::new(reason, "x").into());
            assert_eq!(error["error"]["code"], code);
            assert_eq!(error["error"]["terrace"]["reason"], reason.as_str());
        }
    }
}
