//! `Route`: the whole answer on the wire, and which answer it is.

use terrace_domain::{ModelName, NanoUsd, Price, Reason};
use terrace_orchestrator::route::{Baseline, OnJudgeUnavailable};
use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::Verdict;
use terrace_proto::router::v1 as wire;

use crate::fakes::{Classifier, Judge, Step, classified, fails, verdict};
use crate::world::{ID, World, failed, question, question_for_big, question_with, told};

/// The answer without the wall clock's times.
fn timeless(mut response: wire::RouteResponse) -> wire::RouteResponse {
    for attempt in &mut response.attempts {
        assert!(attempt.started_at.is_some());
        attempt.started_at = None;
    }
    response
}

fn with_id() -> wire::RouteRequest {
    wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    }
}

pub(crate) fn text(response: &wire::RouteResponse) -> String {
    text_of_parts(response.output.as_ref().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_of_the_lowest_tier_says_all_about_itself() {
    let world = World::start().await;
    let response = world.route(with_id()).await.unwrap();
    insta::assert_debug_snapshot!(timeless(response));
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_a_rejected_and_a_failed_attempt_says_all_about_them() {
    let world = World::start().await;
    world.judge.scores(&[0.2, 0.8]);
    let failing = [Step::text("half"), Step::usage(10, 1)];
    let failing = failing
        .into_iter()
        .chain([Step::fails(Reason::BackendFailed)]);
    world.middle.next(failing);
    let response = world.route(with_id()).await.unwrap();
    insta::assert_debug_snapshot!(timeless(response));
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_the_judge_when_the_request_says_so() {
    let world = World::start().await;
    let policy = wire::RoutePolicy {
        quality_check: Some(false),
        ..wire::RoutePolicy::default()
    };
    let response = world.route(question_with(policy)).await.unwrap();
    assert!(response.passed);
    assert_eq!(response.verdict, None);
    assert_eq!(world.judge.judge.calls(), 0);
    assert_eq!(world.ledger.rows()[0].score, None);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_passes_the_best_scored_answer_is_returned_and_marked() {
    let world = World::start().await;
    world.judge.scores(&[0.3, 0.6, 0.5]);
    world.middle.next(Step::whole("the best there was"));
    let response = world.route(question()).await.unwrap();
    assert!(!response.passed);
    assert_eq!(text(&response), "the best there was");
    assert_eq!(response.decision.as_ref().unwrap().model, "middle");
    assert_eq!(response.verdict, Some(verdict(0.6)));
    assert_eq!(told(&response.attempts).len(), 3);
    // What the rejected answer of the priced tier cost is part of the total.
    assert_eq!(response.cost_nano_usd, 105_000);
    let close = world.ledger.closes().pop().unwrap();
    let told = (close.outcome().as_str_name(), close.model.as_str());
    assert_eq!(told, ("REQUEST_OUTCOME_BEST_EFFORT", "middle"));
    assert_eq!(close.score, Some(0.6));
}

#[tokio::test(start_paused = true)]
async fn a_strict_request_fails_with_every_verdict() {
    let world = World::start().await;
    world.judge.scores(&[0.3, 0.6, 0.5]);
    let policy = wire::RoutePolicy {
        on_exhausted: wire::OnExhausted::Strict.into(),
        ..wire::RoutePolicy::default()
    };
    let failed = failed(&world.route(question_with(policy)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::QualityNotReached);
    assert!(failed.failure.message.contains("scored 0.60"), "{failed:?}");
    let attempts = failed.trail.unwrap().attempts;
    let scores = attempts
        .iter()
        .map(|attempt| attempt.verdict.as_ref().unwrap().score);
    assert_eq!(scores.collect::<Vec<_>>(), [0.3, 0.6, 0.5]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_an_answer_and_its_call_is_billed() {
    let world = World::start().await;
    world.big.next([Step::finished(10, 0)]);
    let response = world.route(question_for_big()).await.unwrap();
    assert_eq!(text(&response), "");
    assert_eq!(response.cost_nano_usd, 30_000);
}

#[tokio::test(start_paused = true)]
async fn without_a_baseline_nothing_is_measured_against_it() {
    let world = World::with(|stage| stage.settings.route.baseline = None).await;
    let response = world.route(question()).await.unwrap();
    assert_eq!(response.baseline_nano_usd, None);
    assert_eq!(response.baseline_model, "");
    assert_eq!(world.ledger.closes()[0].baseline_nano_usd, None);
}

#[tokio::test(start_paused = true)]
async fn a_free_baseline_is_a_baseline() {
    let world = World::with(|stage| {
        stage.settings.route.baseline = Some(Baseline {
            model: ModelName::new("gratis").unwrap(),
            price: Price::FREE,
        });
    });
    let response = world.await.route(question()).await.unwrap();
    assert_eq!(response.baseline_nano_usd, Some(NanoUsd::ZERO.get()));
    assert_eq!(response.baseline_model, "gratis");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_judge_could_not_decide_is_treated_as_unjudged() {
    let undecided = Verdict {
        undecided: true,
        passed: true,
        ..verdict(1.0)
    };
    let world = World::with(|stage| {
        stage.settings.route.on_judge_unavailable = OnJudgeUnavailable::AcceptMarked;
    })
    .await;
    world.judge.judge.next([Judge::saying(undecided)]);
    let response = world.route(question()).await.unwrap();
    assert!(!response.passed, "nobody said that it is good");
    assert_eq!(response.verdict, None);
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_the_classifier_demands_is_where_it_starts() {
    let world = World::start().await;
    let demanded = terrace_proto::classifier::v1::Classification {
        tier: "api_fallback".to_owned(),
        ..classified(0.0)
    };
    world
        .classifier
        .classify
        .next([Classifier::finding(demanded)]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["big ACCEPTED 105000"]);
    assert!(
        response.decision.unwrap().scripted,
        "and marked as no real model"
    );
}

#[tokio::test(start_paused = true)]
async fn lower_tiers_are_the_last_resort_when_the_start_tier_fails() {
    let world = World::start().await;
    let hard = Classifier::finding(classified(0.95));
    world.classifier.classify.next([hard]);
    world.ledger.reserve.next([fails(Reason::BudgetExhausted)]);
    let response = world.route(question()).await.unwrap();
    let expected = ["big SKIPPED BUDGET_EXHAUSTED 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
}
