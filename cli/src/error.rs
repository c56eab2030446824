//! What went wrong, what was tried, and what to do next.

use std::io;

use prost::Message as _;
use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1::RouteFailure;
use terrace_rpc::status;
use tonic::Status;

use crate::exit::Exit;
use crate::output::{Output, reader_is_gone};
use crate::style::{BAD, STRONG, heading, paint};
use crate::{json as shapes, render, wording};

/// The detail that names the attempts of a failed request.
const ROUTE_FAILURE: &str = "type.googleapis.com/terrace.router.v1.RouteFailure";

/// A verb that could not do what it was asked.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A call failed, or a flag cannot mean anything.
    Failed {
        failure: Failure,
        /// The attempts made and what they cost.
        tried: Option<Box<RouteFailure>>,
    },
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed {
            failure,
            tried: None,
        }
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let detail = status::extra_detail(&status, ROUTE_FAILURE);
        Self::Failed {
            failure: status::to_failure(&status),
            tried: detail.and_then(|bytes| RouteFailure::decode(bytes).ok().map(Box::new)),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Reports the trouble of a verb, if there is any, and gives its exit code.
pub(crate) fn finish(output: Output, as_json: bool, done: Result<Exit, Trouble>) -> Exit {
    let trouble = match done {
        Ok(exit) => return exit,
        Err(trouble) => trouble,
    };
    match trouble {
        Trouble::Output(error) => {
            if !reader_is_gone(&error) {
                output.complain(&format!("error: cannot write the output: {error}"));
            }
            Exit::Other
        }
        Trouble::Failed { failure, tried } => {
            if as_json {
                // Whoever closed the pipe reads the exit code.
                let _closed = output.print_json(&as_value(&failure, tried.as_deref()));
            } else {
                output.complain(&as_text(&failure, tried.as_deref(), output.width()));
            }
            Exit::of(failure.reason)
        }
    }
}

/// What to do next, where the message itself does not say it.
pub(crate) const fn hint(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::ServiceUnavailable | Reason::ShuttingDown => {
            "start one with `terrace up`, or name another with --server or TERRACE_SERVER"
        }
        Reason::BudgetExhausted => {
            "`terrace budget list` shows the budgets; `terrace budget top-up` gives one more for today"
        }
        Reason::DeadlineExceeded => "allow more time with --timeout, as --timeout 300s",
        Reason::NoCandidate => {
            "`terrace explain` with the same flags says why each model was left out"
        }
        Reason::AllAttemptsFailed => "`terrace models` says which models can be called",
        Reason::QualityNotReached => {
            "without --strict the best answer is returned, and marked as not passed"
        }
        Reason::RequestIdUsed => "give every request an id of its own, or leave --request-id out",
        Reason::Overloaded => "call again a little later",
        Reason::LedgerUnavailable => {
            "look at the ledger and its database; nothing that costs money is called without them"
        }
        Reason::Unauthenticated => "set TERRACE_API_KEY, or give --api-key",
        Reason::PermissionDenied => {
            "`terrace key create NAME --scope manage`, by somebody who may, makes a key that can"
        }
        Reason::NotImplemented => {
            "is it the right server? With `terrace up --split` each service has its own address"
        }
        Reason::InvalidRequest => "--help says what each flag takes",
        _ => return None,
    })
}

/// What to do next; nothing where the failure says it: of TLS, the message knows more than the
/// reason does.
fn hint_for(failure: &Failure) -> Option<&'static str> {
    let tells = ["no TLS with ", "--cert"]
        .iter()
        .any(|own| failure.message.contains(own));
    if tells {
        return None;
    }
    hint(failure.reason)
}

