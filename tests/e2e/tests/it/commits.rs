//! Streams that leave before their end, and answers that are ended before theirs.

use std::time::Duration;

use terrace_e2e::ask::{question, told, within};
use terrace_e2e::scenario::GOOD;
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::{CommitMode, RouteResponse, RouteStreamRequest};
use terrace_testkit::provider::Reply;
use tokio_stream::StreamExt as _;

crate::in_both_placements!(
    a_refusal_is_ended_while_it_is_still_coming_and_billed_for_what_came,
    a_provisional_answer_leaves_before_its_end,
    a_prefix_leaves_before_the_end_and_is_one_with_the_books,
);

/// A refusal that goes on, slowly.
fn rambling() -> Reply {
    let text = format!(
        "I'm sorry, but I can't help with that. {}",
        "It would not be right of me to go into the matter any further at this point. ".repeat(20)
    );
    Reply::text(&text).timing(Duration::ZERO, Duration::from_millis(100))
}

/// A good answer whose words come slowly.
fn slow() -> Reply {
    Reply::text(GOOD).timing(Duration::ZERO, Duration::from_millis(100))
}

async fn stream(sandbox: &Sandbox, mode: CommitMode) -> (Vec<Event>, RouteResponse) {
    let request = RouteStreamRequest {
        request: Some(question("What is the capital of France?")),
        commit_mode: mode.into(),
        prefix_tokens: if mode == CommitMode::Prefix { 4 } else { 0 },
    };
    let opened = sandbox.router().route_stream(within(request)).await;
    let events: Vec<Event> = opened
        .unwrap()
        .into_inner()
        .filter_map(|event| event.unwrap().event)
        .collect()
        .await;
    let Some(Event::Completed(response)) = events.last().cloned() else {
        unreachable!("the last event is {:?}", events.last());
    };
    (events, response)
}

fn text(events: &[Event]) -> String {
    let text = |event: &Event| match event {
        Event::Chunk(chunk) => Some(chunk.text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn chunks(events: &[Event]) -> usize {
    let is = |event: &&Event| matches!(event, Event::Chunk(_));
    events.iter().filter(is).count()
}

async fn a_refusal_is_ended_while_it_is_still_coming_and_billed_for_what_came(
    placement: Placement,
) {
    let scenario = Scenario {
        small_usd: Some("0.001"),
        ..Scenario::default().small(vec![rambling()])
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let (_, response) = stream(&sandbox, CommitMode::HoldBack).await;
    let expected = [
        "local_fast small REJECTED - $0.001000",
        "local_quality middle ACCEPTED - $0.000000",
    ];
    assert_eq!(told(&response.attempts), expected);
    let ended = &response.attempts[0];
    assert!(
        ended.detail.starts_with("ended early: "),
        "{}",
        ended.detail
    );
    let tokens = ended.usage.unwrap().output_tokens;
    assert!((10..300).contains(&tokens), "{tokens} of about 400 tokens");
    assert_eq!(
        books::rows(&sandbox.database, &response.request_id),
        expected
    );
    assert!(sandbox.local.wait_open(0, Duration::from_secs(5)).await);
}

async fn a_provisional_answer_leaves_before_its_end(placement: Placement) {
    let scenario = Scenario::default().small(vec![slow()]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let (events, response) = stream(&sandbox, CommitMode::Provisional).await;
    assert!(chunks(&events) > 5, "{events:?}");
    assert_eq!(text(&events), GOOD);
    assert!(response.passed);
}

async fn a_prefix_leaves_before_the_end_and_is_one_with_the_books(placement: Placement) {
    let scenario = Scenario::default().small(vec![slow()]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let (events, response) = stream(&sandbox, CommitMode::Prefix).await;
    let committed = events
        .iter()
        .position(|event| matches!(event, Event::Committed(_)));
    let first_chunk = events
        .iter()
        .position(|event| matches!(event, Event::Chunk(_)));
    assert!(committed < first_chunk, "{events:?}");
    assert!(chunks(&events) > 5, "{events:?}");
    assert_eq!(text(&events), GOOD);
    assert_eq!(
        books::rows(&sandbox.database, &response.request_id),
        told(&response.attempts)
    );
}
