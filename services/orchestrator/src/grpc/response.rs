//! Domain to wire: answers, attempts, plans, verdicts.

use std::sync::Arc;

use terrace_domain::{BackendName, NanoUsd};
use terrace_proto::classifier::v1 as classifier;
use terrace_proto::common::v1 as common;
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::judge::v1 as judge;
use terrace_proto::router::v1 as wire;

use super::consensus;
use crate::answer::Answer;
use crate::answers::{Made, Reply};
use crate::catalog::{Abilities, Model, Queue};
use crate::classification::{Classification, Source, TaskKind};
use crate::clients::attempt_outcome;
use crate::opinion::SecondOpinion;
use crate::ports::Pulled;
use crate::request::OnExhausted;
use crate::route::Answered;
use crate::route::embed::Embedded;
use crate::route::events::Started;
use crate::route::plan::decision::{Course, Decision, Terms};
use crate::route::plan::{Candidate, LeftOut, Plan};
use crate::route::trail::{Attempt, Hops};
use crate::verdict::Verdict;

/// Vectors.
pub(super) fn embed_response(embedded: Embedded) -> wire::EmbedResponse {
    let answered = embedded.answered;
    let answering = answered.attempts.get(answered.answering);
    let candidate = answering.map(|attempt| &attempt.candidate);
    let embedding = |values| common::Embedding { values };
    wire::EmbedResponse {
        embeddings: embedded.vectors.into_iter().map(embedding).collect(),
        usage: Some(answered.usage.into()),
        request_id: answered.id.to_string(),
        tier: candidate
            .map(|own| own.tier.to_string())
            .unwrap_or_default(),
        model: candidate
            .map(|own| own.model.to_string())
            .unwrap_or_default(),
        cost_nano_usd: answered.cost.get(),
    }
}

/// How far a fetch has got.
pub(super) fn pulled(backend: &BackendName, step: Pulled) -> wire::PullModelResponse {
    wire::PullModelResponse {
        backend: backend.to_string(),
        status: step.status,
        completed_bytes: step.completed_bytes,
        total_bytes: step.total_bytes,
        done: step.done,
    }
}

/// An answer, made now or reused.
pub(super) fn reply(reply: Reply) -> wire::RouteResponse {
    let response = match reply.made {
        Made::Here(answered) => route_response(Arc::unwrap_or_clone(answered)),
        Made::Told(told) => Arc::unwrap_or_clone(told).response,
    };
    let Some(reuse) = reply.reuse else {
        return response;
    };
    let cached = wire::CacheProvenance {
        age: Some(wire_duration(reuse.age)),
        request_id: response.request_id.clone(),
        tier: response
            .decision
            .as_ref()
            .map(|made| made.tier.clone())
            .unwrap_or_default(),
        score: response.verdict.as_ref().map(|verdict| verdict.score),
    };
    let response = wire::RouteResponse {
        cached: Some(cached),
        ..response
    };
    match reuse.by {
        None => response,
        // For another request nothing was tried and nothing spent.
        Some((id, latency)) => wire::RouteResponse {
            request_id: id.to_string(),
            attempts: Vec::new(),
            consensus: None,
            usage: None,
            cost_nano_usd: 0,
            latency: Some(wire_duration(latency)),
            ..response
        },
    }
}

/// The answer with everything about how it came to be.
pub(crate) fn route_response(answered: Answered) -> wire::RouteResponse {
    let answering = answered.attempts.get(answered.answering).cloned();
    let answer = answering
        .as_ref()
        .and_then(|attempt| attempt.answer.clone());
    let by = answering.as_ref().map(|attempt| attempt.candidate.as_ref());
    let consensus = answered.consensus.as_ref();
    let consensus = consensus.map(|came| consensus::came_of_it(came, &answered.attempts));
    let name = |of: fn(&Candidate) -> String| by.map(of).unwrap_or_default();
    wire::RouteResponse {
        request_id: answered.id.to_string(),
        finish_reason: answer.as_ref().map_or(0, |answer| answer.finish_reason),
        output: answer.as_ref().map(Answer::output),
        logprobs: answer.map(|answer| answer.logprobs).unwrap_or_default(),
        decision: Some(wire::Decision {
            tier: name(|by| by.tier.to_string()),
            backend: name(|by| by.backend.to_string()),
            model: name(|by| by.model.to_string()),
            classification: Some(classification(answered.classification)),
            scripted: by.is_some_and(|by| by.scripted),
        }),
        verdict: answering.and_then(|attempt| attempt.verdict).map(verdict),
        passed: answered.passed,
        attempts: answered.attempts.into_iter().map(attempt).collect(),
        usage: Some(answered.usage.into()),
        cost_nano_usd: answered.cost.get(),
        baseline_nano_usd: answered.baseline.map(NanoUsd::get),
        baseline_model: answered
            .baseline_model
            .map(|model| model.to_string())
            .unwrap_or_default(),
        latency: Some(wire_duration(answered.latency)),
        cached: None,
        consensus,
    }
}

