//! Answers that fell short and are asked for once more, with what the judge found.

use terrace_domain::Reason;
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::CheckFinding;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use tokio_stream::StreamExt as _;

use crate::fakes::{Judge, Step, fails, verdict};
use crate::world::{World, question, question_for_big, question_with, told};

/// A world in which a request may be repaired so often.
async fn with_repairs(most: u32) -> World {
    World::with(|stage| stage.settings.policy.max_repairs = most).await
}

fn repair_of(response: &wire::RouteResponse) -> Vec<Option<u32>> {
    let attempts = response.attempts.iter();
    attempts.map(|attempt| attempt.repair_of).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_model_is_asked_once_more_with_its_answer_and_what_was_found() {
    let world = with_repairs(1).await;
    world.judge.scores(&[0.4, 0.9]);
    let response = world.route(question()).await.unwrap();
    assert!(response.passed);
    let expected = ["small REJECTED 0", "small ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(repair_of(&response), [None, Some(0)]);

    let asked = &world.small.seen()[1].message.messages;
    let turns: Vec<_> = asked
        .iter()
        .map(|turn| (turn.role(), text_of_parts(turn)))
        .collect();
    assert_eq!(turns[0], (Role::User, "what is a monad?".to_owned()));
    assert_eq!(turns[1], (Role::Assistant, "fine".to_owned()));
    assert_eq!(turns[2].0, Role::User);
    assert!(turns[2].1.contains("- relevance: scored 0.4"), "{turns:?}");
    let judged = &world.judge.judge.last().messages;
    assert_eq!(
        judged.len(),
        1,
        "the judge holds it against what was asked at first"
    );
    assert_eq!(world.ledger.rows().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_falls_short_too_goes_one_tier_up() {
    let world = with_repairs(1).await;
    world.judge.scores(&[0.4, 0.5, 0.9]);
    let response = world.route(question()).await.unwrap();
    let expected = ["small REJECTED 0", "small REJECTED 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(
        world.middle.seen()[0].message.messages.len(),
        1,
        "which starts anew"
    );
}

#[tokio::test(start_paused = true)]
async fn a_repair_counts_against_the_attempt_limit() {
    let world = with_repairs(15).await;
    world.judge.scores(&[0.4, 0.5, 0.6]);
    let policy = wire::RoutePolicy {
        max_attempts: Some(2),
        ..wire::RoutePolicy::default()
    };
    let response = world.route(question_with(policy)).await.unwrap();
    assert!(!response.passed);
    assert_eq!(world.calls(), [2, 0, 0]);
    assert_eq!(response.decision.unwrap().tier, "local_fast");
}

#[tokio::test(start_paused = true)]
async fn its_worst_case_is_in_the_plan_reserved_and_billed() {
    let world = with_repairs(1).await;
    world.judge.scores(&[0.4, 0.9]);
    let plan = world.explain(question_for_big()).await.unwrap();
    let planned = &plan.candidates[0];
    assert_eq!(plan.max_repairs, 1);
    // 48 tokens of prompt, 100 of the answer and 1088 of two more turns at $3.75; 100 at $15.
    let worst_case = (48 + 100 + 1088) * 3_750 + 100 * 15_000;
    assert_eq!(planned.repair_worst_case_nano_usd, Some(worst_case));
    let response = world.route(question_for_big()).await.unwrap();
    let held: Vec<_> = world.ledger.reserve.seen();
    let held: Vec<_> = held
        .iter()
        .map(|seen| seen.message.amount_nano_usd)
        .collect();
    assert_eq!(held, [planned.worst_case_nano_usd, worst_case]);
    let steps: Vec<_> = world
        .ledger
        .rows()
        .into_iter()
        .map(|row| row.step)
        .collect();
    assert_eq!(steps, ["attempt/0", "attempt/1"]);
    assert_eq!(response.cost_nano_usd, 2 * 105_000);
}

#[tokio::test(start_paused = true)]
async fn without_budget_for_it_a_repair_is_skipped_and_the_next_tier_tried() {
    let world = with_repairs(1).await;
    world.judge.scores(&[0.4, 0.9]);
    let policy = wire::RoutePolicy {
        max_cost_nano_usd: Some(2_000_000),
        ..wire::RoutePolicy::default()
    };
    let hard = crate::fakes::Classifier::finding(crate::fakes::classified(0.95));
    world.classifier.classify.next([hard]);
    let response = world.route(question_with(policy)).await.unwrap();
    let expected = ["big REJECTED 105000", "big SKIPPED BUDGET_EXHAUSTED 0"];
    assert_eq!(told(&response.attempts), expected);
    assert!(!response.passed, "lower tiers are for when nobody answers");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_repaired() {
    let world = with_repairs(1).await;
    let mut refused = verdict(0.0);
    refused.checks = vec![CheckFinding {
        check: "refusal".to_owned(),
        hard_failure: true,
        finding: "declines the task".to_owned(),
        weight: 1.0,
        ..CheckFinding::default()
    }];
    world.judge.judge.next([Judge::saying(refused)]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small REJECTED 0", "middle ACCEPTED 0"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_could_judge_is_not_repaired() {
    let world = with_repairs(1).await;
    world.judge.judge.next([fails(Reason::ServiceUnavailable)]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small REJECTED 0", "middle ACCEPTED 0"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_says_itself_how_often_it_may_be_repaired() {
    let world = World::start().await;
    for (most, calls) in [(Some(2), 3), (None, 1), (Some(0), 1)] {
        world.judge.scores(&[0.4, 0.4, 0.4, 0.9][..calls + 1]);
        let before = world.small.calls();
        let policy = wire::RoutePolicy {
            max_repairs: most,
            max_attempts: Some(4),
            ..wire::RoutePolicy::default()
        };
        world.route(question_with(policy)).await.unwrap();
        assert_eq!(world.small.calls() - before, calls, "{most:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_back_what_is_being_repaired_and_says_so() {
    let world = with_repairs(1).await;
    world.small.next(Step::whole("first"));
    world.small.next(Step::whole("second"));
    world.judge.scores(&[0.4, 0.9]);
    let request = wire::RouteStreamRequest {
        request: Some(question()),
        commit_mode: wire::CommitMode::Provisional.into(),
        ..wire::RouteStreamRequest::default()
    };
    let mut client = world.client.clone();
    let events = client.route_stream(request).await.unwrap().into_inner();
    let events: Vec<_> = events
        .map(|event| event.unwrap().event.unwrap())
        .collect()
        .await;
    let line = |event: &Event| match event {
        Event::PlanMade(_) => "plan".to_owned(),
        Event::AttemptStarted(started) => format!("started {:?}", started.repair_of),
        Event::Chunk(chunk) => chunk.text.clone(),
        Event::AttemptRejected(_) => "rejected".to_owned(),
        Event::Committed(committed) => format!("committed {}", committed.attempt_index),
        Event::Completed(_) => "completed".to_owned(),
    };
    let lines: Vec<_> = events.iter().map(line).collect();
    let expected = [
        "plan",
        "started None",
        "first",
        "rejected",
        "started Some(0)",
        "second",
        "committed 1",
        "completed",
    ];
    assert_eq!(lines, expected);
}
