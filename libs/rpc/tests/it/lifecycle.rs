//! A server gets ready, says so, and stops within its grace whatever its callers do.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_rpc::{Link, ServerSettings, server, status};
use terrace_runtime::{Grace, Readiness};
use tokio::time::Instant;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::probe::{self, open, say_text, serve, serve_stack};

fn impatient() -> ServerSettings {
    ServerSettings {
        health_listen: Some("127.0.0.1:0".parse().unwrap()),
        grace: Grace {
            notice: Duration::ZERO,
            finish: Duration::from_millis(300),
            cut: Duration::from_millis(500),
        },
        ..ServerSettings::for_testing()
    }
}

async fn health(link: Link, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(link).check(request).await.unwrap();
    answer.into_inner().status()
}

#[tokio::test]
async fn an_open_stream_is_told_and_does_not_hold_up_the_end() {
    let server = serve(&impatient()).await;
    let link = server.link();
    let mut stream = open(&link, probe::text("hang")).await.unwrap();
    probe::next(&mut stream).await.unwrap();
    let began = Instant::now();
    server.shutdown.request();
    let status = probe::next(&mut stream).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status::to_failure(&status).reason, Reason::ShuttingDown);
    server.tasks.wait(Duration::from_secs(5)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_call_in_flight_finishes_and_a_new_one_finds_nobody() {
    let settings = ServerSettings {
        grace: Grace::short(),
        ..impatient()
    };
    let server = serve(&settings).await;
    let (busy, late) = (server.link(), server.link());
    let call = say_text(&busy, "wait 400");
    let stop = async {
        while server.stack.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        server.shutdown.request();
        tokio::time::sleep(Duration::from_millis(100)).await;
        say_text(&late, "echo x").await.unwrap_err()
    };
    let (answer, refused) = tokio::join!(call, stop);
    assert_eq!(answer.unwrap(), "waited");
    assert_eq!(
        status::to_failure(&refused).reason,
        Reason::ServiceUnavailable
    );
    server.tasks.wait(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn health_says_not_serving_before_calls_are_refused() {
    let mut settings = impatient();
    settings.grace.notice = Duration::from_secs(30);
    let server = serve(&settings).await;
    let url = format!("http://{}", server.health.unwrap());
    let probes = Link::network("probe", &url).unwrap();
    assert_eq!(health(probes.clone(), "").await, ServingStatus::Serving);
    server.shutdown.request();
    while health(probes.clone(), "").await == ServingStatus::Serving {}
    let named = "terrace.test.v1.ProbeService";
    assert_eq!(
        health(server.link(), named).await,
        ServingStatus::NotServing
    );
    // Balancers have not noticed yet: calls are still answered.
    assert_eq!(say_text(&server.link(), "echo x").await.unwrap(), "x");
}

#[tokio::test]
async fn health_waits_for_readiness() {
    let settings = impatient();
    let readiness = Readiness::new();
    let latch = readiness.latch("model file");
    let stack = probe::stack(&settings).with_readiness(readiness);
    let server = serve_stack(stack, &settings).await;
    let link = server.link();
    assert_eq!(health(link.clone(), "").await, ServingStatus::NotServing);
    drop(latch);
    while health(link.clone(), "").await == ServingStatus::NotServing {}
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let settings = ServerSettings::for_testing();
    let first = server::bind(&settings).await.unwrap();
    let again = ServerSettings {
        listen: first.address(),
        ..settings
    };
    let error = server::bind(&again).await.unwrap_err();
    assert!(error.to_string().contains(&first.address().to_string()));
}

#[tokio::test]
async fn reflection_lists_what_is_served_in_both_versions() {
    let server = serve(&ServerSettings::for_testing()).await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(server.link());
    let mut answers = client
        .server_reflection_info(tokio_stream::once(request.clone()))
        .await
        .unwrap()
        .into_inner();
    let names = names(answers.message().await.unwrap().unwrap());
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "terrace.test.v1.ProbeService",
    ];
    assert_eq!(names, expected);
    let alpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
    let answer = probe::call(server.link(), alpha, tonic::Request::new(request)).await;
    // Not our message, so it cannot be read as one; but it is an answer.
    assert_ne!(
        answer.map_or_else(|s| s.code(), |_| Code::Ok),
        Code::Unimplemented
    );
}

fn names(answer: ServerReflectionResponse) -> Vec<String> {
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
    names.sort();
    names
}
