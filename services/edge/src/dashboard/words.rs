//! Outcomes as badges: the ledger's words, coloured by what they mean.

use maud::{Markup, html};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::RequestOutcome;

use crate::account::word;

/// How an attempt ended.
pub(super) fn outcome(outcome: AttemptOutcome) -> Markup {
    let class = match outcome {
        AttemptOutcome::Accepted => "badge good",
        AttemptOutcome::Rejected => "badge warn",
        AttemptOutcome::Failed | AttemptOutcome::Presumed => "badge bad",
        AttemptOutcome::Unspecified | AttemptOutcome::Cancelled | AttemptOutcome::Skipped => {
            "badge"
        }
    };
    html! { span class=(class) { (word(outcome.as_str_name(), "ATTEMPT_OUTCOME_")) } }
}

/// How a request ended.
pub(super) fn request_outcome(outcome: RequestOutcome) -> Markup {
    let class = match outcome {
        RequestOutcome::Passed => "badge good",
        RequestOutcome::BestEffort => "badge warn",
        RequestOutcome::Failed | RequestOutcome::Presumed => "badge bad",
        RequestOutcome::Unspecified | RequestOutcome::Cancelled => "badge",
    };
    let told = word(outcome.as_str_name(), "REQUEST_OUTCOME_").replace('_', " ");
    html! { span class=(class) { (told) } }
}
