//! The smaller things that tests of plans, trails and repairs are made from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use terrace_domain::{NanoUsd, Score, Usage};
use terrace_proto::common::v1::{GenerationParams, Part, Role, ToolResult, part};
use terrace_proto::convert::text_message;

use crate::catalog::Model;
use crate::prompt::Prompt;
use crate::route::hedge::HedgeSettings;
use crate::route::plan::decision::Deciding;
use crate::route::plan::{self, Candidate, Rules, Situation};
use crate::route::trail::{Attempt, Hops, Outcome};
use crate::testing::{classification, model, priced, request, tier};
use crate::verdict::{CheckFinding, Verdict};

/// Three tiers: two free local models and one that costs a cent a call.
pub(crate) fn three_tiers() -> Vec<Model> {
    vec![
        model("local_fast", "small"),
        model("local_quality", "middle"),
        priced("api_fallback", "big", "0.01"),
    ]
}

/// A conversation that ends in the result of a tool.
pub(crate) fn tool_result() -> Arc<Prompt> {
    let mut message = text_message(Role::Tool, "");
    let result = ToolResult {
        tool_call_id: "call-1".to_owned(),
        ..ToolResult::default()
    };
    message.parts = vec![Part {
        kind: Some(part::Kind::ToolResult(result)),
    }];
    let messages = vec![text_message(Role::User, "look it up"), message];
    Arc::new(Prompt::new(messages, GenerationParams::default(), None))
}

pub(crate) fn verdict_of(score: f64, checks: Vec<CheckFinding>) -> Verdict {
    let (score, threshold) = (Score::clamped(score), Score::clamped(0.7));
    Verdict {
        score,
        passed: score.passes(threshold),
        threshold,
        undecided: false,
        checks,
    }
}

pub(crate) fn finding(check: &str, score: f64, hard_failure: bool) -> CheckFinding {
    CheckFinding {
        check: check.to_owned(),
        score: Score::clamped(score),
        weight: 1.0,
        hard_failure,
        finding: format!("{check} found it"),
    }
}

/// A minute, these models, and nothing else known of anything.
pub(crate) fn with(models: &[Model]) -> Situation<'_> {
    Situation {
        models,
        records: &[],
        refusal: None,
        home: None,
        time: Duration::from_secs(60),
        cut: None,
    }
}

/// A candidate that nobody has planned with.
pub(crate) fn candidate(tier_name: &str, name: &str) -> Candidate {
    plan::candidate(&request(), &classification(0.1), &model(tier_name, name))
}

/// An attempt of `small` that used nothing.
pub(crate) fn attempt(outcome: Outcome) -> Attempt {
    Attempt {
        index: 0,
        candidate: Arc::new(candidate("local_fast", "small")),
        outcome,
        detail: String::new(),
        verdict: None,
        opinions: Vec::new(),
        code_tree: None,
        usage: Usage::default(),
        cost: NanoUsd::ZERO,
        started_at: SystemTime::now(),
        latency: Duration::ZERO,
        answer: None,
        committed: false,
        repair_of: None,
        hedges: None,
        hops: Hops::default(),
    }
}

/// A second of patience with a model that is not known yet.
pub(super) fn hedging() -> HedgeSettings {
    HedgeSettings {
        default_delay: Duration::from_secs(1),
        min_delay: Duration::from_millis(100),
        budget: 1.0,
        replicas: HashMap::new(),
    }
}

pub(crate) fn rules() -> Rules {
    Rules {
        tiers: ["local_fast", "local_quality", "api_fallback"]
            .map(tier)
            .to_vec(),
        difficulty_thresholds: vec![Score::clamped(0.4), Score::clamped(0.8)],
        deciding: Deciding::default(),
    }
}
