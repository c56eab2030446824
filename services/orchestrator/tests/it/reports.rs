//! What becomes of answers, told to the classifier: verdicts on their own, outcomes when a caller reports
//! them, and nothing of it when learning is off.

use terrace_domain::Reason;
use terrace_proto::classifier::v1::{ClassifyResponse, HashedText, LearnRequest, LearnResponse};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::report_outcome_request::Outcome;
use tonic::{Code, Status};

use crate::fakes::{Answer, classified};
use crate::world::{World, failed, question};

async fn learning() -> World {
    let world = World::with(|stage| stage.settings.learns = true).await;
    world
        .classifier
        .classify
        .always(Answer::Says(ClassifyResponse {
            classification: Some(classified(0.1)),
            hashed_text: Some(HashedText {
                buckets: vec![7],
                values: vec![1.0],
                ..HashedText::default()
            }),
            ..ClassifyResponse::default()
        }));
    world
}

async fn report(world: &World, id: &str, outcome: Outcome) -> Result<bool, Status> {
    let request = wire::ReportOutcomeRequest {
        request_id: id.to_owned(),
        outcome: outcome.into(),
    };
    let answer = world.client.clone().report_outcome(request).await?;
    Ok(answer.into_inner().learned)
}

/// The lessons so far, once there are so many.
async fn lessons(world: &World, count: usize) -> Vec<LearnRequest> {
    world.classifier.learn.called(count).await;
    let seen = world.classifier.learn.seen();
    seen.into_iter().map(|seen| seen.message).collect()
}

#[tokio::test(start_paused = true)]
async fn a_verdict_and_an_outcome_are_a_lesson_each() {
    let world = learning().await;
    let response = world.route(question()).await.unwrap();
    assert!(world.classifier.classify.last().with_hashed_text);
    let learned = report(&world, &response.request_id, Outcome::Rejected).await;
    assert!(learned.unwrap());
    let lessons = lessons(&world, 2).await;
    assert_eq!(lessons[0].gain, Some(0.0), "it had passed");
    assert!(lessons[1].gain.unwrap() > 0.5, "its caller threw it away");
    assert!(lessons[0].count < lessons[1].count);
    for lesson in &lessons {
        assert_eq!(lesson.hashed_text.as_ref().unwrap().buckets, [7]);
        assert_eq!(
            (lesson.project.as_str(), lesson.models[0].model.as_str()),
            ("default", "small")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_higher_tier_made_of_a_rejected_answer_is_the_gain() {
    let world = learning().await;
    world.judge.scores(&[0.1]);
    world.route(question()).await.unwrap();
    let lessons = lessons(&world, 1).await;
    assert_eq!(lessons[0].gain, Some(1.0));
    let models: Vec<_> = lessons[0]
        .models
        .iter()
        .map(|own| (own.model.as_str(), own.quality))
        .collect();
    assert_eq!(models, [("small", 0.0), ("middle", 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_of_nobodys_answer_or_of_one_reported_before_is_not_found() {
    let world = learning().await;
    let response = world.route(question()).await.unwrap();
    report(&world, &response.request_id, Outcome::Edited)
        .await
        .unwrap();
    for id in [
        response.request_id.as_str(),
        "0190f4c8-5c96-774b-bcce-b302099a8057",
    ] {
        let status = report(&world, id, Outcome::Accepted).await.unwrap_err();
        assert_eq!(failed(&status).reason(), Reason::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_says_nothing_is_refused_field_by_field() {
    let world = learning().await;
    let status = report(&world, "", Outcome::Unspecified).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    for field in ["request_id", "outcome"] {
        assert!(status.message().contains(field), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_cannot_learn_costs_no_answer() {
    let world = learning().await;
    world.classifier.learn.always(Answer::Hangs);
    for _ in 0..3 {
        assert!(world.route(question()).await.is_ok());
    }
    world
        .classifier
        .learn
        .always(Answer::Says(LearnResponse { learned: true }));
    lessons(&world, 3).await;
}

#[tokio::test(start_paused = true)]
async fn without_learning_a_report_is_taken_and_nothing_is_kept() {
    let world = World::start().await;
    let response = world.route(question()).await.unwrap();
    assert!(!world.classifier.classify.last().with_hashed_text);
    let learned = report(&world, &response.request_id, Outcome::Accepted).await;
    assert!(!learned.unwrap());
    assert_eq!(world.classifier.learn.calls(), 0);
}
