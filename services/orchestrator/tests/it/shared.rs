//! Answers that several orchestrators keep together, in a real Valkey or Redis; and what they do
//! when it is away.

use std::time::Duration;

use redis::{Commands as _, Connection};
use terrace_config::Secret;
use terrace_domain::Reason;
use terrace_orchestrator::clients::{InvalidStore, Valkey, ValkeySettings};
use terrace_proto::router::v1 as wire;
use terrace_testkit::{Relay, TestCache, Wire};
use tonic::{Code, Status};

use crate::streams::{read, streamed};
use crate::world::{Client, ID, Stage, World, failed, question, question_with};

/// Long enough for a busy machine, so that a call fails for one reason alone.
const PATIENT: Duration = Duration::from_secs(20);
/// Short enough for a store that is known not to answer.
const HASTY: Duration = Duration::from_millis(50);

fn store(cache: &TestCache, url: &str, timeout: Duration) -> ValkeySettings {
    ValkeySettings {
        url: Secret::Value(url.into()),
        prefix: cache.prefix().to_owned(),
        timeout,
    }
}

/// A world whose orchestrators share their answers.
async fn sharing() -> (World, TestCache) {
    let cache = TestCache::create();
    let settings = store(&cache, cache.url(), PATIENT);
    let world = World::with(|stage: &mut Stage| {
        stage.caches();
        stage.settings.cache_store = settings;
    });
    (world.await, cache)
}

/// A world that reaches the store by a wire that can be cut.
async fn sharing_by_wire(timeout: Duration) -> (World, Relay) {
    let cache = TestCache::create();
    let relay = Relay::start(&cache.address());
    let settings = store(&cache, &cache.url_behind(&relay.address()), timeout);
    let world = World::with(|stage: &mut Stage| {
        stage.caches();
        stage.settings.cache_store = settings;
    });
    (world.await, relay)
}

async fn ask(client: &Client, request: wire::RouteRequest) -> Result<wire::RouteResponse, Status> {
    let answer = client.clone().route(request).await;
    answer.map(tonic::Response::into_inner)
}

fn calls(world: &World) -> usize {
    world.calls().iter().sum()
}

fn of_action(action: &str) -> wire::RouteRequest {
    wire::RouteRequest {
        action: action.to_owned(),
        ..question()
    }
}

