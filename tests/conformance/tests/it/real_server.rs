//! A real model server that is stopped, killed and started again in the middle of 32 answers, and
//! callers who leave.

use std::time::Duration;

use futures::future::join_all;
use terrace_conformance::server::variable;
use terrace_conformance::{Answer, Gateway, Kind, ModelServer, ask, http};
use terrace_domain::Reason;
use terrace_proto::common::v1 as common;
use terrace_proto::gateway::v1 as wire;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

const STREAMS: usize = 32;
const FIRST: Duration = Duration::from_secs(4);
const IDLE: Duration = Duration::from_secs(2);

fn gateway(server: &ModelServer) -> Gateway {
    let model = variable("TERRACE_TEST_MODEL_SERVER_MODEL");
    let mut settings = ask::settings(Kind::LlamaCpp, &(server.url() + "/v1"), &model);
    settings.backend.max_concurrency = STREAMS;
    // Whoever finds no place free is refused: one that leaked would be seen.
    settings.backend.queue.max_waiting = 0;
    settings.backend.first_token_timeout = FIRST;
    settings.backend.idle_timeout = IDLE;
    settings.backend.retry.max_attempts = 1;
    settings.backend.breaker.open_for = Duration::from_millis(200);
    settings.backend.breaker.max_open_for = Duration::from_millis(500);
    Gateway::new(&settings)
}

fn long(gateway: &Gateway) -> wire::Generation {
    let mut call = gateway.call("Tell me a very long story about a king.");
    call.params = Some(common::GenerationParams {
        max_output_tokens: Some(1500),
        ..common::GenerationParams::default()
    });
    call
}

fn brief(gateway: &Gateway) -> wire::Generation {
    let mut call = gateway.call("Say hello.");
    call.params = Some(common::GenerationParams {
        max_output_tokens: Some(2),
        ..common::GenerationParams::default()
    });
    call
}

/// Sends a signal in the middle of 32 answers; what came of them, and how long that took.
async fn struck(gateway: &Gateway, server: &ModelServer, signal: &str) -> (Vec<Answer>, Duration) {
    let answers = join_all((0..STREAMS).map(|_| gateway.stream(long(gateway))));
    let strike = async {
        sleep(Duration::from_millis(800)).await;
        assert!(
            server.connections().unwrap() >= STREAMS,
            "all of them are on their way"
        );
        server.signal(signal).unwrap();
        Instant::now()
    };
    let (answers, at) = tokio::join!(answers, strike);
    (answers, at.elapsed())
}

fn reasons(answers: &[Answer]) -> Vec<Reason> {
    let failure = |answer: &Answer| answer.failure.as_ref().map(|failure| failure.reason);
    answers.iter().filter_map(failure).collect()
}

/// Asks until it works again.
async fn until_well(gateway: &Gateway) {
    let well = async {
        while gateway.whole(brief(gateway)).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(30), well).await.unwrap();
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until no connection to the server is open; a look at it may be under way just then.
async fn until_closed(server: &ModelServer) {
    let closed = async {
        while server.connections().unwrap() > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let closed = timeout(Duration::from_secs(30), closed).await;
    assert!(closed.is_ok(), "{:?} are open", server.connections());
}

/// Tasks of this process when no connection to the server is open.
async fn tasks_at_rest(server: &ModelServer) -> usize {
    until_closed(server).await;
    tasks()
}

/// Waits until no more tasks live than did at rest.
async fn until_tasks(at_rest: usize) {
    let ended = async {
        while tasks() > at_rest {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let ended = timeout(Duration::from_secs(10), ended).await;
    assert!(ended.is_ok(), "{} tasks, {at_rest} at rest", tasks());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_or_dies_in_the_middle_of_32_answers_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelServer::start(folder.path()).unwrap();
    let gateway = gateway(&server);
    until_well(&gateway).await;
    let at_rest = tasks_at_rest(&server).await;

    let (answers, took) = struck(&gateway, &server, "STOP").await;
    assert_eq!(reasons(&answers), [Reason::BackendTimeout; STREAMS]);
    assert!(took < FIRST + IDLE, "{took:?}");
    until_closed(&server).await;
    until_tasks(at_rest).await;
    let model = &gateway.models().await.unwrap()[0];
    assert!(!model.available, "its breaker is open");
    server.signal("CONT").unwrap();
    until_well(&gateway).await;
    assert!(
        gateway.models().await.unwrap()[0].available,
        "it has closed by itself"
    );

    let (answers, took) = struck(&gateway, &server, "KILL").await;
    let reasons = reasons(&answers);
    assert_eq!(reasons.len(), STREAMS);
    let expected = [
        Reason::Truncated,
        Reason::BackendFailed,
        Reason::BackendUnreachable,
    ];
    assert!(
        reasons.iter().all(|reason| expected.contains(reason)),
        "{reasons:?}"
    );
    assert!(took < IDLE, "{took:?}");
    assert_eq!(server.connections().unwrap(), 0);
    until_tasks(at_rest).await;
    assert!(
        !gateway.models().await.unwrap()[0].available,
        "its breaker is open"
    );
    server.restart().unwrap();
    until_well(&gateway).await;
    assert!(gateway.models().await.unwrap()[0].available);

    // Every place is free again: as many as there are get in at once.
    let again = join_all((0..STREAMS).map(|_| gateway.whole(brief(&gateway)))).await;
    let refused = again.iter().filter_map(|answer| answer.as_ref().err());
    let overloaded = refused
        .filter(|failure| failure.reason == Reason::Overloaded)
        .count();
    assert_eq!(overloaded, 0);
}

/// Slots of the server that are at work.
async fn busy(server: &ModelServer) -> usize {
    let slots = http::get(&format!("{}/slots", server.url())).await.unwrap();
    let slots = slots.as_array().cloned().unwrap_or_default();
    slots
        .iter()
        .filter(|slot| slot["is_processing"] == true)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_frees_the_slot_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelServer::start(folder.path()).unwrap();
    let gateway = gateway(&server);
    until_well(&gateway).await;
    let mut waits: Vec<(Duration, Duration)> = Vec::new();
    for _ in 0..5 {
        let left = timeout(Duration::from_millis(500), gateway.stream(long(&gateway))).await;
        assert!(left.is_err(), "it is still telling its story");
        waits.push(until_idle(&server).await);
    }
    // For people to look at: how long a token takes depends on the machine.
    println!("call dropped and slot free so long after the caller had left: {waits:?}");
}

/// Waits until no connection is open, and then until no slot is at work; how long each took.
async fn until_idle(server: &ModelServer) -> (Duration, Duration) {
    const PATIENCE: Duration = Duration::from_secs(30);
    let gone = Instant::now();
    while server.connections().unwrap() > 0 {
        assert!(gone.elapsed() < PATIENCE, "the call goes on");
        sleep(Duration::from_millis(2)).await;
    }
    let dropped = gone.elapsed();
    while busy(server).await > 0 {
        assert!(gone.elapsed() < PATIENCE, "the server goes on");
        sleep(Duration::from_millis(2)).await;
    }
    (dropped, gone.elapsed())
}
