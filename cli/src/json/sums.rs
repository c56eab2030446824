//! Sums of a summary as JSON: money as the integer and as dollars, what is not known as null.

use serde_json::{Value, json};
use terrace_proto::ledger::v1::{SavingsParts, SummaryGroup, Sums};

use super::{millis, time_of, usage};
use crate::wording::{usd, wire_span};

/// A group, with what its dimensions are by their names.
pub(super) fn group(group: &SummaryGroup, by: &[String]) -> Value {
    let names = by.iter().zip(&group.values);
    let values: serde_json::Map<String, Value> = names
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let mut value = sums(group.sums.as_ref());
    value["by"] = Value::Object(values);
    value["from"] = json!(group.from.as_ref().and_then(time_of));
    value["until"] = json!(group.until.as_ref().and_then(time_of));
    value
}

/// Counts and amounts, and what follows from them.
pub(super) fn sums(of: Option<&Sums>) -> Value {
    let sums = of.copied().unwrap_or_default();
    let latency = sums.latency.unwrap_or_default();
    let quantile = |at: Option<prost_types::Duration>| at.map(|at| millis(wire_span(Some(&at))));
    json!({
        "requests": sums.requests,
        "answered": sums.answered,
        "passed": sums.passed,
        "escalated": sums.escalated,
        "attempts": sums.attempts,
        "accepted": sums.accepted,
        "shadows": sums.shadows,
        "usage": usage(sums.usage.unwrap_or_default()),
        "cost_nano_usd": sums.cost_nano_usd,
        "cost_usd": usd(sums.cost_nano_usd),
        "baseline_requests": sums.baseline_requests,
        "baseline_nano_usd": sums.baseline_nano_usd,
        "baseline_usd": usd(sums.baseline_nano_usd),
        "savings_nano_usd": sums.savings_nano_usd,
        "savings_usd": usd(sums.savings_nano_usd),
        "savings_parts_nano_usd": parts(sums.savings_parts.unwrap_or_default()),
        "mean_score": sums.mean_score,
        "scored": sums.scored,
        "latency_ms": {
            "p50": quantile(latency.p50),
            "p90": quantile(latency.p90),
            "p99": quantile(latency.p99),
        },
    })
}

fn parts(parts: SavingsParts) -> Value {
    json!({
        "tokens": parts.tokens_nano_usd,
        "judge": parts.judge_nano_usd,
        "consensus": parts.consensus_nano_usd,
        "rejected": parts.rejected_nano_usd,
        "cache": parts.cache_nano_usd,
        "gpu_hours": parts.gpu_hours_nano_usd,
        "shadow": parts.shadow_nano_usd,
    })
}
