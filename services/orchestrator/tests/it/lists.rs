//! `Explain` and `ListModels`: what would be tried, what there is, and why something is not.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::common::v1::{
    GenerationParams, JsonSchemaFormat, ResponseFormat, response_format,
};
use terrace_proto::router::v1 as wire;

use crate::fakes::{Classifier, Gateway, classified, fails};
use crate::world::{World, failed, models, question, question_with};

/// Candidates and models left out, in a line each.
fn told(plan: &wire::Plan) -> Vec<String> {
    let candidates = plan.candidates.iter().map(|candidate| {
        let wire::Candidate { model, why, .. } = candidate;
        format!("{model}: {why}")
    });
    let left_out = plan.left_out.iter().map(|left_out| {
        let wire::LeftOut { model, why, .. } = left_out;
        format!("not {model}: {why}")
    });
    candidates.chain(left_out).collect()
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_all_about_itself() {
    let world = World::start().await;
    let policy = wire::RoutePolicy {
        allowed_tiers: vec!["local_fast".to_owned(), "api_fallback".to_owned()],
        max_attempts: Some(2),
        on_exhausted: wire::OnExhausted::Strict.into(),
        ..wire::RoutePolicy::default()
    };
    insta::assert_debug_snapshot!(world.explain(question_with(policy)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn explain_asks_the_classifier_and_nobody_else() {
    let world = World::start().await;
    world.explain(question()).await.unwrap();
    assert_eq!(world.classifier.classify.calls(), 1);
    assert_eq!(world.calls(), [0, 0, 0]);
    let ledger = &world.ledger;
    let asked = [
        ledger.reserve.calls(),
        ledger.settle.calls(),
        ledger.find.calls(),
    ];
    assert_eq!(asked, [0, 0, 0]);
    assert_eq!(world.judge.judge.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_difficulty_says_where_it_starts() {
    let world = World::start().await;
    for (difficulty, first) in [(0.39, "small"), (0.4, "middle"), (0.8, "big"), (1.0, "big")] {
        let answer = Classifier::finding(classified(difficulty));
        world.classifier.classify.next([answer]);
        let plan = world.explain(question()).await.unwrap();
        assert_eq!(plan.candidates[0].model, first, "{difficulty}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_cannot_serve_a_request_is_left_out_with_a_reason() {
    let world = World::start().await;
    let strict = response_format::Kind::JsonSchema(JsonSchemaFormat {
        schema_json: "{}".to_owned(),
        strict: true,
        ..JsonSchemaFormat::default()
    });
    let request = wire::RouteRequest {
        response_format: Some(ResponseFormat { kind: Some(strict) }),
        ..question()
    };
    let no_schema = "it cannot be held to a JSON Schema, which the request demands";
    let expected = [
        "middle: the next tier up, if the ones before fall short".to_owned(),
        format!("not small: {no_schema}"),
        format!("not big: {no_schema}"),
    ];
    assert_eq!(told(&world.explain(request).await.unwrap()), expected);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_cost_nothing_leaves_priced_models_out() {
    let world = World::start().await;
    let policy = wire::RoutePolicy {
        max_cost_nano_usd: Some(0),
        ..wire::RoutePolicy::default()
    };
    let plan = world.explain(question_with(policy)).await.unwrap();
    let last = told(&plan).pop().unwrap();
    let expected =
        "not big: its worst case of $0.001680 is above the request's max_cost of $0.000000";
    assert_eq!(last, expected);
}

#[tokio::test(start_paused = true)]
async fn the_callers_output_cap_is_the_candidates_and_counts_in_the_worst_case() {
    let world = World::start().await;
    let request = wire::RouteRequest {
        params: Some(GenerationParams {
            max_output_tokens: Some(7),
            ..GenerationParams::default()
        }),
        ..question()
    };
    let plan = world.explain(request).await.unwrap();
    let big = plan.candidates.last().unwrap();
    // 16 bytes of prompt and 16 tokens of overhead twice, at the $3.75 of a cache write; 7 tokens
    // at $15.
    assert_eq!(plan.input_token_bound, 48);
    assert_eq!(
        (big.max_output_tokens, big.worst_case_nano_usd),
        (7, 285_000)
    );
    assert!(
        plan.candidates
            .iter()
            .all(|candidate| candidate.max_output_tokens == 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_fails_is_said_so_in_the_plan() {
    let world = World::start().await;
    world
        .classifier
        .classify
        .next([fails(Reason::ServiceUnavailable)]);
    let plan = world.explain(question()).await.unwrap();
    assert_eq!(
        told(&plan)[0],
        "small: the classifier could not be asked, so it starts low"
    );
    let classification = plan.classification.unwrap();
    assert_eq!(
        classification.source().as_str_name(),
        "CLASSIFICATION_SOURCE_UNAVAILABLE"
    );
    assert_eq!(classification.evidence[0].feature, "classifier_unavailable");
}

#[tokio::test(start_paused = true)]
async fn bad_fields_of_an_explained_request_are_named() {
    let world = World::start().await;
    let error = world
        .explain(wire::RouteRequest::default())
        .await
        .unwrap_err();
    let failed = failed(&error);
    assert_eq!(failed.reason(), Reason::InvalidRequest);
    assert_eq!(failed.failure.fields[0].field, "messages");
    assert_eq!(world.classifier.classify.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_models_of_all_gateways_are_listed_with_their_tiers() {
    let world = World::start().await;
    let listed = world.models().await;
    assert_eq!(
        listed.tiers,
        ["local_fast", "local_quality", "api_fallback"]
    );
    let backends = ["small-backend", "middle-backend", "big-backend"];
    let expected = models().into_iter().zip(backends);
    // The backend's name is the config's, whatever the gateway says.
    let expected = expected.map(|(model, backend)| terrace_proto::common::v1::Model {
        backend: backend.to_owned(),
        ..model
    });
    assert_eq!(listed.models, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn it_is_told_how_busy_the_backends_are_whose_gateways_answer() {
    let world = World::start().await;
    let told = |listed: terrace_proto::router::v1::ListModelsResponse| {
        let line = |queue: terrace_proto::common::v1::BackendQueue| {
            let [flying, waiting, places] = [queue.in_flight, queue.waiting, queue.places];
            format!("{} {flying} of {places}, {waiting} wait", queue.backend)
        };
        listed.queues.into_iter().map(line).collect::<Vec<_>>()
    };
    let expected = ["small", "middle", "big"].map(|name| format!("{name}-backend 2 of 2, 1 wait"));
    assert_eq!(told(world.models().await), expected);
    world.middle.models.always(fails(Reason::ShuttingDown));
    world.middle.models.called(2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let [small, _, big] = expected;
    assert_eq!(told(world.models().await), [small, big]);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_stops_answering_keeps_its_models_and_says_why_they_cannot_be_called() {
    let world = World::start().await;
    world.middle.models.always(fails(Reason::ShuttingDown));
    world.middle.models.called(2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let listed = world.models().await;
    let available: Vec<_> = listed.models.iter().map(|model| model.available).collect();
    assert_eq!(available, [true, false, true]);
    assert_eq!(listed.models[1].unavailable_because, "scripted failure");
    let plan = world.explain(question()).await.unwrap();
    assert_eq!(told(&plan).pop().unwrap(), "not middle: scripted failure");

    let [_, middle, _] = models();
    world.middle.models.always(Gateway::listing([middle]));
    let asked = world.middle.models.calls();
    world.middle.models.called(asked + 1).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(
        world.models().await.models[1].available,
        "and it comes back by itself"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_late_is_asked_again_soon() {
    let world = World::with(|stage| stage.middle.models.next([fails(Reason::ShuttingDown)])).await;
    assert_eq!(world.models().await.models.len(), 2);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.models().await.models.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_unavailable_without_a_word_is_left_out_with_one() {
    let [small, ..] = models();
    let world = World::with(|stage| {
        let silent = terrace_proto::common::v1::Model {
            available: false,
            ..small
        };
        stage.small.models.always(Gateway::listing([silent]));
    })
    .await;
    let plan = world.explain(question()).await.unwrap();
    assert_eq!(plan.left_out[0].model, "small");
    assert!(!plan.left_out[0].why.is_empty());
}
