//! What the other services are sent: the whole message of each call, golden where it can be.

use std::collections::HashMap;

use terrace_orchestrator::fingerprint::Fingerprint;
use terrace_proto::classifier::v1::{Classification, ClassifyRequest, TaskKind};
use terrace_proto::common::v1::{
    GenerationParams, JsonFormat, Priority, ResponseFormat, Role, response_format,
};
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1::Generation;
use terrace_proto::judge::v1::JudgeRequest;
use terrace_proto::ledger::v1::{
    GetRequestRequest, RequestClose, RequestOutcome, ReserveRequest, SettleRequest, StepTarget,
};
use terrace_proto::router::v1 as wire;

use crate::fakes::{Classifier, Step, classified};
use crate::world::{ID, World, question, question_for_big};

/// A request with everything set that is honoured.
fn everything() -> wire::RouteRequest {
    wire::RouteRequest {
        request_id: ID.to_owned(),
        action: "edit_file".to_owned(),
        messages: vec![
            text_message(Role::System, "be brief"),
            text_message(Role::User, "rename x"),
        ],
        params: Some(GenerationParams {
            max_output_tokens: Some(64),
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            stop: vec!["END".to_owned()],
            seed: Some(7),
            frequency_penalty: Some(0.1),
            presence_penalty: Some(-0.1),
            ..GenerationParams::default()
        }),
        response_format: json(),
        policy: Some(wire::RoutePolicy {
            quality_threshold: Some(0.85),
            ..wire::RoutePolicy::default()
        }),
        code_language: "python".to_owned(),
        tags: HashMap::from([("team".to_owned(), "red".to_owned())]),
        ..wire::RouteRequest::default()
    }
}

fn json() -> Option<ResponseFormat> {
    let kind = Some(response_format::Kind::Json(JsonFormat {}));
    Some(ResponseFormat { kind })
}

