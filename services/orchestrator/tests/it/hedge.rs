//! A model that is late, and another called beside it: one answers, both are billed.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::convert::duration;
use terrace_proto::ledger::v1::RequestOutcome;
use terrace_proto::router::v1 as wire;

use crate::answers::text;
use crate::fakes::{Step, fails};
use crate::streams::{read, streamed};
use crate::world::{World, question_with, told};

/// A question that may be hedged.
fn question() -> wire::RouteRequest {
    question_with(hedged())
}

fn hedged() -> wire::RoutePolicy {
    wire::RoutePolicy {
        hedge: Some(true),
        ..wire::RoutePolicy::default()
    }
}

/// Says nothing for so many seconds, then does this.
fn after(seconds: u64, mut then: Vec<Step>) -> Vec<Step> {
    then.insert(0, Step::Waits(Duration::from_secs(seconds)));
    then
}

fn assert_in_the_books(world: &World, response: &wire::RouteResponse) {
    let rows = world.ledger.rows();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.step.clone(), row.outcome()))
        .collect();
    let attempts = response.attempts.iter();
    let attempts: Vec<_> = attempts
        .map(|attempt| (format!("attempt/{}", attempt.index), attempt.outcome()))
        .collect();
    assert_eq!(rows, attempts);
}

#[tokio::test(start_paused = true)]
async fn a_late_model_is_called_off_when_the_one_beside_it_has_answered() {
    let world = World::start().await;
    world.small.next([Step::Hangs]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small CANCELLED 0", "middle ACCEPTED 0"]
    );
    assert_eq!(response.attempts[0].detail, "called off: middle was first");
    let beside: Vec<_> = response.attempts.iter().map(|own| own.hedge_of).collect();
    assert_eq!(beside, [None, Some(0)]);
    assert_eq!(
        response.latency.unwrap().seconds,
        2,
        "the config's patience"
    );
    assert!(response.passed);
    world.small.hung_up_on(1).await;
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn a_late_model_that_answers_first_all_the_same_is_kept() {
    let world = World::start().await;
    world.small.next(after(3, Step::whole("late")));
    world.middle.next([Step::Hangs]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small ACCEPTED 0", "middle CANCELLED 0"]
    );
    assert_eq!(text(&response), "late");
    world.middle.hung_up_on(1).await;
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_falls_short_leaves_the_other_running() {
    let world = World::start().await;
    world.small.next(after(5, Step::whole("late")));
    world.judge.scores(&[0.1, 0.9]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small ACCEPTED 0", "middle REJECTED 0"]
    );
    assert_eq!(world.calls(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn when_both_fall_short_the_next_candidate_is_tried() {
    let world = World::start().await;
    world.small.next(after(5, Step::whole("late")));
    world.judge.scores(&[0.1, 0.2, 0.9]);
    let response = world.route(question()).await.unwrap();
    let expected = [
        "small REJECTED 0",
        "middle REJECTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_speaks_in_time_is_not_hedged_however_long_it_talks() {
    let world = World::start().await;
    world.small.next(vec![
        Step::Waits(Duration::from_secs(1)),
        Step::text("well "),
        Step::Waits(Duration::from_secs(20)),
        Step::finished(10, 5),
    ]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    assert_eq!(world.calls(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_hedged_unless_it_is_wanted_and_there_is_room_money_and_budget() {
    let limited = |change: fn(&mut wire::RoutePolicy)| {
        let mut policy = hedged();
        change(&mut policy);
        question_with(policy)
    };
    let requests = [
        limited(|policy| policy.hedge = None),
        limited(|policy| policy.max_attempts = Some(1)),
        limited(|policy| policy.model = "small".to_owned()),
        limited(|policy| {
            policy.allowed_tiers = vec!["local_fast".to_owned(), "api_fallback".to_owned()];
            policy.max_cost_nano_usd = Some(1);
        }),
    ];
    for request in requests {
        let world = World::start().await;
        world.small.next(after(9, Step::whole("late")));
        let response = world.route(request).await.unwrap();
        assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    }
    let world = World::with(|stage| stage.settings.route.hedge.budget = 0.0).await;
    world.small.next(after(9, Step::whole("late")));
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_models_own_times_say_when_it_is_late_and_explain_tells() {
    let world = World::start().await;
    let patience = async || {
        let plan = world.explain(question()).await.unwrap();
        let first = plan.candidates[0].hedge_after.as_ref();
        duration(first.unwrap()).unwrap()
    };
    assert_eq!(patience().await, Duration::from_secs(2), "nothing is known");
    for _ in 0..5 {
        world.small.next(after(1, Step::whole("slowly")));
        world.route(question()).await.unwrap();
    }
    let known = patience().await;
    assert!(known >= Duration::from_secs(1) && known < Duration::from_secs(2));
    for _ in 0..100 {
        world.route(question()).await.unwrap();
    }
    assert_eq!(patience().await, Duration::from_millis(100), "never less");
    world.small.next([Step::Hangs]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small CANCELLED 0", "middle ACCEPTED 0"]
    );
    assert_eq!(response.latency.unwrap().seconds, 0);
    let unhedged = question_with(wire::RoutePolicy::default());
    let plan = world.explain(unhedged).await.unwrap();
    assert!(plan.candidates[0].hedge_after.is_none());
}

#[tokio::test(start_paused = true)]
async fn another_address_of_the_same_backend_is_asked_before_another_model() {
    let world = World::with(|stage| {
        let backend = "small-backend".parse().unwrap();
        stage.settings.route.hedge.replicas.insert(backend, 2);
    })
    .await;
    world.small.next([Step::Hangs]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(
        told(&response.attempts),
        ["small CANCELLED 0", "small ACCEPTED 0"]
    );
    assert_eq!(world.calls(), [2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_money_of_the_second_is_held_before_it_is_called_and_it_is_tried_again_without() {
    let world = World::start().await;
    world
        .small
        .next(after(5, vec![Step::fails(Reason::BackendFailed)]));
    world.ledger.reserve.next([fails(Reason::BudgetExhausted)]);
    let policy = wire::RoutePolicy {
        allowed_tiers: vec!["local_fast".to_owned(), "api_fallback".to_owned()],
        ..hedged()
    };
    let response = world.route(question_with(policy)).await.unwrap();
    let expected = [
        "small FAILED BACKEND_FAILED 0",
        "big SKIPPED BUDGET_EXHAUSTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_in_the_books(&world, &response);
    let holds = world.ledger.reserve.seen();
    let steps: Vec<_> = holds
        .iter()
        .map(|seen| seen.message.step.as_str())
        .collect();
    assert_eq!(steps, ["attempt/1", "attempt/2"]);
}

#[tokio::test(start_paused = true)]
async fn where_an_answer_leaves_at_once_the_first_to_speak_is_kept() {
    for mode in [wire::CommitMode::Provisional, wire::CommitMode::Prefix] {
        let world = World::start().await;
        world.small.next(after(3, Step::whole("late")));
        world.middle.next(vec![
            Step::text("so "),
            Step::Waits(Duration::from_secs(5)),
            Step::text("it is"),
            Step::finished(10, 5),
        ]);
        let request = wire::RouteStreamRequest {
            commit_mode: mode.into(),
            ..streamed(question())
        };
        let streamed = read(&world, request).await.unwrap();
        let names = streamed.names();
        assert_eq!(names[..3], ["plan", "started small", "started middle"]);
        assert!(
            names.contains(&"rejected small CANCELLED 0".to_owned()),
            "{names:?}"
        );
        assert_eq!(streamed.text(), "so it is", "each word once");
        let response = streamed.completed();
        assert_eq!(
            told(&response.attempts),
            ["small CANCELLED 0", "middle ACCEPTED 0"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_stops_both_and_both_are_settled() {
    let world = World::start().await;
    world.small.next([Step::Hangs]);
    world.middle.next([Step::Hangs]);
    let both = async {
        world.middle.called(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    world.leave_at(question(), both).await;
    world.small.hung_up_on(1).await;
    world.middle.hung_up_on(1).await;
    world.quiet().await;
    assert_eq!(world.ledger.rows().len(), 2);
    assert_eq!(
        world.ledger.closes()[0].outcome(),
        RequestOutcome::Cancelled
    );
    assert_eq!(world.calls(), [1, 1, 0]);
}