/// One attempt.
pub(super) fn attempt(attempt: Attempt) -> wire::Attempt {
    let reason = attempt.reason().map(|reason| reason.to_string());
    wire::Attempt {
        index: attempt.index,
        tier: attempt.candidate.tier.to_string(),
        backend: attempt.candidate.backend.to_string(),
        model: attempt.candidate.model.to_string(),
        outcome: attempt_outcome(&attempt.outcome).into(),
        reason: reason.unwrap_or_default(),
        detail: attempt.detail,
        verdict: attempt.verdict.map(verdict),
        usage: Some(attempt.usage.into()),
        cost_nano_usd: attempt.cost.get(),
        started_at: Some(wire_timestamp(attempt.started_at)),
        latency: Some(wire_duration(attempt.latency)),
        scripted: attempt.candidate.scripted,
        repair_of: attempt.repair_of,
        hedge_of: attempt.hedges,
        second_opinions: attempt.opinions.into_iter().map(second_opinion).collect(),
        hops: Some(hops(attempt.hops)),
    }
}

fn second_opinion(opinion: SecondOpinion) -> judge::SecondOpinion {
    let outcome = match opinion.reason {
        None => common::AttemptOutcome::Accepted,
        Some(_) => common::AttemptOutcome::Failed,
    };
    let reason = opinion.reason.map(|reason| reason.to_string());
    judge::SecondOpinion {
        check: opinion.check,
        tier: opinion.tier.to_string(),
        backend: opinion.backend.to_string(),
        model: opinion.model.to_string(),
        outcome: outcome.into(),
        reason: reason.unwrap_or_default(),
        usage: Some(opinion.usage.into()),
        cost_nano_usd: opinion.cost.get(),
        started_at: Some(wire_timestamp(opinion.started_at)),
        latency: Some(wire_duration(opinion.latency)),
    }
}

fn hops(hops: Hops) -> wire::AttemptHops {
    wire::AttemptHops {
        reserving: Some(wire_duration(hops.reserving)),
        first_piece: hops.first_piece.map(wire_duration),
        generating: hops.generating.map(wire_duration),
        judging: hops.judging.map(wire_duration),
    }
}

/// An attempt that has begun.
pub(super) fn started(started: &Started) -> wire::AttemptStarted {
    wire::AttemptStarted {
        index: started.index,
        tier: started.tier.to_string(),
        backend: started.backend.to_string(),
        model: started.model.to_string(),
        repair_of: started.repair_of,
        started_at: Some(wire_timestamp(started.at)),
    }
}

/// The plan.
pub(super) fn plan(plan: Plan) -> wire::Plan {
    let on_exhausted = match plan.on_exhausted {
        OnExhausted::BestEffort => wire::OnExhausted::BestEffort,
        OnExhausted::Strict => wire::OnExhausted::Strict,
    };
    wire::Plan {
        classification: Some(classification(plan.classification)),
        candidates: plan.candidates.into_iter().map(candidate).collect(),
        left_out: plan.left_out.into_iter().map(left_out).collect(),
        max_attempts: plan.max_attempts,
        quality_threshold: plan.quality_threshold.get(),
        quality_check: plan.quality_check,
        on_exhausted: on_exhausted.into(),
        input_token_bound: plan.input_token_bound,
        time: Some(wire_duration(plan.time)),
        max_repairs: plan.max_repairs,
        consensus: plan.consensus.map(consensus::planned),
        decision: plan.decision.as_ref().map(decision),
    }
}

fn decision(decision: &Decision) -> wire::PlanDecision {
    let course = match decision.course {
        Course::DirectLow => wire::Course::DirectLow,
        Course::LowWithJudge => wire::Course::LowWithJudge,
        Course::DirectHigh => wire::Course::DirectHigh,
    };
    wire::PlanDecision {
        course: course.into(),
        why: decision.why.clone(),
        cost_weight: decision.weights.usd,
        latency_weight: decision.weights.second,
        gain: decision.gain,
        cut: decision.cut,
    }
}

const fn terms(terms: Terms) -> wire::CandidateTerms {
    wire::CandidateTerms {
        quality: terms.quality,
        cost: terms.cost,
        latency: terms.latency,
        value: terms.value,
        judged_value: terms.judged_value,
    }
}

