//! Learning over the wire: what is sent back is learned from, and changes what is said.

use terrace_classifier::config::Settings;
use terrace_classifier::learning::LearningSettings;
use terrace_proto::classifier::v1::{
    ClassifyRequest, ClassifyResponse, GetLearningRequest, GetLearningResponse, HashedText,
    LearnRequest, ModelQuality, RollBackLearningRequest,
};
use tonic::Code;

use crate::world::{Client, client, client_of, request, settings};

const TEXT: &str = "Which of our invoices from the zanzibar office were never paid, and why not?";

fn learning() -> Client {
    client_of(Settings {
        learning: Some(LearningSettings {
            folder: None,
            snapshot_every: 10,
            keep: 2,
        }),
        ..settings()
    })
}

async fn classify(client: &Client, project: &str) -> ClassifyResponse {
    let request = ClassifyRequest {
        project: project.to_owned(),
        with_hashed_text: true,
        models: vec!["small".to_owned(), "big".to_owned()],
        ..request(TEXT, "ask_books")
    };
    client.clone().classify(request).await.unwrap().into_inner()
}

fn lesson(hashed_text: Option<HashedText>) -> LearnRequest {
    LearnRequest {
        hashed_text,
        project: "shop".to_owned(),
        action: "ask_books".to_owned(),
        gain: Some(1.0),
        models: vec![ModelQuality {
            model: "small".to_owned(),
            quality: 0.0,
        }],
        count: 1.0,
    }
}

async fn standing(client: &Client) -> GetLearningResponse {
    let asked = client.clone().get_learning(GetLearningRequest {}).await;
    asked.unwrap().into_inner()
}

async fn taught(times: usize) -> Client {
    let client = learning();
    let hashed = classify(&client, "shop").await.hashed_text;
    for _ in 0..times {
        let learned = client.clone().learn(lesson(hashed.clone())).await;
        assert!(learned.unwrap().into_inner().learned);
    }
    client
}

#[tokio::test]
async fn what_became_of_answers_changes_what_is_expected_of_the_next() {
    let before = classify(&learning(), "shop").await;
    let client = taught(40).await;
    let after = classify(&client, "shop").await;
    let (was, is) = (
        before.classification.unwrap(),
        after.classification.unwrap(),
    );
    assert!(is.expected_gain > was.expected_gain + 0.2, "{was:?} {is:?}");
    assert!(is.lower_tier_suffices < was.lower_tier_suffices);
    let here = is.evidence.iter().any(|own| own.feature == "learned_here");
    assert!(here, "{:?}", is.evidence);
    let accuracies: Vec<f64> = after.accuracies.iter().map(|own| own.accuracy).collect();
    assert!(accuracies[0] < 0.3 && accuracies[1] > 0.6, "{accuracies:?}");
    assert_eq!(standing(&client).await.lessons, 40);
}

#[tokio::test]
async fn the_mean_of_one_project_is_not_that_of_another() {
    let client = taught(40).await;
    let gain = async |project: &str| {
        let found = classify(&client, project).await.classification;
        found.unwrap().expected_gain
    };
    assert!(gain("shop").await > gain("bank").await + 0.05);
}

#[tokio::test]
async fn without_learning_nothing_is_handed_out_or_learned() {
    let client = client();
    let found = classify(&client, "shop").await;
    assert_eq!((found.hashed_text, found.accuracies.len()), (None, 0));
    let learned = client.clone().learn(lesson(None)).await.unwrap();
    assert!(!learned.into_inner().learned);
    assert_eq!(standing(&client).await, GetLearningResponse::default());
    let back = RollBackLearningRequest::default();
    let refused = client.clone().roll_back_learning(back).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn no_word_of_a_question_is_in_what_is_handed_out() {
    let found = classify(&taught(40).await, "shop").await;
    let hashed = found.hashed_text.unwrap();
    assert!(hashed.buckets.len() > 10 && hashed.buckets.len() == hashed.values.len());
    let evidence = found.classification.unwrap().evidence;
    assert!(!format!("{evidence:?}").contains("zanzibar"));
}

#[tokio::test]
async fn a_lesson_that_makes_no_sense_is_refused_field_by_field() {
    let client = learning();
    let nonsense = LearnRequest {
        hashed_text: Some(HashedText {
            buckets: vec![1 << 20],
            values: vec![f32::NAN],
            ..HashedText::default()
        }),
        gain: Some(7.0),
        count: 0.0,
        ..LearnRequest::default()
    };
    let refused = client.clone().learn(nonsense).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in ["gain", "count", "hashed_text.values"] {
        assert!(refused.message().contains(field), "{refused:?}");
    }
    assert_eq!(standing(&client).await.lessons, 0);
}

#[tokio::test]
async fn rolled_back_to_nothing_it_says_what_it_said_at_first() {
    let client = taught(30).await;
    let back = RollBackLearningRequest::default();
    let left = client.clone().roll_back_learning(back).await.unwrap();
    assert_eq!(left.into_inner().lessons, 0);
    let (fresh, now) = (
        classify(&learning(), "shop").await,
        classify(&client, "shop").await,
    );
    let gain = |found: ClassifyResponse| found.classification.unwrap().expected_gain;
    assert!((gain(fresh) - gain(now)).abs() < 1e-12);
}

#[tokio::test]
async fn predictions_worse_than_chance_leave_the_prior_alone_and_say_so() {
    let client = learning();
    let hashed = classify(&client, "shop").await.hashed_text;
    // Alternating against what was just learned: the last lesson is always wrong for the next.
    for index in 0..200 {
        let gain = if index % 2 == 0 { 1.0 } else { -1.0 };
        let learned = LearnRequest {
            gain: Some(gain),
            ..lesson(hashed.clone())
        };
        client.clone().learn(learned).await.unwrap();
    }
    let standing = standing(&client).await;
    assert!(
        standing.prior_alone && standing.auroc.unwrap() < 0.5,
        "{standing:?}"
    );
    let found = classify(&client, "shop").await.classification.unwrap();
    let guard = found
        .evidence
        .iter()
        .any(|own| own.feature == "learning_guard");
    assert!(guard, "{:?}", found.evidence);
}