fn as_text(failure: &Failure, tried: Option<&RouteFailure>, width: Option<u16>) -> String {
    let mut text = paint(BAD.bold(), "error:");
    if failure.fields.is_empty() {
        text += &format!(" {}\n", wording::clean(&failure.message));
    } else {
        text += " the request was refused\n";
        for violation in &failure.fields {
            let (field, why) = (&violation.field, wording::one_line(&violation.description));
            text += &format!("  {}: {why}\n", paint(STRONG, wording::clean(field)));
        }
    }
    for quota in &failure.quotas {
        text += &format!("  {}\n", wording::one_line(&quota.description));
    }
    if let Some(delay) = failure.retry_after {
        text += &format!("  try again in {}\n", wording::span(delay));
    }
    if let Some(hint) = hint_for(failure) {
        text += &format!("{} {hint}\n", paint(STRONG, "hint:"));
    }
    if let Some(tried) = tried.filter(|tried| !tried.attempts.is_empty()) {
        text += &format!("{}\n", heading("Attempts"));
        text += &render::attempts(&tried.attempts, width);
        text += &format!("Cost: {}\n", wording::money(tried.cost_nano_usd));
    }
    text
}

fn as_value(failure: &Failure, tried: Option<&RouteFailure>) -> Value {
    let fields = failure.fields.iter();
    let quotas = failure.quotas.iter();
    let attempts = tried
        .map(|tried| tried.attempts.as_slice())
        .unwrap_or_default();
    let cost = tried.map_or(0, |tried| tried.cost_nano_usd);
    json!({
        "error": {
            "reason": failure.reason.as_str(),
            "message": failure.message,
            "hint": hint_for(failure),
            "retry_after_ms": failure.retry_after.map(shapes::millis),
            "fields": fields
                .map(|field| json!({"field": field.field, "description": field.description}))
                .collect::<Vec<_>>(),
            "quotas": quotas
                .map(|quota| json!({"subject": quota.subject, "description": quota.description}))
                .collect::<Vec<_>>(),
        },
        "request_id": tried.map(|tried| tried.request_id.as_str()),
        "attempts": attempts.iter().map(shapes::attempt).collect::<Vec<_>>(),
        "cost_nano_usd": cost,
        "cost_usd": wording::usd(cost),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::FieldViolation;

    fn plain(failure: &Failure, tried: Option<&RouteFailure>) -> String {
        anstream::adapter::strip_str(&as_text(failure, tried, None)).to_string()
    }

    #[test]
    fn every_wrong_field_has_a_line() {
        let field = |field: &str, description: &str| FieldViolation {
            field: field.into(),
            description: description.into(),
        };
        let failure = Failure::invalid(vec![
            field("messages[0]", "must not be empty"),
            field("policy.tier", "no tier is called x; there are a, b"),
        ]);
        assert_eq!(
            plain(&failure, None),
            "error: the request was refused\n  messages[0]: must not be empty\n  policy.tier: no \
             tier is called x; there are a, b\nhint: --help says what each flag takes\n"
        );
    }

    #[test]
    fn what_was_tried_and_paid_is_told_with_the_failure() {
        let failure = Failure::new(Reason::AllAttemptsFailed, "nobody answered");
        let tried = render::testing::failure();
        let text = plain(&failure, Some(&tried));
        assert!(text.contains("=== Attempts ===\n1  local_fast"), "{text}");
        assert!(text.ends_with("Cost: $0.000012\n"), "{text}");
    }

    #[test]
    fn a_failure_as_json_has_its_reason_and_the_attempts() {
        let failure = Failure::new(Reason::AllAttemptsFailed, "nobody answered");
        let value = as_value(&failure, Some(&render::testing::failure()));
        assert_eq!(value["error"]["reason"], "ALL_ATTEMPTS_FAILED");
        assert_eq!(value["attempts"][0]["outcome"], "failed");
        assert_eq!(value["cost_usd"], "0.000012");
    }

    #[test]
    fn a_dead_server_says_how_to_start_one() {
        assert!(
            hint(Reason::ServiceUnavailable)
                .unwrap()
                .contains("terrace up")
        );
    }
}
