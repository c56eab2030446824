//! Deadlines: passed on shorter, shared among attempts, kept.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::convert::duration;
use terrace_proto::router::v1 as wire;
use tonic::Code;

use crate::fakes::{Answer, Classifier, Gateway, Step, classified, fails};
use crate::world::{World, failed, models, question, question_for_big, question_with, told};

const TEN: Duration = Duration::from_secs(10);

/// Asserts that an answer took so many seconds; a link takes some milliseconds off for itself.
fn assert_took(response: &wire::RouteResponse, least: f64, most: f64) {
    let latency = duration(response.latency.as_ref().unwrap()).unwrap();
    let seconds = latency.as_secs_f64();
    assert!((least..=most).contains(&seconds), "{seconds} s");
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_reaches_the_gateway_shorter_than_it_was() {
    let world = World::start().await;
    world.route_within(question_for_big(), TEN).await.unwrap();
    let left = world.big.seen()[0].time_left;
    // Nobody follows, so it may use all but what judge and settlement need.
    assert!(left < TEN - Duration::from_millis(400), "{left:?}");
    assert!(left > TEN - Duration::from_secs(1), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_with_others_behind_it_gets_half_of_the_time() {
    let world = World::start().await;
    world.judge.scores(&[0.1, 0.1]);
    world.route_within(question(), TEN).await.unwrap();
    for gateway in [&world.small, &world.middle] {
        let left = gateway.seen()[0].time_left;
        assert!(left <= TEN / 2 && left > TEN / 3, "{left:?}");
    }
    assert!(
        world.big.seen()[0].time_left > TEN / 2,
        "the last one gets the rest"
    );
}

#[tokio::test(start_paused = true)]
async fn no_service_is_given_more_time_than_the_caller_has() {
    let world = World::start().await;
    let short = Duration::from_millis(900);
    world.route_within(question(), short).await.unwrap();
    assert!(world.classifier.classify.seen()[0].time_left <= short);
    assert!(world.judge.judge.seen()[0].time_left <= short);
    assert!(world.small.seen()[0].time_left <= short);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_hangs_loses_its_share_and_the_next_tier_answers() {
    let world = World::start().await;
    world.small.next([Step::text("one "), Step::Hangs]);
    let response = world.route_within(question(), TEN).await.unwrap();
    let expected = ["small FAILED BACKEND_TIMEOUT 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    let usage = response.attempts[0].usage.unwrap();
    assert_eq!((usage.output_tokens, usage.estimated), (1, true));
    assert_eq!(
        response.latency.unwrap().seconds,
        4,
        "not quite half of ten"
    );
    assert_eq!(world.small.dropped(), 1, "and was hung up on");
}

#[tokio::test(start_paused = true)]
async fn the_last_gateway_that_hangs_is_told_of_before_the_callers_deadline() {
    let world = World::start().await;
    world.big.next([Step::text("one "), Step::Hangs]);
    let error = world.route_within(question_for_big(), TEN).await;
    let failed = failed(&error.unwrap_err());
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::Unavailable, Reason::BackendTimeout)
    );
    let trail = failed.trail.unwrap();
    assert_eq!(trail.cost_nano_usd, 4 * 3_000 + 15_000);
    assert_eq!(world.ledger.closes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_classifier_is_given_up_after_two_seconds() {
    let world = World::start().await;
    world.classifier.classify.next([Answer::Hangs]);
    let response = world.route_within(question(), TEN).await.unwrap();
    assert!(response.passed);
    assert_took(&response, 1.9, 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_judge_that_hangs_is_given_up_and_the_next_tier_tried() {
    let world = World::start().await;
    world.judge.judge.next([Answer::Hangs]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small REJECTED 0", "middle ACCEPTED 0"]
    );
    assert_took(&response, 14.9, 15.0);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_over_a_hold_leaves_time_for_a_free_tier() {
    let world = World::start().await;
    world.ledger.reserve.next([Answer::Hangs]);
    let hard = Classifier::finding(classified(0.95));
    world.classifier.classify.next([hard]);
    let response = world.route_within(question(), TEN).await.unwrap();
    let expected = ["big SKIPPED LEDGER_UNAVAILABLE 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_comes_too_late_is_not_used_and_not_paid() {
    let world = World::start().await;
    // Answers after the attempt's share of the time is over, before the caller's deadline is.
    let late = tokio_util::sync::CancellationToken::new();
    world.ledger.reserve.next([Answer::Waits(late.clone())]);
    let answer = async {
        world.ledger.reserve.called(1).await;
        tokio::time::sleep(Duration::from_millis(3_700)).await;
        late.cancel();
    };
    let routed = world.route_within(question_for_big(), Duration::from_secs(4));
    let (routed, ()) = tokio::join!(routed, answer);
    let failed = failed(&routed.unwrap_err());
    assert_eq!(failed.told(), ["big SKIPPED LEDGER_UNAVAILABLE 0"]);
    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(world.ledger.rows()[0].cost_nano_usd, 0, "the hold is freed");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_were_skipped_do_not_take_the_time_of_those_to_come() {
    // The priced model stands in the lowest tier here.
    let [mut small, mut middle, mut big] = models();
    big.tier = std::mem::replace(&mut small.tier, middle.tier);
    middle.tier = "api_fallback".to_owned();
    let world = World::with(|stage| {
        stage.small.models.always(Gateway::listing([small]));
        stage.middle.models.always(Gateway::listing([middle]));
        stage.big.models.always(Gateway::listing([big]));
    })
    .await;
    world.ledger.reserve.next([fails(Reason::BudgetExhausted)]);
    world.small.next([Step::Hangs]);
    let policy = wire::RoutePolicy {
        max_attempts: Some(2),
        ..wire::RoutePolicy::default()
    };
    let response = world
        .route_within(question_with(policy), TEN)
        .await
        .unwrap();
    let expected = [
        "big SKIPPED BUDGET_EXHAUSTED 0",
        "small FAILED BACKEND_TIMEOUT 0",
        "middle ACCEPTED 0",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_took(&response, 4.9, 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_ends_the_call_in_time_and_settles_after_it() {
    let world = World::start().await;
    world.ledger.settle.next([Answer::Hangs]);
    let clock = tokio::time::Instant::now();
    let error = world
        .route_within(question_for_big(), Duration::from_secs(2))
        .await;
    let failed = failed(&error.unwrap_err());
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::DeadlineExceeded, Reason::DeadlineExceeded)
    );
    assert!(clock.elapsed() <= Duration::from_secs(2));
    world.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_between_attempts_leaves_time_for_the_next() {
    let world = World::start().await;
    world.judge.scores(&[0.1]);
    world.ledger.settle.next([Answer::Hangs]);
    let response = world.route_within(question(), TEN).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small REJECTED 0", "middle ACCEPTED 0"]
    );
    assert_took(&response, 2.3, 2.6);
    let last = world.ledger.settle.last();
    assert_eq!(last.steps.len(), 2, "both go along with the end");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_judge_does_not_get_to_is_still_in_time() {
    let world = World::with(|stage| {
        stage.settings.route.on_judge_unavailable =
            terrace_orchestrator::route::OnJudgeUnavailable::AcceptMarked;
    })
    .await;
    world.judge.judge.next([Answer::Hangs]);
    let response = world.route_within(question(), TEN).await.unwrap();
    assert!(!response.passed);
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    assert_took(&response, 4.9, 5.1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_known_to_be_too_slow_is_not_tried() {
    let world = World::start().await;
    let policy = || wire::RoutePolicy {
        allowed_tiers: vec!["local_fast".to_owned(), "local_quality".to_owned()],
        ..wire::RoutePolicy::default()
    };
    // Five times cut after half of ten seconds: its answers take at least as long.
    for _ in 0..5 {
        world.small.next([Step::text("one "), Step::Hangs]);
        let routed = world.route_within(question_with(policy()), TEN).await;
        assert_eq!(routed.unwrap().attempts.len(), 2);
    }
    let short = Duration::from_secs(5);
    let response = world.route_within(question_with(policy()), short).await;
    assert_eq!(told(&response.unwrap().attempts), ["middle ACCEPTED 0"]);
    assert_eq!(world.small.calls(), 5);
    // What was seen is forgotten in time.
    tokio::time::sleep(Duration::from_secs(601)).await;
    world.route_within(question(), short).await.unwrap();
    assert_eq!(world.small.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_was_just_refused_is_not_asked_again_for_a_moment() {
    let world = World::start().await;
    let refused = || fails(Reason::BudgetExhausted);
    world.ledger.reserve.next([refused()]);
    for _ in 0..3 {
        let failed = failed(&world.route(question_for_big()).await.unwrap_err());
        assert_eq!(failed.reason(), Reason::BudgetExhausted);
        assert_eq!(failed.told(), ["big SKIPPED BUDGET_EXHAUSTED 0"]);
    }
    assert_eq!(world.ledger.reserve.calls(), 1);
    let request = wire::ExplainRequest {
        request: Some(question_for_big()),
    };
    let plan = world.client.clone().explain(request).await.unwrap();
    let plan = plan.into_inner().plan.unwrap();
    assert!(!plan.candidates[0].no_budget.is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.route(question_for_big()).await.unwrap();
    assert_eq!(world.ledger.reserve.calls(), 2);
}
