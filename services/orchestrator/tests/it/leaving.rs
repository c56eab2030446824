//! Callers that go away in every place: the work stops, what was produced is settled, nothing
//! else begins.

use terrace_domain::Reason;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::RequestOutcome;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_rpc::deadline::{Deadline, request_within};
use tokio_util::sync::CancellationToken;

use crate::fakes::{Answer, Step, fails};
use crate::world::{LONG, World, question, question_for_big};

fn endless() -> Vec<Step> {
    vec![
        Step::text("one "),
        Step::text("two "),
        Step::text("three"),
        Step::Hangs,
    ]
}

/// Asserts that one cancelled attempt and the request's end are in the books.
fn assert_settled_as_cancelled(world: &World, (input, output): (u64, u64)) {
    let rows = world.ledger.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].outcome(), AttemptOutcome::Cancelled);
    let usage = rows[0].usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (input, output));
    let cost = i64::try_from(input * 3_000 + output * 15_000).unwrap();
    assert_eq!(rows[0].cost_nano_usd, cost);
    let closes = world.ledger.closes();
    assert_eq!(closes.len(), 1);
    assert_eq!(closes[0].outcome(), RequestOutcome::Cancelled);
    assert_eq!(
        (closes[0].tier.as_str(), closes[0].baseline_nano_usd),
        ("", None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_in_the_middle_stops_the_gateway_and_is_billed_for_what_came() {
    let world = World::start().await;
    world.big.next(endless());
    let started = async {
        world.big.called(1).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    };
    world.leave_at(question_for_big(), started).await;
    world.big.hung_up_on(1).await;
    world.quiet().await;
    // 16 bytes of prompt and 13 of answer.
    assert_settled_as_cancelled(&world, (4, 4));
    assert!(world.ledger.rows()[0].usage.unwrap().estimated);
    assert_eq!(world.calls(), [0, 0, 1], "nothing else was tried");
    assert_eq!(world.judge.judge.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_reader_drops_stops_the_gateway_and_is_settled() {
    let world = World::start().await;
    world.big.next(endless());
    let request = wire::RouteStreamRequest {
        request: Some(question_for_big()),
        ..wire::RouteStreamRequest::default()
    };
    let request = request_within(request, Deadline::within(LONG));
    let mut stream = world
        .client
        .clone()
        .route_stream(request)
        .await
        .unwrap()
        .into_inner();
    for expected in ["plan", "started"] {
        let event = stream.message().await.unwrap().unwrap().event.unwrap();
        let is_plan = matches!(event, Event::PlanMade(_));
        assert_eq!(is_plan, expected == "plan");
    }
    world.big.called(1).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.big.dropped(), 0, "it is being read");
    drop(stream);
    world.big.hung_up_on(1).await;
    world.quiet().await;
    assert_settled_as_cancelled(&world, (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_money_is_being_held_calls_nobody_and_pays_nothing() {
    let world = World::start().await;
    let held = CancellationToken::new();
    world.ledger.reserve.next([Answer::Waits(held.clone())]);
    world
        .leave_at(question_for_big(), world.ledger.reserve.called(1))
        .await;
    held.cancel();
    world.quiet().await;
    assert_eq!(world.calls(), [0, 0, 0]);
    // The hold is there, so there is a row that frees it.
    assert_settled_as_cancelled(&world, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_it_is_classified_calls_nobody_and_pays_nothing() {
    let world = World::start().await;
    world.classifier.classify.next([Answer::Hangs]);
    world
        .leave_at(question_for_big(), world.classifier.classify.called(1))
        .await;
    world.quiet().await;
    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(world.ledger.reserve.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_the_judge_thinks_pays_what_the_answer_cost() {
    let world = World::start().await;
    world.judge.judge.next([Answer::Hangs]);
    world
        .leave_at(question_for_big(), world.judge.judge.called(1))
        .await;
    world.quiet().await;
    assert_settled_as_cancelled(&world, (10, 5));
    assert!(
        !world.ledger.rows()[0].usage.unwrap().estimated,
        "the gateway counted it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_between_attempts_starts_no_other() {
    let world = World::start().await;
    let settled = CancellationToken::new();
    world.judge.scores(&[0.1]);
    world.ledger.settle.next([Answer::Waits(settled.clone())]);
    world
        .leave_at(question(), world.ledger.settle.called(1))
        .await;
    settled.cancel();
    world.quiet().await;
    assert_eq!(world.calls(), [1, 0, 0]);
    let outcomes: Vec<_> = world
        .ledger
        .rows()
        .iter()
        .map(|row| row.outcome())
        .collect();
    assert_eq!(
        outcomes,
        [AttemptOutcome::Rejected, AttemptOutcome::Cancelled]
    );
    assert_eq!(
        world.ledger.closes()[0].outcome(),
        RequestOutcome::Cancelled
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_its_answer_is_settled_changes_nothing_in_the_books() {
    let world = World::start().await;
    let settled = CancellationToken::new();
    world.ledger.settle.next([Answer::Waits(settled.clone())]);
    world
        .leave_at(question(), world.ledger.settle.called(1))
        .await;
    settled.cancel();
    world.quiet().await;
    assert_eq!(world.ledger.rows()[0].outcome(), AttemptOutcome::Accepted);
    assert_eq!(world.ledger.closes()[0].outcome(), RequestOutcome::Passed);
    assert_eq!(world.ledger.settle.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_gone_caller_used_is_settled_although_the_ledger_was_away() {
    let world = World::start().await;
    world.big.next(endless());
    let away = || fails(Reason::LedgerUnavailable);
    world.ledger.settle.next([away(), away(), away(), away()]);
    world
        .leave_at(question_for_big(), world.big.called(1))
        .await;
    world.quiet().await;
    assert_eq!(world.ledger.settle.calls(), 5);
    let last = world.ledger.settle.last();
    assert_eq!(last.steps[0].outcome(), AttemptOutcome::Cancelled);
    assert!(last.close.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_gone_callers_settlement_is_given_up_in_the_end() {
    let world = World::start().await;
    world.big.next(endless());
    world.ledger.settle.always(fails(Reason::LedgerUnavailable));
    world
        .leave_at(question_for_big(), world.big.called(1))
        .await;
    let clock = tokio::time::Instant::now();
    world.quiet().await;
    let took = clock.elapsed().as_secs();
    assert!((5..20).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_stops_the_classifier_at_once() {
    let world = World::start().await;
    world.classifier.classify.next([Answer::Hangs]);
    world
        .leave_at(question(), world.classifier.classify.called(1))
        .await;
    let clock = tokio::time::Instant::now();
    world.quiet().await;
    assert!(clock.elapsed().as_millis() < 100, "{:?}", clock.elapsed());
    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(world.ledger.settle.calls(), 0, "there is nothing to write");
}
