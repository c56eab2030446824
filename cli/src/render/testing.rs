//! Messages as a server sends them, for tests.

use std::time::Duration;

use terrace_proto::classifier::v1::{Classification, ClassificationSource, Evidence, TaskKind};
use terrace_proto::common::v1::{
    AttemptOutcome, BackendQueue, Capabilities, FinishReason, Model, Price, Role, Usage,
};
use terrace_proto::convert::{text_message, wire_duration};
use terrace_proto::judge::v1::{CheckFinding, Verdict};
use terrace_proto::router::v1::{
    Attempt, Candidate, Consensus, ConsensusGroup, ConsensusVote, Decision, LeftOut,
    ListModelsResponse, Plan, RouteFailure, RouteResponse,
};

pub(crate) fn verdict(score: f64, finding: &str) -> Verdict {
    Verdict {
        score,
        passed: score >= 0.7,
        threshold: 0.7,
        checks: vec![CheckFinding {
            check: "syntax".into(),
            score,
            weight: 1.0,
            hard_failure: false,
            finding: finding.into(),
        }],
        undecided: false,
    }
}

fn attempt(index: u32, model: &str, outcome: AttemptOutcome, cost: i64) -> Attempt {
    Attempt {
        index,
        tier: if cost == 0 {
            "local_fast"
        } else {
            "api_fallback"
        }
        .into(),
        backend: "b".into(),
        model: model.into(),
        outcome: outcome.into(),
        usage: Some(Usage {
            input_tokens: 12,
            output_tokens: 4,
            ..Usage::default()
        }),
        cost_nano_usd: cost,
        started_at: Some(prost_types::Timestamp {
            seconds: 1_750_000_000,
            nanos: 0,
        }),
        latency: Some(wire_duration(Duration::from_millis(312))),
        ..Attempt::default()
    }
}

/// An answer of a local model at the first attempt.
pub(crate) fn accepted() -> RouteResponse {
    RouteResponse {
        request_id: "0190f4c8-5c96-774b-bcce-b302099a8057".into(),
        output: Some(text_message(Role::Assistant, "async-caching-memory")),
        finish_reason: FinishReason::Stop.into(),
        decision: Some(Decision {
            tier: "local_fast".into(),
            backend: "b".into(),
            model: "smollm2-135m".into(),
            classification: Some(classification()),
            scripted: false,
        }),
        passed: true,
        attempts: vec![attempt(0, "smollm2-135m", AttemptOutcome::Accepted, 0)],
        usage: attempt(0, "", AttemptOutcome::Accepted, 0).usage,
        latency: Some(wire_duration(Duration::from_millis(87))),
        ..RouteResponse::default()
    }
}

/// A local answer that fell short, then one of a scripted stand-in that passed.
pub(crate) fn fallen_back() -> RouteResponse {
    let mut first = attempt(0, "smollm2-135m", AttemptOutcome::Rejected, 0);
    first.verdict = Some(verdict(0.41, "python does not parse"));
    first.detail = "scored 0.41 of the wanted 0.70; syntax: python does not parse".into();
    let mut second = attempt(1, "scripted-sonnet", AttemptOutcome::Accepted, 12_300_000);
    second.verdict = Some(verdict(0.93, "parses"));
    second.scripted = true;
    RouteResponse {
        decision: Some(Decision {
            tier: "api_fallback".into(),
            backend: "b".into(),
            model: "scripted-sonnet".into(),
            classification: Some(classification()),
            scripted: true,
        }),
        verdict: second.verdict.clone(),
        attempts: vec![first, second],
        cost_nano_usd: 12_300_000,
        baseline_nano_usd: Some(16_800_000),
        baseline_model: "claude-sonnet-4".into(),
        ..accepted()
    }
}

/// An answer that did not pass, the best there was.
pub(crate) fn best_effort() -> RouteResponse {
    RouteResponse {
        passed: false,
        verdict: Some(verdict(0.41, "python does not parse")),
        ..accepted()
    }
}

