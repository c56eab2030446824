use std::sync::Arc;
use std::time::{Duration, SystemTime};

use terrace_domain::{NanoUsd, Usage};

use super::*;
use crate::answer::Answer;
use crate::route::plan::plan;
use crate::route::trail::Hops;
use crate::testing::{classification, request, rules, three_tiers, verdict, with};

fn a_plan(on_exhausted: OnExhausted) -> Plan {
    let mut request = request();
    request.policy.on_exhausted = on_exhausted;
    plan(
        &request,
        classification(0.0),
        with(&three_tiers()),
        &rules(),
    )
}

fn attempt(index: u32, outcome: Outcome, score: Option<f64>) -> Attempt {
    let plan = a_plan(OnExhausted::BestEffort);
    let answered = matches!(outcome, Outcome::Accepted | Outcome::Rejected);
    Attempt {
        index,
        candidate: Arc::new(plan.candidates[index as usize].clone()),
        outcome,
        detail: "what happened".to_owned(),
        verdict: score.map(verdict),
        opinions: Vec::new(),
        code_tree: None,
        usage: Usage::default(),
        cost: NanoUsd::ZERO,
        started_at: SystemTime::now(),
        latency: Duration::ZERO,
        answer: answered.then(|| Answer {
            finish_reason: 1,
            ..Answer::default()
        }),
        committed: false,
        repair_of: None,
        hedges: None,
        hops: Hops::default(),
    }
}

fn failed(index: u32, reason: Reason) -> Attempt {
    attempt(index, Outcome::Failed(Failure::new(reason, "broken")), None)
}

#[test]
fn the_accepted_attempt_answers() {
    let attempts = [
        attempt(0, Outcome::Rejected, Some(0.2)),
        attempt(1, Outcome::Accepted, Some(0.9)),
    ];
    let end = decide(&a_plan(OnExhausted::Strict), &attempts, false);
    assert_eq!(
        end,
        End::Answered {
            index: 1,
            passed: true
        }
    );
}

#[test]
fn an_accepted_answer_that_nobody_could_judge_is_marked_as_not_passed() {
    let attempts = [attempt(0, Outcome::Accepted, None)];
    let end = decide(&a_plan(OnExhausted::Strict), &attempts, false);
    assert_eq!(
        end,
        End::Answered {
            index: 0,
            passed: false
        }
    );
}

#[test]
fn best_effort_returns_the_best_score_and_the_higher_tier_of_equals() {
    let attempts = [
        attempt(0, Outcome::Rejected, Some(0.5)),
        attempt(1, Outcome::Rejected, Some(0.5)),
        attempt(2, Outcome::Rejected, Some(0.1)),
    ];
    let end = decide(&a_plan(OnExhausted::BestEffort), &attempts, false);
    assert_eq!(
        end,
        End::Answered {
            index: 1,
            passed: false
        }
    );
}

#[test]
fn strict_fails_with_quality_not_reached() {
    let attempts = [attempt(0, Outcome::Rejected, Some(0.5))];
    let End::Failed(failure) = decide(&a_plan(OnExhausted::Strict), &attempts, false) else {
        panic!("strict answered");
    };
    assert_eq!(failure.reason, Reason::QualityNotReached);
}

#[test]
fn failures_of_one_kind_keep_their_reason_and_mixed_ones_are_all_named() {
    let plan = a_plan(OnExhausted::BestEffort);
    let same = [
        failed(0, Reason::BackendTimeout),
        failed(1, Reason::BackendTimeout),
    ];
    let End::Failed(failure) = decide(&plan, &same, false) else {
        panic!("answered")
    };
    assert_eq!(failure.reason, Reason::BackendTimeout);
    let mixed = [
        failed(0, Reason::BackendTimeout),
        failed(1, Reason::ModelNotFound),
    ];
    let End::Failed(failure) = decide(&plan, &mixed, false) else {
        panic!("answered")
    };
    assert_eq!(failure.reason, Reason::AllAttemptsFailed);
    assert!(failure.message.contains("small: BACKEND_TIMEOUT"));
    assert!(failure.message.contains("middle: MODEL_NOT_FOUND"));
}

#[test]
fn a_cancelled_attempt_tells_a_passed_deadline_from_a_caller_that_left() {
    let attempts = [attempt(0, Outcome::Cancelled, None)];
    let plan = a_plan(OnExhausted::BestEffort);
    for (out_of_time, reason) in [(true, Reason::DeadlineExceeded), (false, Reason::Cancelled)] {
        let End::Failed(failure) = decide(&plan, &attempts, out_of_time) else {
            panic!("answered")
        };
        assert_eq!(failure.reason, reason);
        assert_eq!(End::Failed(failure).outcome(), RequestOutcome::Cancelled);
    }
}

#[test]
fn an_empty_plan_says_why_every_model_was_left_out() {
    let mut models = three_tiers();
    for model in &mut models {
        model.unavailable_because = Some("its server sleeps".to_owned());
    }
    let plan = plan(&request(), classification(0.0), with(&models), &rules());
    let End::Failed(failure) = decide(&plan, &[], false) else {
        panic!("answered")
    };
    assert_eq!(failure.reason, Reason::NoCandidate);
    assert!(failure.message.contains("small: its server sleeps"));
}
