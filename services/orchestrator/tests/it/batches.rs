//! Many requests in one call.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::common::v1::Priority;
use terrace_proto::ledger::v1::{GetRequestResponse, RequestClose};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_batch_response::Result as BatchResult;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::fakes::{Answer, Step};
use crate::world::{ID, World, question};

fn one(request: wire::RouteRequest) -> wire::RouteBatchRequest {
    wire::RouteBatchRequest {
        request: Some(request),
    }
}

/// The results of a batch by index: the answer's text, or the failure's reason.
async fn batch(world: &World, requests: Vec<wire::RouteRequest>) -> Vec<(u64, String)> {
    let requests = tokio_stream::iter(requests.into_iter().map(one).collect::<Vec<_>>());
    let results = world.client.clone().route_batch(requests).await.unwrap();
    let results: Vec<_> = results.into_inner().collect().await;
    let told = results.into_iter().map(|result| {
        let result = result.unwrap();
        let told = match result.result.unwrap() {
            BatchResult::Response(response) => crate::answers::text(&response),
            BatchResult::Failure(failure) => failure.reason,
        };
        (result.index, told)
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn every_request_gets_one_result_and_a_slow_one_holds_up_none() {
    let world = World::start().await;
    world.small.next([Step::text("x"), Step::Hangs]);
    let results = batch(&world, vec![question(); 8]).await;
    let mut indices: Vec<u64> = results.iter().map(|(index, _)| *index).collect();
    assert_eq!(indices.last(), Some(&0), "the slow one comes last");
    indices.sort_unstable();
    assert_eq!(indices, (0..8).collect::<Vec<_>>());
    assert!(results.iter().all(|(_, text)| text == "fine"));
    assert_eq!(world.ledger.closes().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_are_answered_at_once_and_they_are_not_urgent() {
    let world = World::start().await;
    for _ in 0..20 {
        world.small.next([Step::text("x"), Step::Hangs]);
    }
    let (sender, requests) = mpsc::channel(32);
    for _ in 0..20 {
        sender.send(one(question())).await.unwrap();
    }
    let requests = ReceiverStream::new(requests);
    let results = world.client.clone().route_batch(requests).await.unwrap();
    world.small.called(4).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.small.calls(), 4);
    for seen in world.small.seen() {
        assert_eq!(seen.message.priority(), Priority::Batch);
    }
    drop(results);
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_a_result_and_the_others_are_answered() {
    let world = World::start().await;
    let requests = vec![question(), wire::RouteRequest::default(), question()];
    let mut results = batch(&world, requests).await;
    results.sort();
    let expected = [(0, "fine"), (1, "INVALID_REQUEST"), (2, "fine")];
    assert_eq!(
        results,
        expected.map(|(index, told)| (index, told.to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_answered_before_is_told_with_what_it_cost_and_not_asked_again() {
    let world = World::start().await;
    world.ledger.find.next([Answer::Says(GetRequestResponse {
        request_id: ID.to_owned(),
        cost_nano_usd: 10_000_000,
        close: Some(RequestClose {
            tier: "api_fallback".to_owned(),
            ..RequestClose::default()
        }),
        ..GetRequestResponse::default()
    })]);
    let request = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let results = batch(&world, vec![request]).await;
    let expected = [(0, Reason::RequestIdUsed.to_string())];
    assert_eq!(results, expected);
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_ends_what_is_being_answered_and_nothing_new_starts() {
    let world = World::start().await;
    for _ in 0..20 {
        world.small.next([Step::text("x"), Step::Hangs]);
    }
    let requests: Vec<_> = vec![one(question()); 20];
    let mut client = world.client.clone();
    let results = client.route_batch(tokio_stream::iter(requests)).await;
    let results = results.unwrap();
    world.small.called(4).await;
    drop(results);
    world.quiet().await;
    assert_eq!(world.small.calls(), 4);
    world.small.hung_up_on(4).await;
    assert_eq!(world.ledger.closes().len(), 4, "their books are closed");
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_ends_at_once() {
    let world = World::start().await;
    assert_eq!(batch(&world, vec![]).await, []);
}
