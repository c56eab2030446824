//! Traces go on over every link and end with their call; metrics hold what was answered.

use std::io::{Read, Write};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, Status as SpanStatus};
use terrace_rpc::{Link, ServerSettings};
use terrace_telemetry::{capture, fields};
use tracing::Instrument;

use crate::probe::{self, every_way, open, say_text};

const SAY: &str = "terrace.test.v1.ProbeService/Say";
const STREAM: &str = "terrace.test.v1.ProbeService/Stream";

#[tokio::test]
async fn a_trace_goes_on_over_every_way() {
    let captured = capture::start();
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let (root, trace) = capture::root("request");
        let call = say_text(&link, "echo x").instrument(root.clone());
        call.await.unwrap();
        drop(root);
        let tree = captured.tree(trace);
        assert_eq!(tree, format!("request\n  {SAY}\n    {SAY}\n"), "{link:?}");
        let spans = captured.spans(trace);
        assert_eq!(spans[0].span_kind, SpanKind::Server);
        assert_eq!(spans[1].span_kind, SpanKind::Client);
    }
}

#[tokio::test]
async fn what_a_handler_does_while_it_streams_belongs_to_its_span() {
    let captured = capture::start();
    let (_server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let (root, trace) = capture::root("request");
        let opened = open(&link, probe::text("span")).instrument(root.clone());
        let mut stream = opened.await.unwrap();
        while probe::next(&mut stream).await.unwrap().is_some() {}
        drop((stream, root));
        let tree = captured.tree(trace);
        let lines: Vec<_> = tree.lines().map(str::trim).collect();
        assert_eq!(lines, ["request", STREAM, STREAM, "handler"]);
    }
}

#[tokio::test]
async fn the_span_of_a_stream_lasts_until_its_end_and_says_who_left() {
    let captured = capture::start();
    let (server, links) = every_way(&ServerSettings::for_testing()).await;
    for link in links {
        let (root, trace) = capture::root("request");
        let opened = open(&link, probe::text("hang")).instrument(root.clone());
        let mut stream = opened.await.unwrap();
        probe::next(&mut stream).await.unwrap();
        assert!(captured.spans(trace).is_empty(), "ended before its stream");
        drop((stream, root));
        while server.stack.in_flight() > 0 || captured.spans(trace).len() < 3 {
            tokio::task::yield_now().await;
        }
        let left = KeyValue::new(fields::RPC_RESPONSE_STATUS_CODE, "CANCELLED");
        let spans = captured.spans(trace);
        let who_left = spans.iter().filter(|span| span.attributes.contains(&left));
        assert_eq!(who_left.count(), 2, "{spans:?}");
    }
}

#[tokio::test]
async fn a_panic_is_seen_by_trace_and_metrics_as_internal() {
    let captured = capture::start();
    let (_server, [_, link, _]) = every_way(&ServerSettings::for_testing()).await;
    let (root, trace) = capture::root("request");
    let call = say_text(&link, "panic now").instrument(root.clone());
    let status = call.await.unwrap_err();
    drop(root);
    assert!(status.message().contains(&trace.to_string()), "{status:?}");
    let spans = captured.spans(trace);
    assert!(matches!(spans[0].status, SpanStatus::Error { .. }));
    assert!(count("INTERNAL", SAY) >= 1);
}

#[tokio::test]
async fn refused_calls_are_counted_by_what_they_were_answered() {
    let mut settings = ServerSettings::for_testing();
    settings.limits.concurrency = 0;
    let link = Link::in_process("probe", probe::stack(&settings));
    let before = count("RESOURCE_EXHAUSTED", SAY);
    say_text(&link, "echo x").await.unwrap_err();
    assert!(count("RESOURCE_EXHAUSTED", SAY) > before);
    // Layers inside of metrics change codes, and metrics hold what the caller saw.
    let roomy = Link::in_process("probe", probe::stack(&ServerSettings::for_testing()));
    let before = count("INVALID_ARGUMENT", SAY);
    let other = tonic::Request::new(probe::Number { number: 7 });
    probe::call(roomy, probe::SAY, other).await.unwrap_err();
    assert!(count("INVALID_ARGUMENT", SAY) > before);
    // A deadline that has passed is noticed before a place is asked for.
    let mut late = probe::text("echo x");
    let value = "0m".parse().unwrap();
    late.metadata_mut().insert("grpc-timeout", value);
    let status = probe::call(link, probe::SAY, late).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_method_that_a_caller_made_up_is_no_label() {
    let link = Link::in_process("probe", probe::stack(&ServerSettings::for_testing()));
    let made_up = "/terrace.test.v1.ProbeService/Invented12345";
    let status = probe::call(link, made_up, probe::text("x"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert!(count("UNIMPLEMENTED", "_OTHER") >= 1);
    let text = terrace_telemetry::metrics::render();
    let server = text.lines().filter(|line| line.starts_with("rpc_server"));
    assert!(
        !server
            .into_iter()
            .any(|line| line.contains("Invented12345"))
    );
}

#[tokio::test]
async fn metrics_are_answered_over_http() {
    let settings = ServerSettings {
        metrics_listen: Some("127.0.0.1:0".parse().unwrap()),
        ..ServerSettings::for_testing()
    };
    let server = probe::serve(&settings).await;
    say_text(&server.link(), "echo x").await.unwrap();
    let address = server.metrics.unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        socket.write_all(request).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("rpc_server_call_duration_seconds_bucket"));
    assert!(answer.contains("terrace_rpc_client_in_flight"));
}

/// How many calls the probe's servers in this process have answered so.
fn count(code: &str, method: &str) -> u64 {
    let text = terrace_telemetry::metrics::render();
    let of_call = |line: &&str| {
        line.starts_with("rpc_server_call_duration_seconds_count")
            && line.contains(&format!("rpc_response_status_code=\"{code}\""))
            && line.contains(&format!("rpc_method=\"{method}\""))
    };
    let counts = text.lines().filter(of_call);
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}
