//! What `--json` prints: the contract's messages in snake case, enums in lower case, money as the
//! integer and as dollars. Keys are only ever added.

mod consensus;
mod decision;
mod sums;
mod watched;

use std::time::Duration;

use prost_types::Timestamp;
use serde_json::{Value, json};
use terrace_proto::classifier::v1::Classification;
use terrace_proto::common::v1::{BackendQueue, Model, Usage};
use terrace_proto::convert::{text_of_parts, timestamp};
use terrace_proto::judge::v1::{SecondOpinion, Verdict};
use terrace_proto::ledger::v1::{
    Budget, GetSummaryResponse, TierSummary, VerifyCheck, VerifyFinding, VerifyResponse,
    WatchAlertsResponse,
};
use terrace_proto::router::v1::{
    Attempt, AttemptHops, CacheProvenance, Candidate, LeftOut, ListModelsResponse, Plan,
    RouteResponse,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use watched::watched;

use crate::render::able;
use crate::wording::{finish, lower, outcome, usd, wire_span};

/// An answer with everything about how it came to be.
pub(crate) fn response(response: &RouteResponse) -> Value {
    let decision = response.decision.clone().unwrap_or_default();
    let savings = response
        .baseline_nano_usd
        .map(|baseline| baseline.saturating_sub(response.cost_nano_usd));
    json!({
        "request_id": response.request_id,
        "output": response.output.as_ref().map(text_of_parts),
        "finish_reason": finish(response.finish_reason()),
        "tier": decision.tier,
        "backend": decision.backend,
        "model": decision.model,
        "scripted": decision.scripted,
        "passed": response.passed,
        "verdict": response.verdict.as_ref().map(verdict),
        "classification": decision.classification.as_ref().map(classification),
        "attempts": response.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "usage": usage(response.usage.unwrap_or_default()),
        "cost_nano_usd": response.cost_nano_usd,
        "cost_usd": usd(response.cost_nano_usd),
        "baseline_model": response.baseline_model,
        "baseline_nano_usd": response.baseline_nano_usd,
        "baseline_usd": response.baseline_nano_usd.map(usd),
        "savings_nano_usd": savings,
        "savings_usd": savings.map(usd),
        "latency_ms": millis(wire_span(response.latency.as_ref())),
        "cached": response.cached.as_ref().map(cached),
        "consensus": response.consensus.as_ref().map(consensus::came_of_it),
    })
}

/// Where a kept answer came from.
fn cached(cached: &CacheProvenance) -> Value {
    json!({
        "age_ms": millis(wire_span(cached.age.as_ref())),
        "request_id": cached.request_id,
        "tier": cached.tier,
        "score": cached.score,
    })
}

/// One attempt.
pub(crate) fn attempt(attempt: &Attempt) -> Value {
    json!({
        "index": attempt.index,
        "step": format!("attempt/{}", attempt.index),
        "repair_of": attempt.repair_of,
        "tier": attempt.tier,
        "backend": attempt.backend,
        "model": attempt.model,
        "scripted": attempt.scripted,
        "hedge_of": attempt.hedge_of,
        "outcome": outcome(attempt.outcome()),
        "reason": attempt.reason,
        "detail": attempt.detail,
        "verdict": attempt.verdict.as_ref().map(verdict),
        "usage": usage(attempt.usage.unwrap_or_default()),
        "cost_nano_usd": attempt.cost_nano_usd,
        "cost_usd": usd(attempt.cost_nano_usd),
        "started_at": attempt.started_at.as_ref().and_then(time_of),
        "latency_ms": millis(wire_span(attempt.latency.as_ref())),
        "second_opinions": second_opinions(&attempt.second_opinions),
        "hops": attempt.hops.as_ref().map(hops),
    })
}

/// Where the time of an attempt went.
fn hops(hops: &AttemptHops) -> Value {
    let told =
        |hop: &Option<prost_types::Duration>| hop.as_ref().map(|hop| millis(wire_span(Some(hop))));
    json!({
        "reserving_ms": told(&hops.reserving),
        "first_piece_ms": told(&hops.first_piece),
        "generating_ms": told(&hops.generating),
        "judging_ms": told(&hops.judging),
    })
}

/// Models that the judge asked about an answer.
fn second_opinions(asked: &[SecondOpinion]) -> Value {
    let one = |asked: &SecondOpinion| {
        json!({
            "check": asked.check,
            "tier": asked.tier,
            "backend": asked.backend,
            "model": asked.model,
            "reason": asked.reason,
            "usage": usage(asked.usage.unwrap_or_default()),
            "cost_nano_usd": asked.cost_nano_usd,
            "cost_usd": usd(asked.cost_nano_usd),
            "latency_ms": millis(wire_span(asked.latency.as_ref())),
        })
    };
    asked.iter().map(one).collect()
}

/// How a request would be routed.
pub(crate) fn plan(plan: &Plan) -> Value {
    let on_exhausted = lower(plan.on_exhausted().as_str_name(), "ON_EXHAUSTED_");
    json!({
        "classification": plan.classification.as_ref().map(classification),
        "candidates": plan.candidates.iter().map(candidate).collect::<Vec<_>>(),
        "left_out": plan.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "max_attempts": plan.max_attempts,
        "max_repairs": plan.max_repairs,
        "time_ms": millis(wire_span(plan.time.as_ref())),
        "quality_threshold": plan.quality_threshold,
        "quality_check": plan.quality_check,
        "on_exhausted": on_exhausted,
        "input_token_bound": plan.input_token_bound,
        "consensus": plan.consensus.as_ref().map(consensus::planned),
        "decision": plan.decision.as_ref().map(decision::decision),
    })
}

/// The models of all backends.
pub(crate) fn models(list: &ListModelsResponse) -> Value {
    json!({
        "tiers": list.tiers,
        "models": list.models.iter().map(model).collect::<Vec<_>>(),
        "queues": list.queues.iter().map(queue).collect::<Vec<_>>(),
    })
}

fn queue(queue: &BackendQueue) -> Value {
    json!({
        "backend": queue.backend,
        "in_flight": queue.in_flight,
        "waiting": queue.waiting,
        "places": queue.places,
    })
}

/// What was spent and saved, and the budgets.
pub(crate) fn cost(summary: &GetSummaryResponse, by: &[String], budgets: &[Budget]) -> Value {
    let outcomes = summary.outcomes.iter().map(|count| {
        let word = lower(count.outcome().as_str_name(), "REQUEST_OUTCOME_");
        (word, json!(count.requests))
    });
    json!({
        "from": summary.from.as_ref().and_then(time_of),
        "until": summary.until.as_ref().and_then(time_of),
        "requests": summary.requests,
        "outcomes": outcomes.collect::<serde_json::Map<_, _>>(),
        "tiers": summary.tiers.iter().map(tier).collect::<Vec<_>>(),
        "cost_nano_usd": summary.cost_nano_usd,
        "cost_usd": usd(summary.cost_nano_usd),
        "baseline_model": summary.baseline_model,
        "baseline_requests": summary.baseline_requests,
        "baseline_nano_usd": summary.baseline_nano_usd,
        "baseline_usd": usd(summary.baseline_nano_usd),
        "savings_nano_usd": summary.savings_nano_usd,
        "savings_usd": usd(summary.savings_nano_usd),
        "unanswered_cost_nano_usd": summary.unanswered_cost_nano_usd,
        "unanswered_cost_usd": usd(summary.unanswered_cost_nano_usd),
        "presumed_cost_nano_usd": summary.presumed_cost_nano_usd,
        "presumed_cost_usd": usd(summary.presumed_cost_nano_usd),
        "total": sums::sums(summary.total.as_ref()),
        "groups": summary.groups.iter().map(|group| sums::group(group, by)).collect::<Vec<_>>(),
        "budgets": budgets.iter().map(budget).collect::<Vec<_>>(),
    })
}

/// Milliseconds with three decimals.
pub(crate) fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

fn verdict(verdict: &Verdict) -> Value {
    let checks = verdict.checks.iter().map(|check| {
        json!({
            "check": check.check,
            "score": check.score,
            "weight": check.weight,
            "hard_failure": check.hard_failure,
            "finding": check.finding,
        })
    });
    json!({
        "score": verdict.score,
        "passed": verdict.passed,
        "threshold": verdict.threshold,
        "undecided": verdict.undecided,
        "checks": checks.collect::<Vec<_>>(),
    })
}

fn classification(found: &Classification) -> Value {
    let evidence = found.evidence.iter().map(|evidence| {
        json!({
            "feature": evidence.feature,
            "weight": evidence.weight,
            "detail": evidence.detail,
        })
    });
    json!({
        "task_kind": lower(found.task_kind().as_str_name(), "TASK_KIND_"),
        "difficulty": found.difficulty,
        "confidence": found.confidence,
        "code_language": found.code_language,
        "expected_output_tokens": found.expected_output_tokens,
        "source": lower(found.source().as_str_name(), "CLASSIFICATION_SOURCE_"),
        "tier": found.tier,
        "evidence": evidence.collect::<Vec<_>>(),
    })
}

fn share(span: &prost_types::Duration) -> f64 {
    millis(wire_span(Some(span)))
}

fn candidate(candidate: &Candidate) -> Value {
    json!({
        "tier": candidate.tier,
        "backend": candidate.backend,
        "model": candidate.model,
        "scripted": candidate.scripted,
        "why": candidate.why,
        "worst_case_nano_usd": candidate.worst_case_nano_usd,
        "worst_case_usd": usd(candidate.worst_case_nano_usd),
        "expected_nano_usd": candidate.expected_nano_usd,
        "expected_usd": usd(candidate.expected_nano_usd),
        "max_output_tokens": candidate.max_output_tokens,
        "time_share_ms": candidate.time_share.as_ref().map(share),
        "expected_latency_ms": candidate.expected_latency.as_ref().map(share),
        "repair_worst_case_nano_usd": candidate.repair_worst_case_nano_usd,
        "repair_worst_case_usd": candidate.repair_worst_case_nano_usd.map(usd),
        "no_budget": candidate.no_budget,
        "terms": candidate.terms.as_ref().map(decision::terms),
        "hedge_after_ms": candidate.hedge_after.as_ref().map(|span| millis(wire_span(Some(span)))),
    })
}

fn left_out(left_out: &LeftOut) -> Value {
    json!({
        "tier": left_out.tier,
        "backend": left_out.backend,
        "model": left_out.model,
        "why": left_out.why,
    })
}

fn model(model: &Model) -> Value {
    let price = model.price.clone().unwrap_or_default();
    json!({
        "tier": model.tier,
        "name": model.name,
        "backend": model.backend,
        "price": {
            "input_nano_usd": price.input_nano_usd,
            "input_usd": usd(price.input_nano_usd),
            "output_nano_usd": price.output_nano_usd,
            "output_usd": usd(price.output_nano_usd),
            "cache_read_nano_usd": price.cache_read_nano_usd,
            "cache_write_nano_usd": price.cache_write_nano_usd,
            "per_request_nano_usd": price.per_request_nano_usd,
        },
        "context_window": model.context_window,
        "default_max_output_tokens": model.default_max_output_tokens,
        "capabilities": able(model.capabilities.unwrap_or_default()),
        "available": model.available,
        "unavailable_because": model.unavailable_because,
        "scripted": model.scripted,
    })
}

fn tier(tier: &TierSummary) -> Value {
    json!({
        "tier": tier.tier,
        "attempts": tier.attempts,
        "accepted": tier.accepted,
        "answered": tier.answered,
        "usage": usage(tier.usage.unwrap_or_default()),
        "cost_nano_usd": tier.cost_nano_usd,
        "cost_usd": usd(tier.cost_nano_usd),
    })
}

/// Budgets and where they stand.
pub(crate) fn budgets(budgets: &[Budget]) -> Value {
    json!({ "budgets": budgets.iter().map(budget).collect::<Vec<Value>>() })
}

/// An alert of a budget.
pub(crate) fn alert(alert: &WatchAlertsResponse) -> Value {
    json!({
        "alert_id": alert.alert_id,
        "kind": lower(alert.kind().as_str_name(), "ALERT_KIND_"),
        "at": alert.at.as_ref().and_then(time_of),
        "budget": alert.budget.as_ref().map(budget),
    })
}

/// A proof of the books.
pub(crate) fn proof(proof: &VerifyResponse) -> Value {
    let check = |check: &VerifyCheck| {
        let finding =
            |found: &VerifyFinding| json!({"subject": found.subject, "detail": found.detail});
        let findings: Vec<Value> = check.findings.iter().map(finding).collect();
        json!({"name": check.name, "about": check.about, "wrong": check.wrong, "findings": findings})
    };
    json!({
        "right": proof.checks.iter().all(|check| check.wrong == 0),
        "checks": proof.checks.iter().map(check).collect::<Vec<Value>>(),
    })
}

fn budget(budget: &Budget) -> Value {
    json!({
        "name": budget.name,
        "cap_nano_usd": budget.cap_nano_usd,
        "cap_usd": usd(budget.cap_nano_usd),
        "spent_nano_usd": budget.spent_nano_usd,
        "spent_usd": usd(budget.spent_nano_usd),
        "reserved_nano_usd": budget.reserved_nano_usd,
        "reserved_usd": usd(budget.reserved_nano_usd),
        "leased_nano_usd": budget.leased_nano_usd,
        "alert_threshold": budget.alert_threshold,
        "period_start": budget.period_start.as_ref().and_then(time_of),
        "period_end": budget.period_end.as_ref().and_then(time_of),
        "time_zone": budget.time_zone,
        "paused": budget.paused,
        "topped_up_nano_usd": budget.topped_up_nano_usd,
        "topped_up_usd": usd(budget.topped_up_nano_usd),
        "origin": lower(budget.origin().as_str_name(), "BUDGET_ORIGIN_"),
    })
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "estimated": usage.estimated,
    })
}

pub(crate) fn time_of(at: &Timestamp) -> Option<String> {
    OffsetDateTime::from(timestamp(at)?).format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests;