/// One model to try.
pub(super) fn candidate(candidate: Candidate) -> wire::Candidate {
    wire::Candidate {
        tier: candidate.tier.to_string(),
        backend: candidate.backend.to_string(),
        model: candidate.model.to_string(),
        why: candidate.why,
        worst_case_nano_usd: candidate.worst_case.get(),
        expected_nano_usd: candidate.expected.get(),
        max_output_tokens: candidate.max_output_tokens,
        scripted: candidate.scripted,
        time_share: candidate.share.map(wire_duration),
        expected_latency: candidate.expected_latency.map(wire_duration),
        repair_worst_case_nano_usd: candidate.repair_worst_case.map(NanoUsd::get),
        no_budget: candidate
            .no_budget
            .map(|failure| failure.message)
            .unwrap_or_default(),
        hedge_after: candidate.hedge_after.map(wire_duration),
        terms: candidate.terms.map(terms),
    }
}

fn left_out(left_out: LeftOut) -> wire::LeftOut {
    wire::LeftOut {
        tier: left_out.tier.to_string(),
        backend: left_out.backend.to_string(),
        model: left_out.model.to_string(),
        why: left_out.why,
    }
}

/// One model of the catalog.
pub(super) fn model(model: &Model) -> common::Model {
    common::Model {
        name: model.name.to_string(),
        tier: model.tier.to_string(),
        backend: model.backend.to_string(),
        price: Some(model.price.into()),
        context_window: model.context_window,
        default_max_output_tokens: model.default_max_output_tokens,
        capabilities: Some(capabilities(model.abilities)),
        available: model.unavailable_because.is_none(),
        unavailable_because: model.unavailable_because.clone().unwrap_or_default(),
        scripted: model.scripted,
    }
}

/// How busy a backend is.
pub(super) fn queue(queue: &Queue) -> common::BackendQueue {
    common::BackendQueue {
        backend: queue.backend.to_string(),
        in_flight: queue.in_flight,
        waiting: queue.waiting,
        places: queue.places,
    }
}

fn capabilities(abilities: Abilities) -> common::Capabilities {
    common::Capabilities {
        code: abilities.code,
        vision: abilities.vision,
        tools: abilities.tools,
        json: abilities.json,
        json_schema: abilities.json_schema,
        logprobs: abilities.logprobs,
        embeddings: abilities.embeddings,
    }
}

fn verdict(verdict: Verdict) -> judge::Verdict {
    let checks = verdict.checks.into_iter().map(|check| judge::CheckFinding {
        check: check.check,
        score: check.score.get(),
        weight: check.weight,
        hard_failure: check.hard_failure,
        finding: check.finding,
    });
    judge::Verdict {
        score: verdict.score.get(),
        passed: verdict.passed,
        threshold: verdict.threshold.get(),
        checks: checks.collect(),
        undecided: verdict.undecided,
    }
}

fn classification(classification: Classification) -> classifier::Classification {
    let evidence = classification
        .evidence
        .into_iter()
        .map(|evidence| classifier::Evidence {
            feature: evidence.feature,
            weight: evidence.weight,
            detail: evidence.detail,
        });
    classifier::Classification {
        task_kind: task_kind(classification.task_kind).into(),
        difficulty: classification.difficulty.get(),
        confidence: classification.confidence.get(),
        code_language: classification.code_language.unwrap_or_default(),
        expected_output_tokens: classification.expected_output_tokens.unwrap_or_default(),
        source: source(classification.source).into(),
        tier: classification
            .tier
            .map(|tier| tier.to_string())
            .unwrap_or_default(),
        evidence: evidence.collect(),
        lower_tier_suffices: classification.learned.lower_tier_suffices,
        expected_gain: classification.learned.expected_gain,
        familiarity: classification.learned.familiarity,
        rank: classification.learned.rank,
    }
}

fn task_kind(kind: TaskKind) -> classifier::TaskKind {
    match kind {
        TaskKind::Unknown => classifier::TaskKind::Unspecified,
        TaskKind::Chat => classifier::TaskKind::Chat,
        TaskKind::Classification => classifier::TaskKind::Classification,
        TaskKind::Extraction => classifier::TaskKind::Extraction,
        TaskKind::Rewriting => classifier::TaskKind::Rewriting,
        TaskKind::Code => classifier::TaskKind::Code,
        TaskKind::Math => classifier::TaskKind::Math,
        TaskKind::Reasoning => classifier::TaskKind::Reasoning,
        TaskKind::Orchestration => classifier::TaskKind::Orchestration,
    }
}

fn source(source: Source) -> classifier::ClassificationSource {
    match source {
        Source::ActionOverride => classifier::ClassificationSource::ActionOverride,
        Source::Marker => classifier::ClassificationSource::Marker,
        Source::Scorer => classifier::ClassificationSource::Scorer,
        Source::Unavailable => classifier::ClassificationSource::Unavailable,
    }
}
