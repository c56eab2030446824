//! What Terrace tells of an answer beside it: the `terrace` object and the `x-terrace-…` headers.
//!
//! The keys are those of `terrace route --json`; keys are only ever added.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};
use terrace_domain::NanoUsd;
use terrace_proto::common::v1::{AttemptOutcome, Usage};
use terrace_proto::convert::duration;
use terrace_proto::judge::v1::SecondOpinion;
use terrace_proto::router::v1::{Attempt, CacheProvenance, Consensus, Decision, RouteResponse};

/// The `terrace` object of an answer.
///
/// Written straight from the response and not by way of a [`Value`]: it is in every answer, and a
/// value would copy each of its fifty keys.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    request_id: &'a str,
    tier: &'a str,
    backend: &'a str,
    model: &'a str,
    scripted: bool,
    passed: bool,
    score: Option<f64>,
    threshold: Option<f64>,
    attempts: Vec<ToldAttempt<'a>>,
    usage: ToldUsage,
    cost_nano_usd: i64,
    cost_usd: String,
    baseline_model: &'a str,
    baseline_nano_usd: Option<i64>,
    savings_nano_usd: Option<i64>,
    savings_usd: Option<String>,
    latency_ms: Option<f64>,
    cached: Option<Value>,
    consensus: Option<Value>,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub(crate) struct ToldAttempt<'a> {
    index: u32,
    tier: &'a str,
    backend: &'a str,
    model: &'a str,
    scripted: bool,
    outcome: String,
    reason: &'a str,
    detail: &'a str,
    score: Option<f64>,
    repair_of: Option<u32>,
    hedge_of: Option<u32>,
    usage: ToldUsage,
    cost_nano_usd: i64,
    cost_usd: String,
    latency_ms: Option<f64>,
    second_opinions: Vec<Value>,
}

/// Counts of tokens.
#[derive(Debug, Serialize)]
pub(crate) struct ToldUsage {
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    estimated: bool,
}

/// Tells of an answer.
pub(crate) fn response(response: &RouteResponse) -> Told<'_> {
    let decision = response.decision.as_ref();
    let name = |of: fn(&Decision) -> &String| decision.map_or("", |decision| of(decision).as_str());
    let savings = response
        .baseline_nano_usd
        .map(|baseline| baseline.saturating_sub(response.cost_nano_usd));
    Told {
        request_id: &response.request_id,
        tier: name(|decision| &decision.tier),
        backend: name(|decision| &decision.backend),
        model: name(|decision| &decision.model),
        scripted: decision.is_some_and(|decision| decision.scripted),
        passed: response.passed,
        score: response.verdict.as_ref().map(|verdict| verdict.score),
        threshold: response.verdict.as_ref().map(|verdict| verdict.threshold),
        attempts: response.attempts.iter().map(attempt).collect(),
        usage: usage(response.usage.unwrap_or_default()),
        cost_nano_usd: response.cost_nano_usd,
        cost_usd: usd(response.cost_nano_usd),
        baseline_model: &response.baseline_model,
        baseline_nano_usd: response.baseline_nano_usd,
        savings_nano_usd: savings,
        savings_usd: savings.map(usd),
        latency_ms: response.latency.as_ref().and_then(duration).map(millis),
        cached: response.cached.as_ref().map(cached),
        consensus: response.consensus.as_ref().map(consensus),
    }
}

/// Tells of one attempt.
pub(crate) fn attempt(attempt: &Attempt) -> ToldAttempt<'_> {
    ToldAttempt {
        index: attempt.index,
        tier: &attempt.tier,
        backend: &attempt.backend,
        model: &attempt.model,
        scripted: attempt.scripted,
        outcome: word(attempt.outcome().as_str_name(), "ATTEMPT_OUTCOME_"),
        reason: &attempt.reason,
        detail: &attempt.detail,
        score: attempt.verdict.as_ref().map(|verdict| verdict.score),
        repair_of: attempt.repair_of,
        hedge_of: attempt.hedge_of,
        usage: usage(attempt.usage.unwrap_or_default()),
        cost_nano_usd: attempt.cost_nano_usd,
        cost_usd: usd(attempt.cost_nano_usd),
        latency_ms: attempt.latency.as_ref().and_then(duration).map(millis),
        second_opinions: attempt.second_opinions.iter().map(second_opinion).collect(),
    }
}

/// A model that the judge asked about an answer.
fn second_opinion(asked: &SecondOpinion) -> Value {
    json!({
        "check": asked.check,
        "tier": asked.tier,
        "backend": asked.backend,
        "model": asked.model,
        "reason": asked.reason,
        "usage": usage(asked.usage.unwrap_or_default()),
        "cost_nano_usd": asked.cost_nano_usd,
        "cost_usd": usd(asked.cost_nano_usd),
        "latency_ms": asked.latency.as_ref().and_then(duration).map(millis),
    })
}

fn cached(cached: &CacheProvenance) -> Value {
    json!({
        "age_ms": cached.age.as_ref().and_then(duration).map(millis),
        "request_id": cached.request_id,
        "tier": cached.tier,
        "score": cached.score,
    })
}

