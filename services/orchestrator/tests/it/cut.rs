//! Streams of gateways that break in every place: what is billed, and who answers instead.

use terrace_domain::Reason;
use terrace_proto::common::v1::{FinishReason, Usage};
use terrace_proto::gateway::v1::Finished;
use terrace_proto::router::v1::Attempt;
use tonic::{Code, Status};

use crate::fakes::{Step, fails};
use crate::world::{World, failed, question, question_for_big, told};

/// Lets the priced model do `steps` for a request that has no other.
async fn only_attempt(steps: impl IntoIterator<Item = Step>) -> (World, Attempt) {
    let world = World::start().await;
    world.big.next(steps);
    let error = world.route(question_for_big()).await.unwrap_err();
    let attempt = failed(&error).trail.unwrap().attempts.remove(0);
    assert_eq!(world.ledger.rows()[0].cost_nano_usd, attempt.cost_nano_usd);
    assert_eq!(world.ledger.rows()[0].usage, attempt.usage);
    (world, attempt)
}

fn counts(attempt: &Attempt) -> (u64, u64, bool) {
    let usage = attempt.usage.unwrap();
    (usage.input_tokens, usage.output_tokens, usage.estimated)
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_end_is_truncated_and_billed_as_counted() {
    let steps = [Step::text("half an ans"), Step::usage(10, 5)];
    let (_, attempt) = only_attempt(steps).await;
    assert_eq!(
        told(std::slice::from_ref(&attempt)),
        ["big FAILED TRUNCATED 105000"]
    );
    assert_eq!(counts(&attempt), (10, 5, false));
}

#[tokio::test(start_paused = true)]
async fn an_error_after_a_count_is_billed_as_counted_and_the_next_tier_answers() {
    let world = World::start().await;
    let broken = [
        Step::text("a"),
        Step::usage(7, 1),
        Step::fails(Reason::BackendMalformed),
    ];
    world.small.next(broken);
    let response = world.route(question()).await.unwrap();
    let expected = ["small FAILED BACKEND_MALFORMED 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(counts(&response.attempts[0]), (7, 1, false));
    assert_eq!(response.attempts[0].detail, "scripted failure");
    let total = response.usage.unwrap();
    assert_eq!(
        (total.input_tokens, total.output_tokens),
        (17, 6),
        "of both"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_dies_before_it_could_count_is_billed_by_what_came() {
    // A gateway counts before it fails; text behind the last count means that it died.
    let gone = Status::new(Code::Unavailable, "connection reset");
    let steps = [
        Step::text("word "),
        Step::text("after "),
        Step::text("word"),
        Step::Status(gone),
    ];
    let (_, attempt) = only_attempt(steps).await;
    // 16 bytes of prompt, 15 of answer, four to a token.
    assert_eq!(counts(&attempt), (4, 4, true));
    assert_eq!(attempt.cost_nano_usd, 4 * 3_000 + 4 * 15_000);
    assert_eq!(attempt.reason, "SERVICE_UNAVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn text_behind_the_last_count_is_billed_too() {
    let steps = [Step::usage(10, 1), Step::text(&"word ".repeat(40))];
    let (_, attempt) = only_attempt(steps).await;
    assert_eq!(counts(&attempt), (10, 50, true));
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_count_does_not_make_the_answer_free() {
    let uncounted = Step::Finished(Finished {
        finish_reason: FinishReason::Stop.into(),
        usage: None,
        served_model: String::new(),
    });
    let world = World::start().await;
    world
        .big
        .next([Step::text("fine, thanks"), uncounted.clone()]);
    let response = world.route(question_for_big()).await.unwrap();
    assert_eq!(counts(&response.attempts[0]), (4, 3, true));
    assert_eq!(response.cost_nano_usd, 4 * 3_000 + 3 * 15_000);
    // The last count before it stands.
    world
        .big
        .next([Step::text("fine"), Step::usage(10, 5), uncounted]);
    let response = world.route(question_for_big()).await.unwrap();
    assert_eq!(counts(&response.attempts[0]), (10, 5, false));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_began_costs_nothing() {
    let (world, attempt) = only_attempt([Step::fails(Reason::BackendUnreachable)]).await;
    assert_eq!(
        (counts(&attempt), attempt.cost_nano_usd),
        ((0, 0, false), 0)
    );
    assert_eq!(
        world.ledger.reserve.calls(),
        1,
        "its hold is settled with nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_finds_our_message_wrong_is_our_defect_before_and_in_the_stream() {
    for reason in [
        Reason::InvalidRequest,
        Reason::PermissionDenied,
        Reason::NotFound,
    ] {
        let world = World::start().await;
        world.small.next([Step::fails(reason)]);
        world
            .middle
            .next([Step::text("x"), Step::usage(1, 1), Step::fails(reason)]);
        let response = world.route(question()).await.unwrap();
        let expected = [
            "small FAILED INTERNAL 0",
            "middle FAILED INTERNAL 0",
            "big ACCEPTED 105000",
        ];
        assert_eq!(told(&response.attempts), expected, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_says_cancelled_does_not_end_the_request() {
    let world = World::start().await;
    world.small.next([Step::fails(Reason::Cancelled)]);
    world
        .middle
        .next([Step::text("x"), Step::Status(Status::cancelled("reset"))]);
    let response = world.route(question()).await.unwrap();
    let expected = [
        "small FAILED SERVICE_UNAVAILABLE 0",
        "middle FAILED SERVICE_UNAVAILABLE 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
}

#[tokio::test(start_paused = true)]
async fn a_status_of_unknown_origin_shows_nothing_of_itself() {
    let secret = || Step::Status(Status::internal("password=hunter2"));
    let world = World::start().await;
    world.big.next([secret()]);
    let before = failed(&world.route(question_for_big()).await.unwrap_err());
    world.big.next([Step::text("x"), secret()]);
    let within = failed(&world.route(question_for_big()).await.unwrap_err());
    for failed in [before, within] {
        assert_eq!(failed.reason(), Reason::Internal);
        assert!(!format!("{failed:?}").contains("hunter2"), "{failed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn counts_beyond_all_measure_are_no_panic() {
    let absurd = Usage {
        input_tokens: u64::MAX,
        output_tokens: u64::MAX,
        cached_input_tokens: u64::MAX,
        ..Usage::default()
    };
    let world = World::start().await;
    world
        .small
        .next([Step::Usage(absurd), Step::fails(Reason::BackendFailed)]);
    let response = world.route(question()).await.unwrap();
    let expected = ["small FAILED BACKEND_FAILED 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(
        response.usage.unwrap().input_tokens,
        u64::MAX,
        "the sum saturates"
    );
}

#[tokio::test(start_paused = true)]
async fn events_behind_the_end_change_nothing() {
    let world = World::start().await;
    let mut steps = Step::whole("fine");
    steps.extend([
        Step::text(" but"),
        Step::usage(9, 9),
        Step::fails(Reason::BackendFailed),
    ]);
    world.small.next(steps);
    let response = world.route(question()).await.unwrap();
    assert_eq!(crate::answers::text(&response), "fine");
    assert_eq!(counts(&response.attempts[0]), (10, 5, false));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_lingers_behind_the_end_does_not_hold_up_the_answer() {
    let world = World::start().await;
    let mut steps = Step::whole("fine");
    steps.push(Step::Hangs);
    world.small.next(steps);
    let response = world.route(question()).await.unwrap();
    assert!(response.passed);
    assert!(
        response.latency.unwrap().seconds < 1,
        "{:?}",
        response.latency
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_not_settled_at_once_goes_along_with_the_next() {
    let world = World::start().await;
    world.small.next([Step::fails(Reason::BackendFailed)]);
    world.ledger.settle.next([fails(Reason::LedgerUnavailable)]);
    world.route(question()).await.unwrap();
    let sent = world.ledger.settle.seen();
    let steps = |index: usize| -> Vec<_> {
        let steps = sent[index].message.steps.iter();
        steps.map(|step| step.step.clone()).collect()
    };
    assert_eq!(steps(0), ["attempt/0"]);
    assert_eq!(steps(1), ["attempt/0", "attempt/1"]);
}
