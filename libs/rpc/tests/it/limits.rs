//! A server takes so many calls at once and refuses the next one politely.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_rpc::{ServerSettings, status};
use terrace_runtime::{Shutdown, Tasks};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::probe::{self, Way, every_way, open, say_text};

fn one_place() -> ServerSettings {
    let mut settings = ServerSettings::for_testing();
    settings.limits.concurrency = 1;
    settings
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_refused_with_a_time_to_come_back() {
    let (_server, links) = every_way(&one_place()).await;
    for link in links {
        // An open stream holds the place although its headers have long arrived.
        let mut stream = open(&link, probe::text("hang")).await.unwrap();
        probe::next(&mut stream).await.unwrap();
        let status = say_text(&link, "echo x").await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        let failure = status::to_failure(&status);
        assert_eq!(failure.reason, Reason::Overloaded);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
        drop(stream);
        until_answered(&link).await;
    }
}

#[tokio::test]
async fn health_is_answered_under_overload() {
    let (_server, [link, ..]) = every_way(&one_place()).await;
    let mut stream = open(&link, probe::text("hang")).await.unwrap();
    probe::next(&mut stream).await.unwrap();
    let mut health = HealthClient::new(link.link);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
}

#[tokio::test]
async fn a_caller_that_leaves_gives_its_place_back() {
    let (server, links) = every_way(&one_place()).await;
    let tasks = Tasks::new(Shutdown::new());
    for link in links {
        let caller = link.clone();
        let work = tasks.detach("caller", async move {
            let call = say_text(&caller, "hang");
            tokio::time::timeout(Duration::from_millis(100), call).await
        });
        assert!(work.await.unwrap().is_err());
        until_answered(&link).await;
        assert_eq!(server.stack.in_flight(), 0);
    }
}

/// A cancel needs a moment to reach a server over a socket.
async fn until_answered(way: &Way) {
    let answered = async {
        while say_text(way, "echo x").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, answered).await.unwrap();
}
