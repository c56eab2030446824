//! Services that break their contracts: INTERNAL or the configured way down, and never a panic.

use terrace_domain::Reason;
use terrace_orchestrator::route::{OnClassifierUnavailable, OnJudgeUnavailable};
use terrace_proto::classifier::v1::{Classification, ClassifyResponse};
use terrace_proto::common::v1::{Model, Price};
use terrace_proto::judge::v1::{CheckFinding, JudgeResponse, Verdict};
use terrace_proto::ledger::v1::ReserveResponse;
use terrace_proto::router::v1 as wire;
use tonic::{Code, Status};

use crate::fakes::{Answer, Classifier, Gateway, Judge, classified, fails, verdict};
use crate::world::{ID, World, failed, models, question, question_for_big, question_with, told};

fn broken_classifications() -> Vec<Answer<ClassifyResponse>> {
    let with = |change: fn(&mut Classification)| {
        let mut classification = classified(0.1);
        change(&mut classification);
        Classifier::finding(classification)
    };
    vec![
        Answer::Says(ClassifyResponse::default()),
        with(|wrong| wrong.difficulty = 7.0),
        with(|wrong| wrong.difficulty = f64::NAN),
        with(|wrong| wrong.confidence = -0.1),
        with(|wrong| wrong.tier = "\u{7}".to_owned()),
        fails(Reason::InvalidRequest),
        fails(Reason::NotFound),
        fails(Reason::PermissionDenied),
        Answer::Status(Status::unimplemented("")),
        Answer::Panics("a defect of the classifier"),
    ]
}

