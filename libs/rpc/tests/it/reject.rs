//! What a caller sends wrongly comes back as its own mistake, never as a crash or INTERNAL.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceId;
use terrace_domain::Reason;
use terrace_rpc::{Link, ServerSettings, status};
use terrace_telemetry::{capture, fields};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use tower::ServiceExt;

use crate::probe::{self, MAX_BYTES, Number, Raw, SAY, Text, call, every_way, open, say_text};

fn assert_invalid(status: &Status, what: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let failure = status::to_failure(status);
    assert_eq!(failure.reason, Reason::InvalidRequest);
    assert_eq!(failure.fields[0].field, "(message)");
    let description = &failure.fields[0].description;
    assert!(description.contains(what), "{description}");
    assert!(description.contains("ProbeService/Say"), "{description}");
}

#[tokio::test]
async fn a_message_of_another_type_is_an_invalid_request() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let other = Request::new(Number { number: 7 });
        let status = call(link, SAY, other).await.unwrap_err();
        assert_invalid(&status, "no valid message");
    }
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_an_invalid_request() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let raw = b"\xff\xfe\x80".to_vec();
        let status = call(link, SAY, Request::new(Raw { raw }))
            .await
            .unwrap_err();
        assert_invalid(&status, "no valid message");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_an_invalid_request() {
    let (_server, [over_socket, within, _without_bytes]) =
        every_way(&ServerSettings::for_testing()).await;
    for link in [over_socket, within] {
        let long = Text {
            text: "x".repeat(MAX_BYTES + 1),
        };
        let status = call(link, SAY, Request::new(long)).await.unwrap_err();
        assert_invalid(&status, "larger than this server takes");
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_an_invalid_request() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    let bodies: [(&'static [u8], &str); 4] = [
        (b"", "is missing"),
        (b"\x00\x00\x00\x00\x09abc", "ends in the middle"),
        (b"\x07\x00\x00\x00\x00", "not framed"),
        (b"\x01\x00\x00\x00\x03abc", "not framed"),
    ];
    for link in links {
        for (bytes, what) in bodies {
            assert_invalid(&post(&link.link, SAY, bytes).await, what);
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_named() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        for path in ["/terrace.test.v1.ProbeService/Fly", "/no.Such/Thing", "/"] {
            let status = post(&link.link, path, b"\x00\x00\x00\x00\x00").await;
            assert_eq!(status.code(), Code::Unimplemented, "{path}");
            let failure = status::to_failure(&status);
            assert_eq!(failure.reason, Reason::NotImplemented, "{path}");
        }
    }
}

#[tokio::test]
async fn metadata_that_is_no_text_is_refused_by_name() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let mut request = http::Request::post(SAY);
        let headers = request.headers_mut().unwrap();
        let odd = http::HeaderValue::from_bytes(b"\xff\xfe\x80").unwrap();
        for name in ["x-odd", "odd-bin"] {
            headers.insert(http::HeaderName::from_static(name), odd.clone());
        }
        let body = Full::new(Bytes::from_static(b"\x00\x00\x00\x00\x08\x0a\x06echo x"));
        let request = request.body(Body::new(body)).unwrap();
        let failure = status::to_failure(&ended(link.link.oneshot(request).await.unwrap()).await);
        assert_eq!(failure.reason, Reason::InvalidRequest);
        let fields: Vec<_> = failure
            .fields
            .iter()
            .map(|wrong| wrong.field.as_str())
            .collect();
        assert_eq!(fields, ["metadata.x-odd", "metadata.odd-bin"]);
    }
}

#[tokio::test]
async fn a_status_without_a_reason_shows_nothing_of_its_text() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let unary = say_text(&link, "leak").await.unwrap_err();
        let mut stream = open(&link, probe::text("leak")).await.unwrap();
        probe::next(&mut stream).await.unwrap();
        let streamed = probe::next(&mut stream).await.unwrap_err();
        for status in [unary, streamed] {
            assert_eq!(status::to_failure(&status).reason, Reason::Internal);
            assert!(!status.message().contains("hunter2"), "{status:?}");
        }
    }
}

#[tokio::test]
async fn long_metadata_is_carried() {
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let mut request = probe::text("echo x");
        let long = MetadataValue::try_from("x".repeat(8_000)).unwrap();
        request.metadata_mut().insert("x-long", long);
        assert_eq!(call(link, SAY, request).await.unwrap().text, "x");
    }
}

#[tokio::test]
async fn a_caller_that_is_killed_in_the_middle_of_its_message_is_no_defect() {
    let captured = capture::start();
    let server = probe::serve(&ServerSettings::for_testing()).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let half_a_message = async {
        let request = http::Request::post(format!("http://{}{SAY}", server.address))
            .header("content-type", "application/grpc")
            .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
            .body(())
            .unwrap();
        let mut client = client.ready().await.unwrap();
        let (_answer, mut body) = client.send_request(request, false).unwrap();
        let begun = Bytes::from_static(b"\x00\x00\x00\x00\x09abc");
        body.send_data(begun, false).unwrap();
        while server.stack.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = connection => panic!("the server hung up"),
        // The connection is dropped in the middle of it.
        () = half_a_message => {}
    }
    let trace = TraceId::from_hex(trace).unwrap();
    while captured.spans(trace).is_empty() {
        tokio::task::yield_now().await;
    }
    let left = KeyValue::new(fields::RPC_RESPONSE_STATUS_CODE, "CANCELLED");
    let spans = captured.spans(trace);
    assert!(spans[0].attributes.contains(&left), "{spans:?}");
}

/// Sends bytes that no client would, and returns the status they are answered with.
async fn post(link: &Link, path: &str, bytes: &'static [u8]) -> Status {
    let request = http::Request::post(path)
        .header("content-type", "application/grpc")
        .body(Body::new(Full::new(Bytes::from_static(bytes))))
        .unwrap();
    ended(link.clone().oneshot(request).await.unwrap()).await
}

async fn ended(response: http::Response<Body>) -> Status {
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let body = response.into_body().collect().await.unwrap();
    Status::from_header_map(body.trailers().unwrap()).unwrap()
}
