//! The one table between reasons and gRPC codes, and the way of a failure over the wire.
//!
//! A [`Failure`] becomes a status with `google.rpc.ErrorInfo` (the reason, domain `terrace`) and,
//! where they fit, `RetryInfo`, `BadRequest` and `QuotaFailure`; on the other side it becomes the
//! same failure again. A status of somebody else gets the nearest reason. All of it travels in
//! headers, which peers limit, so long lists and texts are cut.

use bytes::Bytes;
use prost::Message;
use terrace_domain::{Failure, FieldViolation, QuotaViolation, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain in `ErrorInfo` that says: this reason is one of ours.
pub const DOMAIN: &str = "terrace";

/// What tonic answers, as `CANCELLED`, when its own timer fires.
pub(crate) const TONIC_TIMEOUT: &str = "Timeout expired";

/// Longest message, in bytes: a status travels in headers, and 8 KiB is a common limit for those.
const MAX_MESSAGE: usize = 1024;

/// Most bytes of text in a list of violations; what is left over is counted.
const MAX_VIOLATIONS: usize = 2048;

/// The code that a reason travels under.
#[must_use]
pub const fn code(reason: Reason) -> Code {
    match reason {
        Reason::InvalidRequest => Code::InvalidArgument,
        Reason::NotImplemented => Code::Unimplemented,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::PermissionDenied => Code::PermissionDenied,
        Reason::NotFound | Reason::ModelNotFound => Code::NotFound,
        Reason::RequestIdUsed => Code::AlreadyExists,
        Reason::Cancelled => Code::Cancelled,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::BudgetExhausted | Reason::Overloaded | Reason::BackendRateLimited => {
            Code::ResourceExhausted
        }
        Reason::NoCandidate
        | Reason::QualityNotReached
        | Reason::BackendRejected
        | Reason::BackendUnauthorized
        | Reason::ContextTooLong
        | Reason::CapabilityMissing => Code::FailedPrecondition,
        Reason::BackendUnreachable
        | Reason::BackendTimeout
        | Reason::BackendFailed
        | Reason::BackendMalformed
        | Reason::Truncated
        | Reason::AllAttemptsFailed
        | Reason::LedgerUnavailable
        | Reason::ServiceUnavailable
        | Reason::ShuttingDown => Code::Unavailable,
        Reason::Internal => Code::Internal,
    }
}

/// The reason nearest to a code that came without one of ours.
#[must_use]
pub const fn nearest_reason(code: Code) -> Reason {
    match code {
        Code::InvalidArgument => Reason::InvalidRequest,
        Code::Unimplemented => Reason::NotImplemented,
        Code::Unauthenticated => Reason::Unauthenticated,
        Code::PermissionDenied => Reason::PermissionDenied,
        Code::NotFound => Reason::NotFound,
        Code::AlreadyExists => Reason::RequestIdUsed,
        Code::Cancelled => Reason::Cancelled,
        Code::DeadlineExceeded => Reason::DeadlineExceeded,
        Code::ResourceExhausted => Reason::Overloaded,
        // Unknown is what a broken connection looks like.
        Code::Unavailable | Code::Unknown => Reason::ServiceUnavailable,
        Code::Ok
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::DataLoss => Reason::Internal,
    }
}

/// Turns a failure into the status that every service answers with.
#[must_use]
pub fn to_status(failure: &Failure) -> Status {
    Status::with_error_details(
        code(failure.reason),
        shortened(&failure.message, MAX_MESSAGE),
        details(failure),
    )
}

/// As [`to_status`], with one more message in the details.
///
/// The caller finds it again with [`extra_detail`].
#[must_use]
pub fn to_status_with(failure: &Failure, extra: prost_types::Any) -> Status {
    let plain = to_status(failure);
    let mut details = decode(&plain);
    details.details.push(extra);
    Status::with_details(
        plain.code(),
        plain.message(),
        details.encode_to_vec().into(),
    )
}

/// Turns a status into the failure it carries, or into the nearest one if it is not ours.
#[must_use]
pub fn to_failure(status: &Status) -> Failure {
    let details = status.get_error_details();
    let mut failure = Failure::new(reason(status), status.message());
    failure.retry_after = details.retry_info().and_then(|info| info.retry_delay);
    if let Some(bad) = details.bad_request() {
        let fields = bad.field_violations.iter().map(|v| FieldViolation {
            field: v.field.clone(),
            description: v.description.clone(),
        });
        failure.fields = fields.collect();
    }
    if let Some(quota) = details.quota_failure() {
        let quotas = quota.violations.iter().map(|v| QuotaViolation {
            subject: v.subject.clone(),
            description: v.description.clone(),
        });
        failure.quotas = quotas.collect();
    }
    failure
}

/// The reason a status carries, or the nearest one if it is not ours.
#[must_use]
pub fn reason(status: &Status) -> Reason {
    if let Some(reason) = own_reason(status) {
        return reason;
    }
    if status.code() == Code::Cancelled && status.message() == TONIC_TIMEOUT {
        return Reason::DeadlineExceeded;
    }
    // How a connection that breaks in the middle of a call is reported.
    if status.code() == Code::Internal && status.message().starts_with("h2 protocol error") {
        return Reason::ServiceUnavailable;
    }
    nearest_reason(status.code())
}

/// The reason in `ErrorInfo`, if it is there and one of ours.
pub(crate) fn own_reason(status: &Status) -> Option<Reason> {
    status
        .get_details_error_info()
        .filter(|info| info.domain == DOMAIN)
        .and_then(|info| info.reason.parse().ok())
}

/// The bytes of the detail message of type `type_url`, as it was given to [`to_status_with`].
#[must_use]
pub fn extra_detail(status: &Status, type_url: &str) -> Option<Bytes> {
    decode(status)
        .details
        .into_iter()
        .find(|detail| detail.type_url == type_url)
        .map(|detail| detail.value.into())
}

/// Adds our `ErrorInfo` to a status that has none, and keeps its code and text.
pub(crate) fn adopt(status: &Status, reason: Reason) -> Status {
    let mut details = status.get_error_details();
    details.set_error_info(reason.as_str(), DOMAIN, []);
    Status::with_error_details(status.code(), status.message(), details)
}

fn details(failure: &Failure) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details.set_error_info(failure.reason.as_str(), DOMAIN, []);
    if let Some(delay) = failure.retry_after {
        details.set_retry_info(Some(delay));
    }
    let fields = failure.fields.iter().map(|v| (&v.field, &v.description));
    for (field, description) in within_budget(fields) {
        details.add_bad_request_violation(field, description);
    }
    let quotas = failure.quotas.iter().map(|v| (&v.subject, &v.description));
    for (subject, description) in within_budget(quotas) {
        details.add_quota_failure_violation(subject, description);
    }
    details
}

