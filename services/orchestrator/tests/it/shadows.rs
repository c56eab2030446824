//! Shadow calls: a row of their own, a lesson, and nothing of them in what the caller gets.

use std::time::Duration;

use terrace_domain::{ProjectName, Reason};
use terrace_orchestrator::route::shadow::ShadowSettings;
use terrace_proto::classifier::v1::LearnRequest;
use terrace_proto::router::v1 as wire;

use crate::fakes::{Answer, Classifier, Step, classified, fails};
use crate::world::{World, question, question_for_big, question_with, told};

/// Asks every answer of another tier too; `may_cost` lets paid models be asked.
async fn shadowing(may_cost: bool) -> World {
    World::with(|stage| {
        stage.settings.learns = true;
        stage.settings.shadow = Some(ShadowSettings {
            share: 1.0,
            seed: 0,
            may_cost,
            project: ProjectName::new("terrace-shadow").unwrap(),
        });
    })
    .await
}

/// A world in which every question is hard, so that the highest tier is asked at once.
async fn hard() -> World {
    let world = shadowing(false).await;
    let hard = Classifier::finding(classified(0.95));
    world.classifier.classify.always(hard);
    world
}

/// The settlement of the first shadow, once it is made.
async fn settled(world: &World, settlements: usize) -> terrace_proto::ledger::v1::SettleRequest {
    world.ledger.settle.called(settlements).await;
    world.ledger.settle.last()
}

async fn lessons(world: &World, count: usize) -> Vec<LearnRequest> {
    world.classifier.learn.called(count).await;
    let seen = world.classifier.learn.seen();
    seen.into_iter().map(|seen| seen.message).collect()
}

#[tokio::test(start_paused = true)]
async fn a_question_that_went_up_at_once_is_asked_below_and_both_are_compared() {
    let world = hard().await;
    world.judge.scores(&[0.9, 0.2]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts).len(), 1);
    assert_eq!(response.decision.unwrap().tier, "api_fallback");

    let shadow = settled(&world, 2).await;
    assert_ne!(shadow.request_id, response.request_id);
    assert_eq!(shadow.project, "terrace-shadow");
    let row = &shadow.steps[0];
    assert_eq!((row.step.as_str(), row.cost_nano_usd), ("shadow", 0));
    assert_eq!(row.target.as_ref().unwrap().tier, "local_quality");
    assert_eq!(shadow.steps.len(), 1);
    let tags = shadow.close.unwrap().tags;
    assert_eq!(tags["shadow_of"], response.request_id);

    let lessons = lessons(&world, 2).await;
    assert_eq!(lessons[0].gain, None, "the highest tier's verdict alone");
    assert_eq!(lessons[1].gain, Some(1.0), "the lower one fell short");
    let models: Vec<_> = lessons[1]
        .models
        .iter()
        .map(|own| own.model.as_str())
        .collect();
    assert_eq!(models, ["middle"]);
    assert_eq!(lessons[1].project, "default");
}

#[tokio::test(start_paused = true)]
async fn the_lowest_tiers_answer_is_asked_above_where_that_is_free() {
    let world = shadowing(false).await;
    world.judge.scores(&[0.9, 0.9]);
    world.route(question()).await.unwrap();
    let shadow = settled(&world, 2).await;
    assert_eq!(shadow.steps[0].target.as_ref().unwrap().model, "middle");
    assert_eq!(lessons(&world, 2).await[1].gain, Some(0.0));
    assert_eq!(world.calls(), [1, 1, 0]);
}

/// Only the lowest and the paid tier may be asked.
fn low_or_paid() -> wire::RouteRequest {
    question_with(wire::RoutePolicy {
        allowed_tiers: vec!["local_fast".to_owned(), "api_fallback".to_owned()],
        ..wire::RoutePolicy::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_model_with_a_price_is_asked_from_a_budget_of_its_own_or_not_at_all() {
    let free = shadowing(false).await;
    free.route(low_or_paid()).await.unwrap();
    lessons(&free, 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(free.calls(), [1, 0, 0]);

    let paid = shadowing(true).await;
    paid.route(low_or_paid()).await.unwrap();
    let shadow = settled(&paid, 2).await;
    let hold = paid.ledger.reserve.last();
    assert_eq!(
        (hold.project.as_str(), hold.step.as_str()),
        ("terrace-shadow", "shadow")
    );
    assert_eq!(hold.request_id, shadow.request_id);
    assert!(hold.amount_nano_usd >= shadow.steps[0].cost_nano_usd);
    assert!(shadow.steps[0].cost_nano_usd > 0);
}

#[tokio::test(start_paused = true)]
async fn without_room_in_its_budget_nobody_is_called_and_the_caller_knows_nothing_of_it() {
    let world = shadowing(true).await;
    world.ledger.reserve.always(fails(Reason::BudgetExhausted));
    let response = world.route(low_or_paid()).await.unwrap();
    assert!(response.passed && response.cost_nano_usd == 0);
    world.ledger.reserve.called(1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.calls(), [1, 0, 0]);
    assert_eq!(world.ledger.closes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_two_are_being_made_is_dropped_and_no_caller_waits() {
    let world = hard().await;
    world.middle.next([Step::text("still "), Step::Hangs]);
    world.middle.next([Step::text("still "), Step::Hangs]);
    for _ in 0..5 {
        let response = world.route(question()).await.unwrap();
        assert!(response.passed);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.calls(), [0, 2, 5]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_a_failed_row_and_no_lesson() {
    let world = hard().await;
    world.middle.next([Step::fails(Reason::BackendFailed)]);
    world.route(question()).await.unwrap();
    let shadow = settled(&world, 2).await;
    assert_eq!(shadow.steps[0].reason, "BACKEND_FAILED");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.classifier.learn.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_one_in_the_middle_and_books_what_it_used() {
    let world = hard().await;
    world.middle.next([Step::text("still "), Step::Hangs]);
    world.route(question()).await.unwrap();
    world.middle.called(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.quiet().await;
    let shadow = world.ledger.settle.last();
    assert_eq!(shadow.steps[0].step, "shadow");
    assert!(shadow.steps[0].usage.unwrap().output_tokens > 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_names_the_tier_and_one_who_leaves_have_none() {
    let world = shadowing(true).await;
    world.route(question_for_big()).await.unwrap();
    world.judge.judge.next([Answer::Hangs]);
    let gone = tokio::time::timeout(Duration::from_secs(1), world.route(question()));
    assert!(gone.await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let steps = world.ledger.rows();
    assert!(steps.iter().all(|row| row.step != "shadow"), "{steps:?}");
}