fn target() -> Option<StepTarget> {
    Some(StepTarget {
        tier: "api_fallback".to_owned(),
        backend: "big-backend".to_owned(),
        model: "big".to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn the_classifier_is_sent_the_conversation_and_every_hint() {
    let world = World::start().await;
    world.route(everything()).await.unwrap();
    let expected = ClassifyRequest {
        messages: everything().messages,
        action: "edit_file".to_owned(),
        response_format: json(),
        tool_count: 0,
        code_language: "python".to_owned(),
        project: "default".to_owned(),
        ..ClassifyRequest::default()
    };
    assert_eq!(world.classifier.classify.last(), expected);
    assert_eq!(world.classifier.classify.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_gateway_is_sent_the_conversation_as_it_came() {
    let world = World::start().await;
    world.route(everything()).await.unwrap();
    let expected = Generation {
        model: "small".to_owned(),
        messages: everything().messages,
        params: everything().params,
        response_format: json(),
        request_id: ID.to_owned(),
        project: "default".to_owned(),
        priority: Priority::Interactive.into(),
        ..Generation::default()
    };
    assert_eq!(world.small.seen()[0].message, expected);
}

#[tokio::test(start_paused = true)]
async fn an_output_cap_is_always_sent_upstream() {
    let world = World::start().await;
    world.judge.scores(&[0.1, 0.1]);
    world.route(question()).await.unwrap();
    for gateway in [&world.small, &world.middle, &world.big] {
        let params = gateway.seen()[0].message.params.clone().unwrap();
        let expected = GenerationParams {
            max_output_tokens: Some(100),
            ..GenerationParams::default()
        };
        assert_eq!(params, expected, "the model's own cap and nothing else");
    }
}

#[tokio::test(start_paused = true)]
async fn the_judge_is_sent_the_answer_and_what_was_asked() {
    let world = World::start().await;
    let code = Classification {
        task_kind: TaskKind::Code.into(),
        code_language: "rust".to_owned(),
        source: terrace_proto::classifier::v1::ClassificationSource::Scorer.into(),
        lower_tier_suffices: 0.75,
        ..classified(0.1)
    };
    world.classifier.classify.always(Classifier::finding(code));
    world.small.next([
        Step::text("{\"a\""),
        Step::Nothing,
        Step::text(": 1}"),
        Step::finished(10, 5),
    ]);
    world.route(everything()).await.unwrap();
    let expected = JudgeRequest {
        messages: everything().messages,
        output: Some(text_message(Role::Assistant, "{\"a\": 1}")),
        finish_reason: 1,
        response_format: json(),
        action: "edit_file".to_owned(),
        threshold: 0.85,
        // What the caller says of its code wins over what the classifier guesses.
        code_language: "python".to_owned(),
        logprobs: Vec::new(),
        model: "small".to_owned(),
        request_id: ID.to_owned(),
        code_expected: true,
        lower_tier_suffices: Some(0.75),
        with_code_tree: false,
    };
    assert_eq!(world.judge.judge.last(), expected);
    let unnamed = wire::RouteRequest {
        request_id: String::new(),
        code_language: String::new(),
        ..everything()
    };
    world.route(unnamed).await.unwrap();
    assert_eq!(world.judge.judge.last().code_language, "rust");
}

#[tokio::test(start_paused = true)]
async fn code_is_not_expected_of_a_chat_and_the_configs_threshold_holds() {
    let world = World::start().await;
    world.route(question()).await.unwrap();
    let sent = world.judge.judge.last();
    assert!(!sent.code_expected);
    assert_eq!((sent.threshold, sent.code_language.as_str()), (0.7, ""));
}

#[tokio::test(start_paused = true)]
async fn the_worst_case_of_a_priced_step_is_held_before_it_is_called() {
    let world = World::start().await;
    let request = wire::RouteRequest {
        policy: question_for_big().policy,
        ..everything()
    };
    let body = Fingerprint::of(&mut request.clone());
    world.route(request).await.unwrap();
    // 16 bytes in two messages are 64 tokens at most; dearest is a cache write at $3.75.
    let expected = ReserveRequest {
        request_id: ID.to_owned(),
        step: "attempt/0".to_owned(),
        project: "default".to_owned(),
        key_id: String::new(),
        amount_nano_usd: 64 * 3_750 + 64 * 15_000,
        ttl: Some(prost_types::Duration {
            seconds: 900,
            nanos: 0,
        }),
        target: target(),
        action: "edit_file".to_owned(),
        body_fingerprint: body.as_bytes().to_vec(),
    };
    assert_eq!(world.ledger.reserve.last(), expected);
    assert_eq!(world.ledger.reserve.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_what_is_free() {
    let world = World::start().await;
    world.judge.scores(&[0.1]);
    world.route(question()).await.unwrap();
    assert_eq!(world.calls(), [1, 1, 0]);
    assert_eq!(world.ledger.reserve.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_the_ledger_are_the_attempts_of_the_answer() {
    let world = World::start().await;
    world.judge.scores(&[0.1]);
    world.middle.next([
        Step::text("x"),
        Step::usage(4, 1),
        Step::fails(terrace_domain::Reason::BackendTimeout),
    ]);
    let response = world.route(everything()).await.unwrap();
    let rows = world.ledger.rows();
    assert_eq!(rows.len(), 3);
    for (row, attempt) in rows.iter().zip(&response.attempts) {
        let target = row.target.clone().unwrap();
        assert_eq!(row.step, format!("attempt/{}", attempt.index));
        assert_eq!(
            (&target.tier, &target.backend, &target.model),
            (&attempt.tier, &attempt.backend, &attempt.model)
        );
        assert_eq!(
            (row.outcome, &row.reason),
            (attempt.outcome, &attempt.reason)
        );
        assert_eq!(
            (row.usage, row.cost_nano_usd),
            (attempt.usage, attempt.cost_nano_usd)
        );
        assert_eq!(
            (row.started_at, row.latency),
            (attempt.started_at, attempt.latency)
        );
        let score = attempt.verdict.as_ref().map(|verdict| verdict.score);
        assert_eq!(row.score, score);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_settlement_closes_the_request_with_its_tags() {
    let world = World::start().await;
    let request = wire::RouteRequest {
        policy: question_for_big().policy,
        ..everything()
    };
    let body = Fingerprint::of(&mut request.clone());
    let response = world.route(request).await.unwrap();
    let expected = SettleRequest {
        request_id: ID.to_owned(),
        project: "default".to_owned(),
        key_id: String::new(),
        action: "edit_file".to_owned(),
        steps: world.ledger.rows(),
        close: Some(RequestClose {
            outcome: RequestOutcome::Passed.into(),
            tier: "api_fallback".to_owned(),
            backend: "big-backend".to_owned(),
            model: "big".to_owned(),
            baseline_nano_usd: Some(10 * 30_000 + 5 * 60_000),
            score: Some(0.9),
            latency: response.latency,
            tags: HashMap::from([("team".to_owned(), "red".to_owned())]),
        }),
        body_fingerprint: body.as_bytes().to_vec(),
    };
    assert_eq!(world.ledger.settle.last(), expected);
    assert_eq!(world.ledger.settle.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_asked_for_ids_that_a_client_brings_and_for_no_others() {
    let world = World::start().await;
    world.route(question()).await.unwrap();
    assert_eq!(world.ledger.find.calls(), 0);
    world.route(everything()).await.unwrap();
    let expected = GetRequestRequest {
        request_id: ID.to_owned(),
        project: "default".to_owned(),
    };
    assert_eq!(world.ledger.find.last(), expected);
}

#[tokio::test(start_paused = true)]
async fn one_id_goes_to_every_service_and_back() {
    let world = World::start().await;
    let response = world.route(question_for_big()).await.unwrap();
    let id = response.request_id;
    assert_eq!(world.big.seen()[0].message.request_id, id);
    assert_eq!(world.judge.judge.last().request_id, id);
    assert_eq!(world.ledger.reserve.last().request_id, id);
    assert_eq!(world.ledger.settle.last().request_id, id);
}