/// Keeps violations while they fit into the headers, and says how many did not.
fn within_budget<'a>(
    violations: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
) -> Vec<(String, String)> {
    let all = violations.len();
    let mut left = MAX_VIOLATIONS;
    let mut kept = Vec::new();
    for (name, description) in violations {
        let (name, description) = (shortened(name, 128), shortened(description, 512));
        let Some(rest) = left.checked_sub(name.len() + description.len()) else {
            let text = format!("and {} more", all - kept.len());
            kept.push(("...".to_owned(), text));
            break;
        };
        left = rest;
        kept.push((name, description));
    }
    kept
}

fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most - 3);
    format!("{}...", &text[..end])
}

/// The details as they are on the wire; nothing if they are no valid message.
fn decode(status: &Status) -> tonic_types::Status {
    tonic_types::Status::decode(status.details()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_reason_survives_the_wire() {
        for &reason in Reason::ALL {
            let failure = Failure::new(reason, "what happened, and what to do next")
                .retry_after(Duration::from_millis(1500));
            let status = to_status(&failure);
            assert_eq!(status.code(), code(reason), "{reason}");
            assert_ne!(status.code(), Code::Ok, "{reason}");
            assert_eq!(to_failure(&status), failure);
        }
    }

    #[test]
    fn violations_survive_the_wire() {
        let invalid = Failure::invalid(vec![FieldViolation {
            field: "messages[2]".to_owned(),
            description: "must not be empty".to_owned(),
        }]);
        assert_eq!(to_failure(&to_status(&invalid)), invalid);
        let broke = Failure::new(Reason::BudgetExhausted, "the daily budget is spent").quota(
            QuotaViolation {
                subject: "budget:installation/daily".to_owned(),
                description: "allows $5.00, spent $5.00".to_owned(),
            },
        );
        assert_eq!(to_failure(&to_status(&broke)), broke);
    }

    #[test]
    fn a_code_without_a_reason_of_ours_gets_one_that_travels_under_it() {
        for code_number in 1..=16 {
            let foreign = Code::from_i32(code_number);
            let reason = to_failure(&Status::new(foreign, "")).reason;
            let close = [Code::Unknown, Code::FailedPrecondition, Code::Aborted];
            let closer = [Code::OutOfRange, Code::DataLoss];
            if !close.contains(&foreign) && !closer.contains(&foreign) {
                assert_eq!(code(reason), foreign);
            }
        }
    }

    #[test]
    fn the_timer_of_tonic_is_a_deadline_and_a_caller_that_left_is_not() {
        let timer = Status::cancelled(TONIC_TIMEOUT);
        assert_eq!(reason(&timer), Reason::DeadlineExceeded);
        assert_eq!(reason(&Status::cancelled("")), Reason::Cancelled);
    }

    #[test]
    fn a_reason_of_another_domain_does_not_count() {
        let details = ErrorDetails::with_error_info("BUDGET_EXHAUSTED", "elsewhere.example", []);
        let status = Status::with_error_details(Code::Unavailable, "", details);
        assert_eq!(reason(&status), Reason::ServiceUnavailable);
    }

    #[test]
    fn an_extra_detail_is_found_again_by_its_type() {
        let failure = Failure::new(Reason::AllAttemptsFailed, "every model failed");
        let url = "type.googleapis.com/terrace.router.v1.RouteFailure";
        let status = to_status_with(
            &failure,
            prost_types::Any {
                type_url: url.to_owned(),
                value: b"trail".to_vec(),
            },
        );
        assert_eq!(extra_detail(&status, url).as_deref(), Some(&b"trail"[..]));
        assert_eq!(extra_detail(&status, "other"), None);
        assert_eq!(to_failure(&status), failure);
    }

    #[test]
    fn a_failure_of_any_size_fits_into_headers() {
        let long = "\u{e9}".repeat(10_000);
        let fields = (0..5_000).map(|index| FieldViolation {
            field: format!("messages[{index}]"),
            description: long.clone(),
        });
        let status = to_status(&Failure::invalid(fields.collect()));
        let headers: usize = crate::body::trailers(&status)
            .values()
            .map(http::HeaderValue::len)
            .sum();
        assert!(headers < 12 * 1024, "{headers} bytes");
        let last = to_failure(&status).fields.pop().unwrap();
        assert!(last.description.starts_with("and 49"), "{last:?}");
    }

    #[test]
    fn details_that_are_no_message_are_no_reason_to_fail() {
        let status = Status::with_details(Code::Internal, "x", Bytes::from_static(b"\xff\xff"));
        assert_eq!(reason(&status), Reason::Internal);
        assert_eq!(extra_detail(&status, "any"), None);
    }
}
