//! Failures as callers see them: code, reason, details, and what was tried for how much.

use std::time::Duration;

use terrace_domain::{Failure, QuotaViolation, Reason};
use terrace_proto::common::v1::GenerationParams;
use terrace_proto::router::v1 as wire;
use terrace_rpc::status;
use tonic::Code;

use crate::fakes::{Answer, Gateway, Step, fails};
use crate::world::{Failed, ID, World, failed, models, question, question_for_big, question_with};

async fn refused(world: &World, request: wire::RouteRequest) -> Failed {
    failed(&world.route(request).await.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn every_bad_field_is_named_and_nobody_is_asked() {
    let world = World::start().await;
    let request = wire::RouteRequest {
        request_id: "seven".to_owned(),
        params: Some(GenerationParams {
            temperature: Some(9.0),
            ..GenerationParams::default()
        }),
        ..question_with(wire::RoutePolicy {
            tier: "penthouse".to_owned(),
            max_attempts: Some(0),
            ..wire::RoutePolicy::default()
        })
    };
    let failed = refused(&world, request).await;
    assert_eq!(failed.code, Code::InvalidArgument);
    assert_eq!(failed.reason(), Reason::InvalidRequest);
    let fields: Vec<_> = failed
        .failure
        .fields
        .iter()
        .map(|wrong| wrong.field.as_str())
        .collect();
    let expected = [
        "request_id",
        "params.temperature",
        "policy.max_attempts",
        "policy.tier",
    ];
    assert_eq!(fields, expected);
    assert_eq!(failed.trail, None, "there is no request to tell of");
    assert_eq!(world.classifier.classify.calls(), 0);
    assert_eq!(world.ledger.settle.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_one_model_asked_for_keeps_its_reason_and_code() {
    let world = World::start().await;
    for reason in Reason::ALL.iter().filter(|reason| reason.may_fall_back()) {
        world.big.next([Step::fails(*reason)]);
        let failed = refused(&world, question_for_big()).await;
        assert_eq!(failed.reason(), *reason);
        assert_eq!(failed.code, status::code(*reason), "{reason}");
        assert_eq!(failed.told(), [format!("big FAILED {reason} 0")]);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_not_to_try_again_by_themselves_once_a_model_was_called() {
    let pushback = |error: &tonic::Status| {
        let value = error.metadata().get("grpc-retry-pushback-ms");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let world = World::start().await;
    world.big.next([Step::fails(Reason::BackendFailed)]);
    let called = world.route(question_for_big()).await.unwrap_err();
    assert_eq!(pushback(&called).as_deref(), Some("-1"));
    let away = Failure::new(Reason::LedgerUnavailable, "there is no database");
    world.ledger.reserve.next([Answer::Fails(away)]);
    let skipped = world.route(question_for_big()).await.unwrap_err();
    assert_eq!(skipped.code(), Code::Unavailable);
    assert_eq!(pushback(&skipped), None, "nothing was called");
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_names_the_budget_and_when_to_come_back() {
    let world = World::start().await;
    let day = Duration::from_secs(3600);
    let no = Failure::new(Reason::BudgetExhausted, "the daily budget is spent").retry_after(day);
    let no = no.quota(QuotaViolation {
        subject: "budget:installation/daily".to_owned(),
        description: "allows $5.00, spent $5.00".to_owned(),
    });
    world.ledger.reserve.next([Answer::Fails(no.clone())]);
    let failed = refused(&world, question_for_big()).await;
    assert_eq!(failed.code, Code::ResourceExhausted);
    assert_eq!(failed.failure, no);
    assert_eq!(failed.told(), ["big SKIPPED BUDGET_EXHAUSTED 0"]);
    assert_eq!(world.calls(), [0, 0, 0], "nothing that costs was called");
}

#[tokio::test(start_paused = true)]
async fn failures_of_several_kinds_are_all_told_with_every_quota_and_the_earliest_return() {
    let world = World::start().await;
    let quota = QuotaViolation {
        subject: "budget:installation/daily".to_owned(),
        description: "is used up".to_owned(),
    };
    let secs = Duration::from_secs;
    let limited = Failure::new(Reason::BackendRateLimited, "slow down").retry_after(secs(20));
    let broke = Failure::new(Reason::BudgetExhausted, "no money").retry_after(secs(30));
    world.small.next([Step::Fails(limited)]);
    world.middle.next([Step::fails(Reason::ModelNotFound)]);
    let broke = broke.quota(quota.clone());
    world.ledger.reserve.next([Answer::Fails(broke)]);
    let request = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let failed = refused(&world, request).await;
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::Unavailable, Reason::AllAttemptsFailed)
    );
    assert_eq!(failed.failure.quotas, [quota]);
    assert_eq!(failed.failure.retry_after, Some(secs(20)));
    let expected = [
        "small FAILED BACKEND_RATE_LIMITED 0",
        "middle FAILED MODEL_NOT_FOUND 0",
        "big SKIPPED BUDGET_EXHAUSTED 0",
    ];
    assert_eq!(failed.told(), expected);
    let trail = failed.trail.unwrap();
    assert_eq!((trail.request_id.as_str(), trail.cost_nano_usd), (ID, 0));
}

#[tokio::test(start_paused = true)]
async fn what_failed_attempts_cost_is_in_the_error() {
    let world = World::start().await;
    let broken = [
        Step::text("half"),
        Step::usage(10, 5),
        Step::fails(Reason::BackendFailed),
    ];
    world.big.next(broken);
    let failed = refused(&world, question_for_big()).await;
    assert_eq!(failed.told(), ["big FAILED BACKEND_FAILED 105000"]);
    let trail = failed.trail.unwrap();
    assert_eq!(trail.cost_nano_usd, 105_000);
    assert_eq!(trail.attempts[0].usage.unwrap().output_tokens, 5);
    assert_eq!(world.ledger.rows()[0].cost_nano_usd, 105_000);
    let close = world.ledger.closes().pop().unwrap();
    assert_eq!(close.outcome().as_str_name(), "REQUEST_OUTCOME_FAILED");
    assert_eq!((close.model.as_str(), close.baseline_nano_usd), ("", None));
}

#[tokio::test(start_paused = true)]
async fn an_error_with_the_longest_trail_still_fits_into_the_headers_of_a_client() {
    let many = (0..16).map(|number| terrace_proto::common::v1::Model {
        name: format!("a-model-with-a-rather-long-name-{number}"),
        ..models()[0].clone()
    });
    let world = World::with(|stage| {
        stage.small.models.always(Gateway::listing(many));
    })
    .await;
    let mut talkative = crate::fakes::verdict(0.1);
    talkative.checks = vec![talkative.checks[0].clone(); 8];
    for check in &mut talkative.checks {
        check.finding = "why it fell short, at length. ".repeat(20);
    }
    world
        .judge
        .judge
        .always(crate::fakes::Judge::saying(talkative));
    let policy = wire::RoutePolicy {
        max_attempts: Some(16),
        on_exhausted: wire::OnExhausted::Strict.into(),
        ..wire::RoutePolicy::default()
    };
    let error = world.route(question_with(policy)).await.unwrap_err();
    // Most gRPC libraries refuse more than 8 KiB of metadata, with the status among them.
    let response = error.clone().into_http::<tonic::body::Body>();
    let bytes: usize = response.headers().values().map(|value| value.len()).sum();
    assert!(bytes < 8 * 1024, "{bytes} bytes");
    let failed = failed(&error);
    assert_eq!(failed.reason(), Reason::QualityNotReached);
    let attempts = failed.trail.unwrap().attempts;
    assert_eq!(attempts.len(), 16, "all attempts are told");
    assert!(attempts.iter().all(|attempt| attempt.verdict.is_some()));
}

#[tokio::test(start_paused = true)]
async fn without_a_candidate_the_error_says_why_each_model_was_left_out() {
    let world = World::start().await;
    let policy = wire::RoutePolicy {
        model: "nonesuch".to_owned(),
        ..wire::RoutePolicy::default()
    };
    let failed = refused(&world, question_with(policy)).await;
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::FailedPrecondition, Reason::NoCandidate)
    );
    assert!(
        failed
            .failure
            .message
            .contains("small: the request asks for another model")
    );
    assert!(failed.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_settled_is_not_given() {
    let world = World::start().await;
    world.ledger.settle.always(fails(Reason::LedgerUnavailable));
    let failed = refused(&world, question_for_big()).await;
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::Unavailable, Reason::LedgerUnavailable)
    );
    // The call was made and did cost, whatever the ledger knows of it.
    assert_eq!(failed.told(), ["big ACCEPTED 105000"]);
    assert!(
        world.ledger.settle.calls() > 10,
        "it was tried again and again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_settlement_is_tried_again_until_the_ledger_is_back() {
    let world = World::start().await;
    let away = || fails(Reason::LedgerUnavailable);
    world.ledger.settle.next([away(), away(), away()]);
    let response = world.route(question_for_big()).await.unwrap();
    assert!(response.passed);
    let sent: Vec<_> = world
        .ledger
        .settle
        .seen()
        .into_iter()
        .map(|seen| seen.message)
        .collect();
    assert_eq!(sent.len(), 4);
    assert!(
        sent.iter().all(|message| *message == sent[0]),
        "always the same"
    );
}

#[tokio::test(start_paused = true)]
async fn when_money_cannot_be_held_only_free_models_are_called() {
    let world = World::start().await;
    world.judge.scores(&[0.1, 0.2]);
    world
        .ledger
        .reserve
        .next([fails(Reason::LedgerUnavailable)]);
    let response = world.route(question()).await.unwrap();
    assert!(!response.passed);
    let expected = [
        "small REJECTED 0",
        "middle REJECTED 0",
        "big SKIPPED LEDGER_UNAVAILABLE 0",
    ];
    assert_eq!(crate::world::told(&response.attempts), expected);
    assert_eq!(world.calls(), [1, 1, 0]);
}