async fn evict(client: &Client, request: wire::EvictCacheRequest) -> Result<u64, Status> {
    let answer = client.clone().evict_cache(request).await;
    answer.map(|answer| answer.into_inner().evicted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_identical_requests_to_two_replicas_make_two_calls_at_most() {
    let (world, _) = sharing().await;
    let other = world.replica().await;
    let clients = [&world.client, &other];
    let all = (0..200).map(|index| ask(clients[index % 2], question()));
    for response in futures::future::join_all(all).await {
        assert_eq!(crate::answers::text(&response.unwrap()), "fine");
    }
    let made = calls(&world);
    assert!((1..=2).contains(&made), "{made}");
    let third = world.replica().await;
    assert!(ask(&third, question()).await.unwrap().cached.is_some());
    assert_eq!(calls(&world), made);
}

#[tokio::test]
async fn an_answer_of_one_replica_is_reused_by_another_that_says_whose_it_is() {
    let (world, _) = sharing().await;
    let made = world.route(question()).await.unwrap();
    let other = world.replica().await;
    let reused = ask(&other, question()).await.unwrap();
    assert_eq!(calls(&world), 1);
    assert_eq!(reused.output, made.output);
    assert_eq!(
        (&reused.decision, &reused.verdict),
        (&made.decision, &made.verdict)
    );
    assert_ne!(reused.request_id, made.request_id);
    assert!(reused.passed && reused.attempts.is_empty());
    assert_eq!(reused.cost_nano_usd, 0);
    let cached = reused.cached.unwrap();
    assert_eq!(cached.request_id, made.request_id);
    assert_eq!((&*cached.tier, cached.score), ("local_fast", Some(0.9)));
    assert!(cached.age.unwrap().seconds < 60);
    let streamed = read(&world, streamed(question())).await.unwrap();
    assert_eq!(streamed.names(), ["committed 0", "chunk of 0", "completed"]);
    assert_eq!(streamed.text(), "fine");
}

#[tokio::test]
async fn an_id_is_answered_again_by_another_replica_and_refused_to_another_body() {
    let (world, _) = sharing().await;
    let request = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    world.judge.scores(&[0.1, 0.2, 0.3]);
    let first = world.route(request.clone()).await.unwrap();
    assert!(!first.passed);
    let other = world.replica().await;
    let again = ask(&other, request.clone()).await.unwrap();
    assert!(again.cached.is_some());
    let as_it_was = wire::RouteResponse {
        cached: None,
        ..again
    };
    assert_eq!(as_it_was, first, "with its attempts and its cost");
    let streamed = read(&world, streamed(request.clone())).await.unwrap();
    assert_eq!(streamed.names()[0], "committed 2", "the best of three");
    let another = wire::RouteRequest {
        action: "another".to_owned(),
        ..request
    };
    let refused = failed(&ask(&other, another).await.unwrap_err());
    assert!(refused.failure.message.contains("for another request"));
    assert_eq!(calls(&world), 3);
}

#[tokio::test]
async fn answers_are_thrown_out_for_all_replicas_by_request_and_by_action() {
    let (world, _) = sharing().await;
    let other = world.replica().await;
    let first = world.route(question()).await.unwrap();
    let with_id = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    // The same answer under another id: still one answer.
    ask(&other, with_id.clone()).await.unwrap();
    for text in ["edit_file", "edit:file"] {
        world.route(of_action(text)).await.unwrap();
    }
    assert_eq!(calls(&world), 3);
    let by_action = wire::EvictCacheRequest {
        action: "edit_file".to_owned(),
        ..wire::EvictCacheRequest::default()
    };
    assert_eq!(evict(&other, by_action.clone()).await.unwrap(), 1);
    assert_eq!(evict(&other, by_action).await.unwrap(), 0);
    let by_request = wire::EvictCacheRequest {
        request_id: first.request_id,
        ..wire::EvictCacheRequest::default()
    };
    assert_eq!(evict(&other, by_request).await.unwrap(), 1);
    for asked in [question(), of_action("edit_file")] {
        assert!(world.route(asked).await.unwrap().cached.is_none());
    }
    let kept = world.route(of_action("edit:file")).await.unwrap();
    assert!(kept.cached.is_some());
    assert_eq!(calls(&world), 5);
}

#[tokio::test]
async fn what_did_not_pass_is_not_shared() {
    let (world, _) = sharing().await;
    world.judge.scores(&[0.1, 0.2, 0.3]);
    assert!(!world.route(question()).await.unwrap().passed);
    let other = world.replica().await;
    assert!(ask(&other, question()).await.unwrap().cached.is_none());
    assert_eq!(calls(&world), 4);
}

/// Keys of this test, by a client of its own.
fn keys(cache: &TestCache) -> (Connection, Vec<String>) {
    let client = redis::Client::open(cache.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let all = connection.keys(format!("{}:*", cache.prefix())).unwrap();
    (connection, all)
}

#[tokio::test]
async fn nothing_is_kept_for_longer_than_its_answer() {
    let (world, cache) = sharing().await;
    let minute = prost_types::Duration {
        seconds: 60,
        nanos: 0,
    };
    let short = question_with(wire::RoutePolicy {
        cache: Some(wire::CachePolicy {
            ttl: Some(minute),
            ..wire::CachePolicy::default()
        }),
        ..wire::RoutePolicy::default()
    });
    let short = wire::RouteRequest {
        action: "edit_file".to_owned(),
        ..short
    };
    world.route(short).await.unwrap();
    let (mut store, all) = keys(&cache);
    let count = |kind: &str| all.iter().filter(|key| key.contains(kind)).count();
    let kinds = [":answer:", ":request:", ":action:edit_file"];
    assert_eq!(kinds.map(count), [1, 1, 1], "{all:?}");
    for key in &all {
        let left: i64 = store.pttl(key).unwrap();
        assert!((1..=60_000).contains(&left), "{key} for {left} ms");
    }
    // Another one of the same action, kept for longer, keeps the index for longer.
    let longer = wire::RouteRequest {
        code_language: "rust".to_owned(),
        ..of_action("edit_file")
    };
    world.route(longer).await.unwrap();
    let index = all.iter().find(|key| key.contains(":action:")).unwrap();
    let left: i64 = store.pttl(index).unwrap();
    assert!(left > 60_000, "{left} ms");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_none() {
    let (world, cache) = sharing().await;
    world.route(question()).await.unwrap();
    let (mut store, all) = keys(&cache);
    let answer = all.iter().find(|key| key.contains(":answer:")).unwrap();
    // Another form of it, and what is no message at all.
    for (bytes, made) in [(&b"\x08\x02"[..], 2), (&b"\xff\xff"[..], 3)] {
        let _: () = store.set_ex(answer, bytes, 60).unwrap();
        let response = world.route(question()).await.unwrap();
        assert!(response.cached.is_none());
        assert_eq!(calls(&world), made);
    }
    assert!(world.route(question()).await.unwrap().cached.is_some());
}

#[tokio::test]
async fn a_store_that_is_stuck_or_gone_costs_no_request_its_answer() {
    for wire in [Wire::Stuck, Wire::Cut] {
        let (world, relay) = sharing_by_wire(HASTY).await;
        relay.set(wire);
        for made in 1..=6 {
            let response = world.route(question()).await.unwrap();
            assert!(response.passed && response.cached.is_none());
            assert_eq!(calls(&world), made);
        }
        let by_action = wire::EvictCacheRequest {
            action: "edit_file".to_owned(),
            ..wire::EvictCacheRequest::default()
        };
        let refused = failed(&evict(&world.client, by_action).await.unwrap_err());
        assert_eq!(
            (refused.code, refused.reason()),
            (Code::Unavailable, Reason::ServiceUnavailable)
        );
        assert!(refused.failure.message.contains("nothing was thrown out"));
    }
}

#[tokio::test]
async fn a_store_that_comes_back_is_used_again() {
    let (world, relay) = sharing_by_wire(PATIENT).await;
    world.route(question()).await.unwrap();
    relay.set(Wire::Cut);
    for _ in 0..3 {
        let response = world.route(question()).await.unwrap();
        assert!(response.cached.is_none());
    }
    relay.set(Wire::Whole);
    // The breaker lets one look after a second; the answer of before is still there.
    let back = async {
        while world.route(question()).await.unwrap().cached.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENT, back).await.unwrap();
}

#[tokio::test]
async fn a_store_that_lets_nobody_in_costs_no_request_its_answer() {
    let cache = TestCache::create();
    // The server speaks no TLS, and has another password.
    let tls = cache.url().replace("redis://", "rediss://");
    let wrong = format!("redis://:wrong@{}", cache.address());
    for url in [tls, wrong] {
        let settings = store(&cache, &url, PATIENT);
        let world = World::with(|stage: &mut Stage| {
            stage.caches();
            stage.settings.cache_store = settings;
        });
        let world = world.await;
        for made in 1..=4 {
            assert!(world.route(question()).await.unwrap().passed);
            assert_eq!(calls(&world), made);
        }
    }
}

#[tokio::test]
async fn where_no_store_can_be_is_told_at_the_start_without_its_password() {
    let cache = TestCache::create();
    let wrong = store(&cache, "http//me:hush@h", PATIENT);
    let error = Valkey::from_settings(&wrong).unwrap_err();
    assert_eq!(error, InvalidStore::Wrong);
    assert!(!error.to_string().contains("hush"));
    let missing = ValkeySettings {
        url: Secret::Missing {
            source: "the variable STORE".to_owned(),
        },
        ..wrong
    };
    let error = Valkey::from_settings(&missing).unwrap_err().to_string();
    let expected = "routing.cache_store.url: the variable STORE holds no URL";
    assert_eq!(error, expected);
    let right = store(&cache, "redis://:hush@h:1", PATIENT);
    let store = Valkey::from_settings(&right).unwrap().unwrap();
    assert!(!format!("{store:?}").contains("hush"));
}
