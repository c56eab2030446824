//! Why a request is not answered, and how HTTP says so: a status, when to come back, and whether
//! coming back by itself is any use to a client.
//!
//! A failure of the orchestrator keeps its reason, and the attempts that were made with what they
//! cost. Each API has its own words around it: `openai/error.rs`, `anthropic/error.rs`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message as _;
use serde_json::{Value, json};
use terrace_domain::{Failure, Reason, Violations};
use terrace_proto::router::v1::RouteFailure;
use terrace_rpc::status::{extra_detail, to_failure};
use tonic::Status;

use crate::account;

/// Where the orchestrator puts the attempts of a request that has no answer.
const TRAIL: &str = "type.googleapis.com/terrace.router.v1.RouteFailure";

/// A request that is not answered.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) failure: Box<Failure>,
    /// What was tried, if anything was.
    pub(crate) trail: Option<Box<RouteFailure>>,
    /// The status, where HTTP has one that no reason has.
    http: Option<StatusCode>,
}

impl Refusal {
    /// A body, path or method that HTTP has a status of its own for.
    pub(crate) fn http(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            http: Some(status),
            ..Failure::new(Reason::InvalidRequest, message).into()
        }
    }

    /// What the orchestrator answered.
    pub(crate) fn of(status: &Status) -> Self {
        let trail = extra_detail(status, TRAIL);
        Self {
            trail: trail.and_then(|bytes| RouteFailure::decode(bytes).ok().map(Box::new)),
            ..to_failure(status).into()
        }
    }

    /// One wrong field.
    pub(crate) fn field(field: &str, description: &str) -> Self {
        let mut noted = Violations::new();
        noted.add(field, description);
        match noted.finish() {
            Err(failure) => failure.into(),
            Ok(()) => Failure::new(Reason::InvalidRequest, description).into(),
        }
    }

    /// The status, where both APIs agree on it.
    pub(crate) fn status(&self) -> StatusCode {
        self.http.unwrap_or_else(|| status(self.failure.reason))
    }

    /// Whether the same call may go well if it is simply made again. Not after attempts: a client
    /// that tries again by itself would pay for all of them once more.
    pub(crate) const fn may_come_back(&self) -> bool {
        matches!(
            self.failure.reason,
            Reason::Overloaded
                | Reason::BackendRateLimited
                | Reason::LedgerUnavailable
                | Reason::ServiceUnavailable
                | Reason::ShuttingDown
        )
    }

    /// Headers for clients: when to come back, whether to, and which request it was.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(delay) = self.failure.retry_after {
            headers.insert(header::RETRY_AFTER, seconds(delay).into());
        }
        let again = if self.may_come_back() {
            "true"
        } else {
            "false"
        };
        headers.insert("x-should-retry", HeaderValue::from_static(again));
        if self.failure.reason == Reason::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(trail) = &self.trail {
            account::request_id(&trail.request_id, &mut headers);
        }
        headers
    }

    /// The message, with fields under the names that `rename` knows them by.
    pub(crate) fn message(&self, rename: fn(&str) -> String) -> String {
        let failure = &self.failure;
        if failure.fields.is_empty() {
            return failure.message.clone();
        }
        let fields = failure.fields.iter();
        let told = fields.map(|wrong| format!("{}: {}", rename(&wrong.field), wrong.description));
        told.collect::<Vec<_>>().join("; ")
    }

    /// What Terrace alone knows of it, for the `terrace` object of an error.
    pub(crate) fn account(&self) -> Value {
        let trail = self.trail.clone().unwrap_or_default();
        json!({
            "reason": self.failure.reason.as_str(),
            "request_id": trail.request_id,
            "attempts": trail.attempts.iter().map(account::attempt).collect::<Vec<_>>(),
            "cost_nano_usd": trail.cost_nano_usd,
            "cost_usd": account::usd(trail.cost_nano_usd),
            "retry_after_ms": self.failure.retry_after.map(account::millis),
            "budgets": self.failure.quotas.iter().map(|quota| json!({
                "budget": quota.subject.trim_start_matches("budget:"),
                "description": quota.description,
            })).collect::<Vec<_>>(),
        })
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            trail: None,
            http: None,
        }
    }
}

/// Whole seconds, rounded up: whoever comes back then does not come too early.
fn seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// The status of each reason.
const fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::InvalidRequest | Reason::ContextTooLong | Reason::CapabilityMissing => {
            StatusCode::BAD_REQUEST
        }
        Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
        Reason::PermissionDenied => StatusCode::FORBIDDEN,
        Reason::NotFound | Reason::ModelNotFound => StatusCode::NOT_FOUND,
        Reason::RequestIdUsed => StatusCode::CONFLICT,
        Reason::NoCandidate | Reason::QualityNotReached => StatusCode::UNPROCESSABLE_ENTITY,
        Reason::BudgetExhausted | Reason::Overloaded | Reason::BackendRateLimited => {
            StatusCode::TOO_MANY_REQUESTS
        }
        // Nobody is left to read it.
        Reason::Cancelled => StatusCode::BAD_REQUEST,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Reason::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Reason::BackendUnreachable
        | Reason::BackendFailed
        | Reason::BackendRejected
        | Reason::BackendUnauthorized
        | Reason::BackendMalformed
        | Reason::Truncated
        | Reason::AllAttemptsFailed => StatusCode::BAD_GATEWAY,
        Reason::LedgerUnavailable | Reason::ServiceUnavailable | Reason::ShuttingDown => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::DeadlineExceeded | Reason::BackendTimeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_an_error_and_says_whether_to_come_back() {
        for &reason in Reason::ALL {
            let refusal = Refusal::from(Failure::new(reason, "x"));
            let status = refusal.status();
            assert!(status.is_client_error() || status.is_server_error());
            assert!(refusal.headers().contains_key("x-should-retry"));
        }
    }

    #[test]
    fn whoever_is_told_to_wait_is_told_whole_seconds_and_never_too_few() {
        let failure = Failure::new(Reason::Overloaded, "x");
        let refusal = Refusal::from(failure.retry_after(Duration::from_millis(1001)));
        assert_eq!(refusal.headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn attempts_in_vain_are_not_made_again_by_a_client_that_retries() {
        for reason in [
            Reason::AllAttemptsFailed,
            Reason::BudgetExhausted,
            Reason::DeadlineExceeded,
        ] {
            assert!(!Refusal::from(Failure::new(reason, "x")).may_come_back());
        }
    }
}
