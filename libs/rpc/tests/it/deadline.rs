//! A deadline holds for unary calls and streams, over a socket and within the process.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::{Link, ServerSettings, status};
use terrace_runtime::{Kind, Shutdown, Tasks};
use tonic::transport::Server;
use tonic::{Code, Request, Status};

use crate::probe::{self, Probe, SAY, Text, call, every_way, open, serve};

const SHORT: Duration = Duration::from_millis(150);

fn within(command: &str, time: Duration) -> Request<Text> {
    request_within(probe::text(command).into_inner(), Deadline::within(time))
}

fn assert_exceeded(status: &Status) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    let failure = status::to_failure(status);
    assert_eq!(failure.reason, Reason::DeadlineExceeded);
    assert!(failure.message.contains("allow more time"), "{failure}");
}

#[tokio::test]
async fn a_unary_call_ends_at_its_deadline() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let status = call(link, SAY, within("hang", SHORT)).await.unwrap_err();
        assert_exceeded(&status);
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_after_its_first_message() {
    let (server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let mut stream = open(&link, within("hang", SHORT)).await.unwrap();
        assert_eq!(
            probe::next(&mut stream).await.unwrap().unwrap().text,
            "first"
        );
        assert_exceeded(&probe::next(&mut stream).await.unwrap_err());
    }
    assert_eq!(server.stack.in_flight(), 0);
}

/// tonic's timer on the server's connection reads the same header and would answer CANCELLED. The
/// caller here is plain HTTP/2, since tonic's clients have such a timer too and hide the answer.
#[tokio::test]
async fn a_client_of_somebody_else_hears_deadline_exceeded_too() {
    let server = serve(&ServerSettings::for_testing()).await;
    let socket = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    server.tasks.spawn("connection", Kind::Background, async {
        let _ = connection.await;
    });
    let calls = (0..64).map(|_| {
        let client = client.clone();
        async move {
            let request = http::Request::post(format!("http://probe{SAY}"))
                .header("content-type", "application/grpc")
                .header("grpc-timeout", "100m");
            let mut client = client.ready().await.unwrap();
            let (answer, mut body) = client
                .send_request(request.body(()).unwrap(), false)
                .unwrap();
            let hang = b"\x00\x00\x00\x00\x06\x0a\x04hang";
            body.send_data(bytes::Bytes::from_static(hang), true)
                .unwrap();
            Status::from_header_map(answer.await.unwrap().headers()).unwrap()
        }
    });
    for status in futures::future::join_all(calls).await {
        assert_exceeded(&status);
    }
}

/// A server without our layers lets tonic answer for it.
#[tokio::test]
async fn a_server_of_somebody_else_that_times_out_has_exceeded_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tasks = Tasks::new(Shutdown::new());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let serve = Server::builder()
        .timeout(Duration::from_millis(50))
        .add_service(Probe::default())
        .serve_with_incoming(incoming);
    tasks.spawn("plain", Kind::Background, async {
        serve.await.unwrap();
    });
    let link = Link::network("judge", &url).unwrap();
    let patient = within("hang", Duration::from_secs(30));
    let status = call(link, SAY, patient).await.unwrap_err();
    assert_exceeded(&status);
}

#[tokio::test(start_paused = true)]
async fn a_callee_has_a_little_less_time_than_its_caller() {
    let settings = ServerSettings::for_testing();
    let link = Link::in_process("probe", probe::stack(&settings));
    let answer = call(link, SAY, within("left", Duration::from_secs(10))).await;
    assert_eq!(answer.unwrap().text, "9945");
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_asks_for_is_capped_and_what_it_leaves_out_is_filled_in() {
    let mut settings = ServerSettings::for_testing();
    settings.limits.max_deadline = Duration::from_secs(60);
    settings.limits.default_deadline = Duration::from_secs(20);
    let link = Link::in_process("probe", probe::stack(&settings));
    let greedy = call(
        link.clone(),
        SAY,
        within("left", Duration::from_secs(9_999)),
    )
    .await;
    assert_eq!(greedy.unwrap().text, "59995");
    assert_eq!(probe::say_text(&link, "left").await.unwrap(), "19995");
    // And without a word from the caller, the call ends all the same.
    let hung = probe::say_text(&link, "hang").await.unwrap_err();
    assert_exceeded(&hung);
}

#[tokio::test]
async fn a_spent_deadline_is_refused_and_a_strange_one_is_named() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let spent = call(link.clone(), SAY, within("echo x", Duration::ZERO)).await;
        assert_exceeded(&spent.unwrap_err());
        let mut strange = probe::text("echo x");
        let value = "soon".parse().unwrap();
        strange.metadata_mut().insert("grpc-timeout", value);
        let status = call(link, SAY, strange).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status::to_failure(&status).fields[0].field, "grpc-timeout");
    }
}