fn broken_verdicts() -> Vec<Answer<JudgeResponse>> {
    let with = |change: fn(&mut Verdict)| {
        let mut verdict = verdict(0.9);
        change(&mut verdict);
        Judge::saying(verdict)
    };
    vec![
        Answer::Says(JudgeResponse::default()),
        with(|wrong| wrong.score = 7.0),
        with(|wrong| wrong.score = f64::NAN),
        with(|wrong| wrong.threshold = -1.0),
        with(|wrong| {
            wrong.checks.push(CheckFinding {
                score: f64::INFINITY,
                ..CheckFinding::default()
            });
        }),
        fails(Reason::InvalidRequest),
        fails(Reason::Unauthenticated),
        Answer::Status(Status::not_found("no such route")),
        Answer::Panics("a defect of the judge"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_broken_classification_starts_low_or_fails_as_configured() {
    let lenient = World::start().await;
    let strict = World::with(|stage| {
        stage.settings.route.on_classifier_unavailable = OnClassifierUnavailable::Fail;
    })
    .await;
    for broken in broken_classifications() {
        lenient.classifier.classify.next([broken.clone()]);
        let response = lenient.route(question()).await.unwrap();
        assert!(response.passed);
        let classification = response.decision.unwrap().classification.unwrap();
        assert_eq!(classification.source(), wire_unavailable(), "{broken:?}");

        strict.classifier.classify.next([broken.clone()]);
        let failed = failed(&strict.route(question()).await.unwrap_err());
        assert_eq!(
            (failed.code, failed.reason()),
            (Code::Internal, Reason::Internal),
            "{broken:?}"
        );
        assert!(failed.told().is_empty());
    }
    assert_eq!(strict.calls(), [0, 0, 0]);
}

fn wire_unavailable() -> terrace_proto::classifier::v1::ClassificationSource {
    terrace_proto::classifier::v1::ClassificationSource::Unavailable
}

#[tokio::test(start_paused = true)]
async fn a_broken_verdict_goes_one_tier_up_or_marks_the_answer_as_configured() {
    let up = World::start().await;
    let marked = World::with(|stage| {
        stage.settings.route.on_judge_unavailable = OnJudgeUnavailable::AcceptMarked;
    })
    .await;
    for broken in broken_verdicts() {
        up.judge.judge.next([broken.clone()]);
        let response = up.route(question()).await.unwrap();
        assert!(response.passed);
        assert_eq!(
            told(&response.attempts),
            ["small REJECTED 0", "middle ACCEPTED 0"],
            "{broken:?}"
        );
        assert!(response.attempts[0].detail.starts_with("not judged: "));

        marked.judge.judge.next([broken.clone()]);
        let response = marked.route(question()).await.unwrap();
        assert!(!response.passed, "{broken:?}");
        assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_to_fail_without_a_judge_tries_no_other_model() {
    let world = World::with(|stage| {
        stage.settings.route.on_judge_unavailable = OnJudgeUnavailable::Fail;
    })
    .await;
    world.judge.judge.next([fails(Reason::ServiceUnavailable)]);
    let failed = failed(&world.route(question()).await.unwrap_err());
    assert_eq!(
        (failed.code, failed.reason()),
        (Code::Unavailable, Reason::ServiceUnavailable)
    );
    assert_eq!(failed.told(), ["small FAILED SERVICE_UNAVAILABLE 0"]);
    assert_eq!(world.calls(), [1, 0, 0]);

    // An answer that was judged before is no way around it.
    let again = [
        Judge::saying(verdict(0.5)),
        fails(Reason::ServiceUnavailable),
    ];
    world.judge.judge.next(again);
    let failed = crate::world::failed(&world.route(question()).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::ServiceUnavailable);
    let expected = ["small REJECTED 0", "middle FAILED SERVICE_UNAVAILABLE 0"];
    assert_eq!(failed.told(), expected);
}

#[tokio::test(start_paused = true)]
async fn models_that_break_the_contract_are_never_called_and_the_others_are() {
    let [good, ..] = models();
    let broken: [fn(&mut Model); 5] = [
        |model| model.default_max_output_tokens = 0,
        |model| model.tier = String::new(),
        |model| model.name = String::new(),
        |model| model.price = Some(negative()),
        |model| model.tier = "penthouse".to_owned(),
    ];
    for change in broken {
        let mut bad = models()[0].clone();
        change(&mut bad);
        let world = World::with(|stage| {
            let listing = Gateway::listing([good.clone(), bad.clone()]);
            stage.small.models.always(listing);
        })
        .await;
        let plan = world.explain(question()).await.unwrap();
        let names: Vec<_> = plan
            .candidates
            .iter()
            .map(|model| model.model.as_str())
            .collect();
        assert_eq!(names, ["small", "middle", "big"], "{bad:?}");
        assert!(world.route(question()).await.unwrap().passed);
    }
}

fn negative() -> Price {
    Price {
        output_nano_usd: -1,
        ..Price::default()
    }
}

#[tokio::test(start_paused = true)]
async fn when_no_gateway_lists_a_proper_model_the_error_says_where_to_look() {
    let world = World::with(|stage| {
        let [small, ..] = models();
        let nameless = Model {
            name: String::new(),
            ..small
        };
        for gateway in [&stage.small, &stage.middle, &stage.big] {
            gateway.models.always(Gateway::listing([nameless.clone()]));
        }
    })
    .await;
    let failed = failed(&world.route(question()).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::NoCandidate);
    assert!(failed.failure.message.contains("gateways"), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_somebody_else_has_ends_the_request_and_touches_no_books() {
    let world = World::start().await;
    let held = Answer::Says(ReserveResponse {
        repeated_call: true,
        ..ReserveResponse::default()
    });
    for theirs in [held, fails(Reason::RequestIdUsed)] {
        world.ledger.reserve.next([theirs]);
        let policy = wire::RoutePolicy {
            allowed_tiers: vec!["api_fallback".to_owned(), "local_fast".to_owned()],
            ..wire::RoutePolicy::default()
        };
        let hard = Classifier::finding(classified(0.95));
        world.classifier.classify.next([hard]);
        let failed = failed(&world.route(question_with(policy)).await.unwrap_err());
        assert_eq!(
            (failed.code, failed.reason()),
            (Code::AlreadyExists, Reason::RequestIdUsed)
        );
    }
    assert_eq!(world.calls(), [0, 0, 0], "the other one is answering");
    assert_eq!(world.ledger.settle.calls(), 0, "and closes its own books");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_breaks_its_contract_is_no_reason_to_call_what_costs() {
    let world = World::start().await;
    for broken in [
        fails(Reason::InvalidRequest),
        Answer::Status(Status::unimplemented("")),
        Answer::Panics("a defect of the ledger"),
    ] {
        world.ledger.reserve.next([broken]);
        let failed = failed(&world.route(question_for_big()).await.unwrap_err());
        assert_eq!(failed.reason(), Reason::LedgerUnavailable);
        assert_eq!(failed.told(), ["big SKIPPED LEDGER_UNAVAILABLE 0"]);
    }
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_hold_whose_connection_broke_is_asked_for_once_more() {
    let world = World::start().await;
    let stands = |repeated_call| {
        Answer::Says(ReserveResponse {
            repeated_call,
            ..ReserveResponse::default()
        })
    };
    for (broke, then) in [
        (Answer::Status(Status::unavailable("")), stands(false)),
        // The ledger had entered it before it could say so.
        (fails(Reason::ServiceUnavailable), stands(true)),
        (fails(Reason::ShuttingDown), stands(false)),
    ] {
        let before = world.ledger.reserve.calls();
        world.ledger.reserve.next([broke, then]);
        let answer = world.route(question_for_big()).await.unwrap();
        assert_eq!(answer.attempts.len(), 1, "{answer:?}");
        let seen = world.ledger.reserve.seen();
        let [first, second] = &seen[before..] else {
            panic!("asked {} times", seen.len() - before);
        };
        assert_eq!(first.message, second.message);
        assert!(second.time_left < first.time_left, "one deadline for both");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_cannot_be_had_twice_over_is_given_up() {
    let world = World::start().await;
    let gone = || Answer::Status(Status::unavailable(""));
    world.ledger.reserve.next([gone(), gone()]);
    let failed = failed(&world.route(question_for_big()).await.unwrap_err());
    assert_eq!(failed.told(), ["big SKIPPED LEDGER_UNAVAILABLE 0"]);
    assert_eq!(
        (world.calls(), world.ledger.reserve.calls()),
        ([0, 0, 0], 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_hold_of_an_id_that_a_caller_chose_is_not_taken_for_ours() {
    let world = World::start().await;
    let theirs = Answer::Says(ReserveResponse {
        repeated_call: true,
        ..ReserveResponse::default()
    });
    let broke = Answer::Status(Status::unavailable(""));
    world.ledger.reserve.next([broke, theirs]);
    let asked = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question_for_big()
    };
    let failed = failed(&world.route(asked).await.unwrap_err());
    assert_eq!(failed.told(), ["big SKIPPED LEDGER_UNAVAILABLE 0"]);
    assert_eq!(world.calls(), [0, 0, 0]);
}