/// Two of three members agreed; the third dissented.
pub(crate) fn agreed() -> RouteResponse {
    let vote = |attempt_index, said: &str| ConsensusVote {
        attempt_index,
        output: Some(text_message(Role::Assistant, said)),
    };
    let group = |share, answers, votes| ConsensusGroup {
        share,
        answers,
        votes,
    };
    let mut outvoted = attempt(1, "qwen2.5", AttemptOutcome::Rejected, 0);
    outvoted.detail = "outvoted: 67 % of the votes say otherwise".into();
    RouteResponse {
        attempts: vec![
            attempt(0, "smollm2-135m", AttemptOutcome::Accepted, 0),
            outvoted,
            attempt(2, "claude", AttemptOutcome::Accepted, 12_300_000),
        ],
        consensus: Some(Consensus {
            agreed: true,
            decided_early: false,
            asked: 3,
            threshold: 0.66,
            equivalence: "text".into(),
            groups: vec![
                group(
                    2.0 / 3.0,
                    true,
                    vec![
                        vote(0, "async-caching-memory"),
                        vote(2, "Async-caching-memory"),
                    ],
                ),
                group(1.0 / 3.0, false, vec![vote(1, "memory")]),
            ],
        }),
        cost_nano_usd: 12_300_000,
        ..accepted()
    }
}

/// A request without an answer.
pub(crate) fn failure() -> RouteFailure {
    let mut failed = attempt(0, "smollm2-135m", AttemptOutcome::Failed, 0);
    failed.reason = "BACKEND_UNREACHABLE".into();
    failed.detail = "cannot connect to backend `b`: is it running?".into();
    RouteFailure {
        request_id: "0190f4c8-5c96-774b-bcce-b302099a8057".into(),
        attempts: vec![failed],
        cost_nano_usd: 12_000,
    }
}

fn classification() -> Classification {
    Classification {
        task_kind: TaskKind::Code.into(),
        difficulty: 0.42,
        confidence: 0.8,
        code_language: "python".into(),
        expected_output_tokens: 120,
        source: ClassificationSource::Scorer.into(),
        tier: String::new(),
        evidence: vec![Evidence {
            feature: "asks_for_code".into(),
            weight: 0.2,
            detail: "the prompt asks for a function".into(),
        }],
        ..Classification::default()
    }
}

/// A plan with one candidate more than it may try, and one model left out.
pub(crate) fn plan() -> Plan {
    let candidate = |tier: &str, model: &str, worst, why: &str| Candidate {
        tier: tier.into(),
        backend: "b".into(),
        model: model.into(),
        why: why.into(),
        worst_case_nano_usd: worst,
        expected_nano_usd: worst / 3,
        max_output_tokens: 1024,
        scripted: model.starts_with("scripted"),
        ..Candidate::default()
    };
    let seconds = |seconds| Some(wire_duration(Duration::from_secs(seconds)));
    Plan {
        classification: Some(classification()),
        candidates: vec![
            Candidate {
                time_share: seconds(115),
                expected_latency: seconds(4),
                ..candidate("local_fast", "smollm2-135m", 0, "its tier begins here")
            },
            candidate("api_fallback", "scripted-sonnet", 15_600_000, "next tier"),
        ],
        left_out: vec![LeftOut {
            tier: "local_quality".into(),
            backend: "b".into(),
            model: "qwen2.5-coder:14b".into(),
            why: "not available: run `ollama pull qwen2.5-coder:14b`".into(),
        }],
        max_attempts: 1,
        quality_threshold: 0.7,
        quality_check: true,
        on_exhausted: 1,
        input_token_bound: 48,
        time: seconds(120),
        max_repairs: 0,
        consensus: None,
        decision: None,
    }
}

/// Models of two tiers, the higher one listed first.
pub(crate) fn models() -> ListModelsResponse {
    ListModelsResponse {
        tiers: vec!["local_fast".into(), "api_fallback".into()],
        models: vec![
            Model {
                name: "scripted-sonnet".into(),
                tier: "api_fallback".into(),
                backend: "anthropic".into(),
                price: Some(Price {
                    input_nano_usd: 3_000_000_000,
                    output_nano_usd: 15_000_000_000,
                    ..Price::default()
                }),
                context_window: 200_000,
                capabilities: Some(Capabilities {
                    code: true,
                    json: true,
                    ..Capabilities::default()
                }),
                available: true,
                scripted: true,
                ..Model::default()
            },
            Model {
                name: "llama3.2:3b".into(),
                tier: "local_fast".into(),
                backend: "ollama".into(),
                context_window: 8192,
                unavailable_because: "run `ollama pull llama3.2:3b`".into(),
                ..Model::default()
            },
        ],
        queues: vec![BackendQueue {
            backend: "ollama".into(),
            in_flight: 2,
            waiting: 3,
            places: 2,
        }],
    }
}
