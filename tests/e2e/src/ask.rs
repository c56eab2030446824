//! Requests, and answers in a form that reads well in an assertion.

use std::time::Duration;

use terrace_domain::{Failure, NanoUsd};
use terrace_proto::common::v1::{AttemptOutcome, Role};
use terrace_proto::convert::{text_message, text_of_parts};
use terrace_proto::router::v1 as router;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::deadline::request_within;
use terrace_rpc::status::to_failure;
use terrace_rpc::{Deadline, Link};
use tokio::task::JoinHandle;
use tonic::{Request, Status};

/// Longer than anything a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(50);

/// A question that is easy enough for the lowest tier.
#[must_use]
pub fn question(text: &str) -> router::RouteRequest {
    router::RouteRequest {
        messages: vec![text_message(Role::User, text)],
        ..router::RouteRequest::default()
    }
}

/// The same question for one tier and no other.
#[must_use]
pub fn question_for(tier: &str, text: &str) -> router::RouteRequest {
    router::RouteRequest {
        policy: Some(router::RoutePolicy {
            tier: tier.to_owned(),
            ..router::RoutePolicy::default()
        }),
        ..question(text)
    }
}

/// A message with a deadline.
#[must_use]
pub fn within<T>(message: T) -> Request<T> {
    request_within(message, Deadline::within(PATIENCE))
}

/// A request that goes on by itself; abort it to hang up.
pub type Asked = JoinHandle<Result<router::RouteResponse, Status>>;

/// Asks without waiting for the answer.
#[expect(
    clippy::disallowed_methods,
    reason = "a caller of its own, which a test may drop"
)]
pub fn in_background(
    mut client: RouterServiceClient<Link>,
    request: router::RouteRequest,
) -> Asked {
    tokio::spawn(async move {
        let answered = client.route(within(request)).await;
        answered.map(tonic::Response::into_inner)
    })
}

/// The text of an answer.
#[must_use]
pub fn text(response: &router::RouteResponse) -> String {
    response
        .output
        .as_ref()
        .map(text_of_parts)
        .unwrap_or_default()
}

/// Attempts as `tier model OUTCOME REASON cost`.
#[must_use]
pub fn told(attempts: &[router::Attempt]) -> Vec<String> {
    let tell = |attempt: &router::Attempt| {
        let outcome = outcome(attempt.outcome);
        let cost = NanoUsd::new(attempt.cost_nano_usd);
        let reason = if attempt.reason.is_empty() {
            "-"
        } else {
            &attempt.reason
        };
        format!(
            "{} {} {outcome} {reason} {cost}",
            attempt.tier, attempt.model
        )
    };
    attempts.iter().map(tell).collect()
}

/// The failure in a status.
#[must_use]
pub fn failure(status: &Status) -> Failure {
    to_failure(status)
}

/// The attempts in the details of an error.
#[must_use]
pub fn failed_attempts(status: &Status) -> Vec<router::Attempt> {
    let url = "type.googleapis.com/terrace.router.v1.RouteFailure";
    let detail = terrace_rpc::status::extra_detail(status, url);
    let decode = |bytes| <router::RouteFailure as prost::Message>::decode(bytes).ok();
    let failure = detail.and_then(decode);
    failure.map(|failure| failure.attempts).unwrap_or_default()
}

/// The name of an outcome, without its prefix.
#[must_use]
pub fn outcome(number: i32) -> &'static str {
    let name = AttemptOutcome::try_from(number)
        .unwrap_or_default()
        .as_str_name();
    name.trim_start_matches("ATTEMPT_OUTCOME_")
}
