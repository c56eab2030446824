//! Where a request starts and what was weighed for that, as JSON.

use serde_json::{Value, json};
use terrace_proto::router::v1::{CandidateTerms, PlanDecision};

use crate::wording::lower;

/// Where a request starts, and why. A cut that nobody reaches is `null`, as one that is not known.
pub(super) fn decision(decision: &PlanDecision) -> Value {
    json!({
        "course": lower(decision.course().as_str_name(), "COURSE_"),
        "why": decision.why,
        "cost_weight": decision.cost_weight,
        "latency_weight": decision.latency_weight,
        "gain": decision.gain,
        "cut": decision.cut,
    })
}

/// What was weighed of a candidate.
pub(super) fn terms(terms: &CandidateTerms) -> Value {
    json!({
        "quality": terms.quality,
        "cost": terms.cost,
        "latency": terms.latency,
        "value": terms.value,
        "judged_value": terms.judged_value,
    })
}
