//! Answers that are kept, and questions that are asked once.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use tokio_util::sync::CancellationToken;

use crate::fakes::{Answer, Step, fails};
use crate::streams::{read, streamed};
use crate::world::{ID, World, failed, question, question_with};

fn asked_with(cache: wire::CachePolicy) -> wire::RouteRequest {
    question_with(wire::RoutePolicy {
        cache: Some(cache),
        ..wire::RoutePolicy::default()
    })
}

fn calls(world: &World) -> usize {
    world.calls().iter().sum()
}

async fn evict(world: &World, request: wire::EvictCacheRequest) -> u64 {
    let answer = world.client.clone().evict_cache(request).await;
    answer.unwrap().into_inner().evicted
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_answered_well_is_not_asked_again() {
    let world = World::with_a_cache().await;
    let first = world.route(question()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    let second = world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 1);
    assert_eq!(second.output, first.output);
    assert_ne!(second.request_id, first.request_id);
    assert!(second.passed && second.attempts.is_empty());
    assert_eq!(second.cost_nano_usd, 0);
    let cached = second.cached.unwrap();
    assert_eq!(cached.age.unwrap().seconds, 90);
    assert_eq!(cached.request_id, first.request_id);
    assert_eq!((&*cached.tier, cached.score), ("local_fast", Some(0.9)));
    let rows = world.ledger.rows();
    let steps: Vec<&str> = rows.iter().map(|row| &*row.step).collect();
    assert_eq!(steps, ["attempt/0", "reuse"]);
    let (made, reused) = (&rows[0], &rows[1]);
    assert_eq!((&reused.target, reused.score), (&made.target, made.score));
    assert_eq!((reused.cost_nano_usd, &reused.latency), (0, &None));
    let closes = world.ledger.closes();
    assert_eq!(closes.len(), 2);
    assert_eq!(closes[1].outcome, closes[0].outcome);
    assert_eq!(closes[1].baseline_nano_usd, closes[0].baseline_nano_usd);
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_is_given_when_the_ledger_knows_of_it_and_not_before() {
    let world = World::with_a_cache().await;
    world.route(question()).await.unwrap();
    world.ledger.settle.always(fails(Reason::LedgerUnavailable));
    let refused = world.route(question()).await.unwrap_err();
    assert_eq!(failed(&refused).reason(), Reason::LedgerUnavailable);
    assert_eq!(calls(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_identical_requests_at_once_make_one_call() {
    let world = World::with_a_cache().await;
    let all = (0..200).map(|_| world.route(question()));
    let all = futures::future::join_all(all).await;
    let mut ids: Vec<String> = Vec::new();
    for response in all {
        let response = response.unwrap();
        assert_eq!(crate::answers::text(&response), "fine");
        ids.push(response.request_id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), calls(&world)), (200, 1));
}

#[tokio::test(start_paused = true)]
async fn without_the_cache_every_request_is_answered_anew() {
    let world = World::start().await;
    let all = (0..5).map(|_| world.route(question()));
    futures::future::join_all(all).await;
    assert_eq!(calls(&world), 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_as_long_as_the_config_and_the_request_say() {
    let world = World::with_a_cache().await;
    let minute = prost_types::Duration {
        seconds: 60,
        nanos: 0,
    };
    let short = wire::CachePolicy {
        ttl: Some(minute),
        ..wire::CachePolicy::default()
    };
    world.route(asked_with(short)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 2, "kept for a minute");
    tokio::time::sleep(Duration::from_mins(59)).await;
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 2, "kept for an hour");
    tokio::time::sleep(Duration::from_mins(2)).await;
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_did_not_pass_or_that_nobody_judged_is_not_kept() {
    let world = World::with_a_cache().await;
    world.judge.scores(&[0.1, 0.2, 0.3]);
    assert!(!world.route(question()).await.unwrap().passed);
    assert_eq!(calls(&world), 3);
    assert!(world.route(question()).await.unwrap().passed);
    assert_eq!(calls(&world), 4);
    let unjudged = || {
        world.route(question_with(wire::RoutePolicy {
            quality_check: Some(false),
            ..wire::RoutePolicy::default()
        }))
    };
    unjudged().await.unwrap();
    unjudged().await.unwrap();
    assert_eq!(calls(&world), 6);
}

#[tokio::test(start_paused = true)]
async fn a_request_can_keep_out_of_the_cache() {
    let world = World::with_a_cache().await;
    let no_write = wire::CachePolicy {
        no_write: true,
        ..wire::CachePolicy::default()
    };
    world.route(asked_with(no_write)).await.unwrap();
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 2, "the first was not kept");
    let no_read = wire::CachePolicy {
        no_read: true,
        ..wire::CachePolicy::default()
    };
    world.route(asked_with(no_read)).await.unwrap();
    assert_eq!(calls(&world), 3);
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 3);
}

#[tokio::test(start_paused = true)]
async fn answers_are_thrown_out_by_request_and_by_action() {
    let world = World::with_a_cache().await;
    let of_action = wire::RouteRequest {
        action: "edit_file".to_owned(),
        ..question()
    };
    let first = world.route(question()).await.unwrap();
    world.route(of_action.clone()).await.unwrap();
    let by_action = wire::EvictCacheRequest {
        action: "edit_file".to_owned(),
        ..wire::EvictCacheRequest::default()
    };
    assert_eq!(evict(&world, by_action.clone()).await, 1);
    assert_eq!(evict(&world, by_action).await, 0);
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 2);
    world.route(of_action).await.unwrap();
    assert_eq!(calls(&world), 3);
    let by_request = wire::EvictCacheRequest {
        request_id: first.request_id,
        ..wire::EvictCacheRequest::default()
    };
    assert_eq!(evict(&world, by_request).await, 1);
    world.route(question()).await.unwrap();
    assert_eq!(calls(&world), 4);
    let neither = wire::EvictCacheRequest::default();
    assert!(world.client.clone().evict_cache(neither).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_is_streamed_in_chunks() {
    let world = World::with_a_cache().await;
    world.route(question()).await.unwrap();
    let streamed = read(&world, streamed(question())).await.unwrap();
    assert_eq!(streamed.names(), ["committed 0", "chunk of 0", "completed"]);
    assert_eq!(streamed.text(), "fine");
    let Some(Event::Completed(response)) = streamed.events.last() else {
        unreachable!("the names say so");
    };
    assert!(response.cached.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_waits_takes_over_when_the_one_who_asks_leaves() {
    let world = World::with_a_cache().await;
    world.small.next([Step::text("x"), Step::Hangs]);
    let leaves = world.leave_at(question(), async {
        world.small.called(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let waits = async {
        world.small.called(1).await;
        world.route(question()).await
    };
    let ((), waited) = tokio::join!(leaves, waits);
    assert_eq!(crate::answers::text(&waited.unwrap()), "fine");
    assert_eq!(calls(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_may_leave_and_harms_nobody() {
    let world = World::with_a_cache().await;
    let go_on = CancellationToken::new();
    let waits = Answer::Waits(go_on.clone());
    world.classifier.classify.next([waits]);
    let leaves = async {
        world.classifier.classify.called(1).await;
        let moment = tokio::time::sleep(Duration::from_secs(1));
        world.leave_at(question(), moment).await;
        go_on.cancel();
    };
    let (first, ()) = tokio::join!(world.route(question()), leaves);
    assert!(first.unwrap().passed);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_sent_again_gets_its_own_answer_while_it_is_kept() {
    let world = World::with_a_cache().await;
    let request = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let first = world.route(request.clone()).await.unwrap();
    let again = world.route(request.clone()).await.unwrap();
    assert_eq!(again.attempts, first.attempts);
    assert_eq!(again.cost_nano_usd, first.cost_nano_usd);
    assert_eq!(again.request_id, ID);
    assert!(again.cached.is_some());
    assert_eq!(calls(&world), 1);
    let other = wire::RouteRequest {
        action: "another".to_owned(),
        ..request
    };
    let refused = world.route(other).await.unwrap_err();
    let failed = crate::world::failed(&refused);
    assert_eq!(failed.reason(), terrace_domain::Reason::RequestIdUsed);
}
