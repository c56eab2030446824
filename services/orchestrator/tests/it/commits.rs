//! When an answer leaves: a prefix that was looked at, or at once and provisionally; and the early
//! end of an answer that no more text can help.

use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;

use crate::fakes::Step;
use crate::streams::{Streamed, read, streamed};
use crate::world::{World, failed, question};

fn prefix(tokens: u32) -> wire::RouteStreamRequest {
    wire::RouteStreamRequest {
        commit_mode: wire::CommitMode::Prefix.into(),
        prefix_tokens: tokens,
        ..streamed(question())
    }
}

fn provisional() -> wire::RouteStreamRequest {
    wire::RouteStreamRequest {
        commit_mode: wire::CommitMode::Provisional.into(),
        ..streamed(question())
    }
}

/// An answer of these pieces.
fn pieces(texts: &[&str]) -> Vec<Step> {
    let pieces = texts.iter().map(|text| Step::text(text));
    pieces.chain([Step::finished(10, 5)]).collect()
}

/// Enough text for the judge to look at.
fn long(text: &str) -> String {
    format!("{text}{}", " and so on".repeat(20))
}

fn provisional_chunks(streamed: &Streamed) -> usize {
    let is = |event: &&Event| matches!(event, Event::Chunk(chunk) if chunk.provisional);
    streamed.events.iter().filter(is).count()
}

#[tokio::test(start_paused = true)]
async fn a_provisional_answer_leaves_as_it_comes_and_is_committed_by_its_verdict() {
    let world = World::start().await;
    world.small.next(pieces(&["one ", "two ", "three"]));
    let streamed = read(&world, provisional()).await.unwrap();
    let expected = [
        "plan",
        "started small",
        "chunk of 0",
        "chunk of 0",
        "chunk of 0",
        "committed 0",
        "completed",
    ];
    assert_eq!(streamed.names(), expected);
    assert_eq!(provisional_chunks(&streamed), 3);
    assert_eq!(crate::answers::text(&streamed.completed()), "one two three");
}

#[tokio::test(start_paused = true)]
async fn pieces_may_come_together_only_where_nobody_is_shown_them() {
    let world = World::start().await;
    for request in [streamed(question()), provisional(), prefix(1)] {
        read(&world, request).await.unwrap();
    }
    world.route(question()).await.unwrap();
    assert_eq!(world.small.gathered(), [true, false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_provisional_answer_that_falls_short_is_taken_back() {
    let world = World::start().await;
    world.small.next(pieces(&["poor"]));
    world.judge.scores(&[0.1]);
    let streamed = read(&world, provisional()).await.unwrap();
    let expected = [
        "plan",
        "started small",
        "chunk of 0",
        "rejected small REJECTED 0",
        "started middle",
        "chunk of 1",
        "committed 1",
        "completed",
    ];
    assert_eq!(streamed.names(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_best_of_the_rejected_answers_is_sent_again_for_good() {
    let world = World::start().await;
    world.small.next(pieces(&["the best"]));
    world.judge.scores(&[0.6, 0.5, 0.4]);
    let streamed = read(&world, provisional()).await.unwrap();
    let names = streamed.names();
    assert_eq!(
        names[names.len() - 3..],
        ["committed 0", "chunk of 0", "completed"]
    );
    let Event::Chunk(last) = &streamed.events[names.len() - 2] else {
        unreachable!("the names say so");
    };
    assert_eq!((&*last.text, last.provisional), ("the best", false));
    assert!(!streamed.completed().passed);
}

#[tokio::test(start_paused = true)]
async fn a_hopeless_answer_is_ended_while_it_is_still_coming_and_billed_for_what_came() {
    for request in [streamed(question()), provisional()] {
        let world = World::start().await;
        let beginning = long("hopeless");
        world.small.next([Step::text(&beginning), Step::Hangs]);
        let streamed = read(&world, request).await.unwrap();
        let completed = streamed.completed();
        assert_eq!(completed.decision.unwrap().model, "middle");
        let ended = &completed.attempts[0];
        assert!(
            ended.detail.starts_with("ended early: "),
            "{}",
            ended.detail
        );
        assert!(!ended.verdict.as_ref().unwrap().passed);
        let usage = ended.usage.unwrap();
        assert!(usage.estimated && usage.output_tokens > 10, "{usage:?}");
        world.small.hung_up_on(1).await;
        assert_eq!(world.judge.judge.calls(), 1, "nobody judges it again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_is_held_back_until_it_was_looked_at_and_then_everything_leaves() {
    let world = World::start().await;
    world.small.next(pieces(&["a ", "b ", "c ", "d ", "e"]));
    let streamed = read(&world, prefix(3)).await.unwrap();
    let names = streamed.names();
    assert_eq!(names[..3], ["plan", "started small", "committed 0"]);
    assert_eq!(names.last().unwrap(), "completed");
    assert_eq!(streamed.text(), "a b c d e");
    assert_eq!(provisional_chunks(&streamed), 0);
    assert_eq!(
        names.iter().filter(|name| *name == "committed 0").count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_is_hopeless_never_leaves() {
    let world = World::start().await;
    world
        .small
        .next([Step::text("hopeless "), Step::text("words "), Step::Hangs]);
    let streamed = read(&world, prefix(2)).await.unwrap();
    assert_eq!(streamed.names()[2], "rejected small REJECTED 0");
    assert_eq!(streamed.text(), "fine");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_after_its_commit_is_an_error_and_nobody_else_answers() {
    let world = World::start().await;
    world.small.next([
        Step::text("a "),
        Step::text("b "),
        Step::text("c "),
        Step::usage(10, 3),
        Step::fails(Reason::BackendFailed),
    ]);
    let streamed = read(&world, prefix(1)).await.unwrap();
    assert_eq!(streamed.names()[2], "committed 0");
    let failed = failed(&streamed.error.unwrap());
    assert_eq!(failed.reason(), Reason::BackendFailed);
    assert_eq!(failed.told(), ["small FAILED BACKEND_FAILED 0"]);
    assert_eq!(world.calls(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_committed_answer_that_falls_short_in_the_end_is_marked_and_kept() {
    let world = World::start().await;
    world.small.next(pieces(&["a ", "b ", "c"]));
    world.judge.scores(&[0.2]);
    let streamed = read(&world, prefix(2)).await.unwrap();
    let completed = streamed.completed();
    assert!(!completed.passed);
    assert_eq!(completed.attempts.len(), 1);
    assert_eq!(world.calls(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_judge_to_look_a_prefix_is_held_back_as_the_whole() {
    let world = World::start().await;
    let away = Failure::new(Reason::ServiceUnavailable, "the judge is away");
    *world.judge.blind.lock().unwrap() = Some(away);
    world.small.next(pieces(&["a ", "b ", "c"]));
    world.judge.scores(&[0.2]);
    let streamed = read(&world, prefix(1)).await.unwrap();
    assert_eq!(streamed.names()[2], "rejected small REJECTED 0");
    assert_eq!(streamed.text(), "fine");
}

#[tokio::test(start_paused = true)]
async fn without_a_quality_check_a_prefix_leaves_when_it_is_long_enough() {
    let world = World::start().await;
    world.small.next(pieces(&["a ", "b ", "c"]));
    let mut request = prefix(2);
    request.request.as_mut().unwrap().policy = Some(wire::RoutePolicy {
        quality_check: Some(false),
        ..wire::RoutePolicy::default()
    });
    let streamed = read(&world, request).await.unwrap();
    let names = streamed.names();
    assert_eq!(names[2], "committed 0");
    assert_eq!(streamed.text(), "a b c");
}
