//! A failure arrives as it was sent, whatever the link, and a link fails in the same words.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_rpc::{Link, ServerSettings, status};
use tonic::Code;

use crate::probe::{self, every_way, open, say_text};

#[tokio::test]
async fn every_reason_arrives_with_its_details_over_every_way() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        for &reason in Reason::ALL {
            let status = say_text(&link, &format!("fail {reason}"))
                .await
                .unwrap_err();
            assert_eq!(status.code(), status::code(reason), "{reason}");
            assert_eq!(status::to_failure(&status), probe::failure(reason));
        }
    }
}

#[tokio::test]
async fn only_what_crosses_a_wire_reaches_a_callee_in_the_same_process() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let mut request = probe::text("marked");
        request.extensions_mut().insert(probe::Mark);
        let answer = probe::call(link, probe::SAY, request).await;
        assert_eq!(answer.unwrap().text, "false");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let link = Link::network("classifier", &url).unwrap();
    let status = say_text(&link, "echo x").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let failure = status::to_failure(&status);
    assert_eq!(failure.reason, Reason::ServiceUnavailable);
    let expected = format!("cannot reach the classifier at {url}: is it running?");
    assert_eq!(failure.message, expected);
}

#[tokio::test]
async fn a_link_finds_a_server_that_came_back() {
    let settings = ServerSettings::for_testing();
    let first = probe::serve(&settings).await;
    let link = first.link();
    assert_eq!(say_text(&link, "echo one").await.unwrap(), "one");
    first.shutdown.request();
    first.tasks.wait(Duration::from_secs(10)).await.unwrap();
    let down = status::to_failure(&say_text(&link, "echo two").await.unwrap_err());
    assert_eq!(down.reason, Reason::ServiceUnavailable);
    let again = ServerSettings {
        listen: first.address,
        ..settings
    };
    let _second = probe::serve(&again).await;
    assert_eq!(say_text(&link, "echo three").await.unwrap(), "three");
}

#[tokio::test]
async fn a_panic_fails_one_call_without_its_text() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let status = say_text(&link, "panic secret").await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status::reason(&status), Reason::Internal);
        assert!(!status.message().contains("secret"), "{status:?}");
        assert_eq!(say_text(&link, "echo alive").await.unwrap(), "alive");
    }
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_with_a_status() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let mut stream = open(&link, probe::text("panic")).await.unwrap();
        assert_eq!(
            probe::next(&mut stream).await.unwrap().unwrap().text,
            "first"
        );
        let status = probe::next(&mut stream).await.unwrap_err();
        assert_eq!(status::to_failure(&status).reason, Reason::Internal);
        assert_eq!(status.code(), Code::Internal);
    }
}