fn consensus(consensus: &Consensus) -> Value {
    json!({
        "agreed": consensus.agreed,
        "asked": consensus.asked,
        "threshold": consensus.threshold,
        "equivalence": consensus.equivalence,
        "shares": consensus.groups.iter().map(|group| group.share).collect::<Vec<_>>(),
    })
}

/// Tells counts of tokens.
pub(crate) const fn usage(usage: Usage) -> ToldUsage {
    ToldUsage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cached_input_tokens: usage.cached_input_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        estimated: usage.estimated,
    }
}

/// What the attempt that answers used: what a client takes for the size of its prompt and of the
/// answer. What all attempts used is in the `terrace` object.
pub(crate) fn own_usage(response: &RouteResponse) -> Usage {
    let made_by = response.decision.as_ref();
    let score = response.verdict.as_ref().map(|verdict| verdict.score);
    let is_made_by_it = |attempt: &&Attempt| {
        made_by.is_some_and(|it| attempt.model == it.model && attempt.backend == it.backend)
    };
    let candidates = || response.attempts.iter().rev().filter(is_made_by_it);
    let accepted = candidates().find(|attempt| attempt.outcome() == AttemptOutcome::Accepted);
    let judged_so = || {
        candidates().find(|attempt| attempt.verdict.as_ref().map(|verdict| verdict.score) == score)
    };
    let answering = accepted.or_else(judged_so);
    let own = answering.map_or(response.usage, |attempt| attempt.usage);
    own.unwrap_or_default()
}

/// Room for all that an answer has, those that the server adds among them.
const MOST_HEADERS: usize = 16;

/// The headers of an answer.
pub(crate) fn headers(response: &RouteResponse) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
    request_id(&response.request_id, &mut headers);
    if let Some(decision) = &response.decision {
        put("x-terrace-tier", &decision.tier, &mut headers);
        put("x-terrace-backend", &decision.backend, &mut headers);
        put("x-terrace-model", &decision.model, &mut headers);
    }
    if let Some(verdict) = &response.verdict {
        put("x-terrace-score", &verdict.score.to_string(), &mut headers);
    }
    let told = [
        ("x-terrace-passed", response.passed.to_string()),
        ("x-terrace-cost-usd", usd(response.cost_nano_usd)),
        (
            "x-terrace-cost-nano-usd",
            response.cost_nano_usd.to_string(),
        ),
        ("x-terrace-attempts", response.attempts.len().to_string()),
        ("x-terrace-cached", response.cached.is_some().to_string()),
    ];
    for (name, value) in told {
        put(name, &value, &mut headers);
    }
    headers
}

/// Under the names that Terrace, OpenAI's clients and Anthropic's clients look for.
pub(crate) fn request_id(id: &str, headers: &mut HeaderMap) {
    if id.is_empty() {
        return;
    }
    for name in ["x-terrace-request-id", "x-request-id", "request-id"] {
        put(name, id, headers);
    }
}

/// Adds a header whose value is a name of the config or a number; anything that is no text of a
/// header is left out.
pub(crate) fn put(name: &'static str, value: &str, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Dollars without the sign.
pub(crate) fn usd(nanos: i64) -> String {
    NanoUsd::new(nanos).to_string().replace('$', "")
}

/// Milliseconds with three decimals.
pub(crate) fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

/// The name of an enum's value in lower case, without what all of them begin with.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_proto::judge::v1::Verdict;

    fn attempt(model: &str, outcome: AttemptOutcome, tokens: u64, score: f64) -> Attempt {
        Attempt {
            model: model.to_owned(),
            outcome: outcome.into(),
            verdict: Some(Verdict {
                score,
                ..Verdict::default()
            }),
            usage: Some(Usage {
                input_tokens: tokens,
                ..Usage::default()
            }),
            ..Attempt::default()
        }
    }

    fn answered_by(model: &str, score: f64, attempts: Vec<Attempt>) -> RouteResponse {
        RouteResponse {
            decision: Some(Decision {
                model: model.to_owned(),
                ..Decision::default()
            }),
            verdict: Some(Verdict {
                score,
                ..Verdict::default()
            }),
            usage: Some(Usage {
                input_tokens: 99,
                ..Usage::default()
            }),
            attempts,
            ..RouteResponse::default()
        }
    }

    #[test]
    fn the_usage_of_an_answer_is_that_of_the_attempt_that_made_it() {
        let rejected = attempt("a", AttemptOutcome::Rejected, 10, 0.2);
        let accepted = attempt("b", AttemptOutcome::Accepted, 12, 0.9);
        let passed = answered_by("b", 0.9, vec![rejected.clone(), accepted]);
        assert_eq!(own_usage(&passed).input_tokens, 12);
        let repaired = attempt("a", AttemptOutcome::Rejected, 30, 0.1);
        let best_effort = answered_by("a", 0.2, vec![rejected, repaired]);
        assert_eq!(own_usage(&best_effort).input_tokens, 10);
        let cached = answered_by("a", 0.9, Vec::new());
        assert_eq!(own_usage(&cached).input_tokens, 99);
    }

    #[test]
    fn a_name_that_is_no_header_is_left_out() {
        let mut headers = HeaderMap::new();
        put("x-terrace-model", "a\r\nset-cookie: b", &mut headers);
        assert!(headers.is_empty());
    }
}
