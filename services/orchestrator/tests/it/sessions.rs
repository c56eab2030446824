//! Sessions: they stay where they were served well.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::common::v1::{Message, Part, Role, ToolResult, part};
use terrace_proto::router::v1 as wire;

use crate::fakes::{Classifier, classified, fails};
use crate::world::{World, failed, question, told};

fn of(session: &str) -> wire::RouteRequest {
    wire::RouteRequest {
        session_id: session.to_owned(),
        ..question()
    }
}

/// The same with a tool's result as the last turn.
fn in_a_tool_exchange(session: &str) -> wire::RouteRequest {
    let mut request = of(session);
    let result = part::Kind::ToolResult(ToolResult {
        tool_call_id: "call-1".to_owned(),
        ..ToolResult::default()
    });
    request.messages.push(Message {
        role: Role::Tool.into(),
        parts: vec![Part { kind: Some(result) }],
    });
    request
}

/// A world in which the session `a` was served well by `middle`, after `small` had fallen short.
async fn with_a_session() -> World {
    let world = World::start().await;
    world.judge.scores(&[0.1]);
    let response = world.route(of("a")).await.unwrap();
    assert_eq!(response.decision.unwrap().model, "middle");
    world
}

async fn first(world: &World, request: wire::RouteRequest) -> (String, String) {
    let plan = world.explain(request).await.unwrap();
    let first = &plan.candidates[0];
    (first.model.clone(), first.why.clone())
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_where_it_was_served_well_and_the_plan_says_so() {
    let world = with_a_session().await;
    let (model, why) = first(&world, of("a")).await;
    assert_eq!(model, "middle");
    assert!(
        why.starts_with("the session was served well in this tier"),
        "{why}"
    );
    let response = world.route(of("a")).await.unwrap();
    assert_eq!(told(&response.attempts), ["middle ACCEPTED 0"]);
    for other in ["b", ""] {
        assert_eq!(first(&world, of(other)).await.0, "small", "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_did_not_pass_is_no_home() {
    let world = World::start().await;
    world.judge.scores(&[0.1, 0.1, 0.1]);
    assert!(!world.route(of("a")).await.unwrap().passed);
    assert_eq!(first(&world, of("a")).await.0, "small");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_not_heard_of_for_long_begins_anew() {
    let world = with_a_session().await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(first(&world, of("a")).await.0, "small");
}

#[tokio::test(start_paused = true)]
async fn the_middle_of_a_tool_exchange_is_answered_by_its_tier_or_a_higher_one_or_not_at_all() {
    let world = with_a_session().await;
    let low = || {
        Classifier::finding(terrace_proto::classifier::v1::Classification {
            tier: "local_fast".to_owned(),
            ..classified(0.1)
        })
    };
    world.classifier.classify.next([low()]);
    let response = world.route(in_a_tool_exchange("a")).await.unwrap();
    assert_eq!(response.decision.unwrap().model, "middle");

    world
        .middle
        .next([crate::fakes::Step::fails(Reason::BackendFailed)]);
    world.classifier.classify.next([low()]);
    let response = world.route(in_a_tool_exchange("a")).await.unwrap();
    assert_eq!(
        response.decision.unwrap().model,
        "big",
        "up, and it stays there"
    );

    world
        .big
        .next([crate::fakes::Step::fails(Reason::BackendFailed)]);
    let error = world.route(in_a_tool_exchange("a")).await.unwrap_err();
    assert_eq!(failed(&error).told(), ["big FAILED BACKEND_FAILED 0"]);
    assert_eq!(world.small.calls(), 1, "never down");
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_does_not_step_into_a_tool_exchange() {
    let world = World::with_a_cache().await;
    let unbound = wire::RouteRequest {
        session_id: String::new(),
        ..in_a_tool_exchange("a")
    };
    for _ in 0..2 {
        world.route(unbound.clone()).await.unwrap();
    }
    assert_eq!(world.small.calls(), 1, "the second one was kept");
    world.route(in_a_tool_exchange("a")).await.unwrap();
    assert_eq!(world.small.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_no_id_is_refused() {
    let world = World::start().await;
    for wrong in ["x".repeat(129), "a\nb".to_owned()] {
        let failed = failed(&world.route(of(&wrong)).await.unwrap_err());
        assert_eq!(failed.reason(), Reason::InvalidRequest);
        assert_eq!(failed.failure.fields[0].field, "session_id");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_of_a_model_that_cannot_be_called_is_served_by_others() {
    let world = with_a_session().await;
    world.middle.models.always(fails(Reason::ShuttingDown));
    world.middle.models.called(2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(first(&world, of("a")).await.0, "big");
}
