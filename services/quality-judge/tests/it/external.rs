//! Judges of the user's own, here another of ours behind a socket.

use std::net::SocketAddr;
use std::time::Duration;

use terrace_config::{ExternalJudge, Rule};
use terrace_domain::Reason;
use terrace_proto::judge::v1::judge_service_client::JudgeServiceClient;
use terrace_proto::judge::v1::{CheckFinding, JudgeRequest, JudgeResponse};
use terrace_quality_judge::Settings;
use terrace_rpc::link::{Link, Network};
use terrace_rpc::server::{self, ServerSettings};
use terrace_rpc::status::to_failure;

use terrace_runtime::{Kind, Shutdown, Tasks};
use tonic::Status;

use crate::world::{request, settings};

/// A judge that wants sources, listening.
async fn wants_sources() -> SocketAddr {
    let app = terrace_quality_judge::build(
        Settings {
            rules: vec![Rule {
                name: "source".to_owned(),
                when: None,
                expression: "answer.contains('http')".parse().unwrap(),
                hard: true,
                weight: 1.0,
            }],
            ..settings()
        },
        &Network::default(),
    );
    let listening = ServerSettings::for_testing();
    let bound = server::bind(&listening).await.unwrap();
    let address = bound.address();
    let stack = app.unwrap().stack(&listening).unwrap();
    let shutdown = Shutdown::new();
    Tasks::new(shutdown.clone()).spawn("external judge", Kind::Background, async move {
        bound.serve(stack, shutdown).await.unwrap();
    });
    address
}

fn external(address: SocketAddr) -> ExternalJudge {
    ExternalJudge {
        name: "sources".to_owned(),
        url: format!("http://{address}").parse().unwrap(),
        timeout: Duration::from_secs(20),
        weight: 1.0,
        hard: false,
        required: false,
    }
}

async fn ask(external: ExternalJudge, request: JudgeRequest) -> Result<JudgeResponse, Status> {
    let app = terrace_quality_judge::build(
        Settings {
            external: vec![external],
            ..settings()
        },
        &Network::default(),
    );
    let stack = app.unwrap().stack(&ServerSettings::for_testing()).unwrap();
    let mut client = JudgeServiceClient::new(Link::in_process("quality-judge", stack));
    Ok(client.judge(request).await?.into_inner())
}

fn finding(response: &JudgeResponse) -> Option<&CheckFinding> {
    let checks = &response.verdict.as_ref()?.checks;
    checks
        .iter()
        .find(|found| found.check == "external/sources")
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    taken.local_addr().unwrap()
}

#[tokio::test]
async fn what_another_judge_says_counts_like_a_check() {
    let address = wants_sources().await;
    let without = ask(external(address), request("It is so.")).await.unwrap();
    let found = finding(&without).unwrap();
    assert!(found.score.abs() < 1e-9 && !found.hard_failure);
    assert!(!without.verdict.unwrap().passed);
    let with = ask(external(address), request("See http://a.example"))
        .await
        .unwrap();
    assert!(with.verdict.unwrap().passed);
}

#[tokio::test]
async fn a_hard_one_fails_an_answer_alone() {
    let hard = ExternalJudge {
        hard: true,
        ..external(wants_sources().await)
    };
    let response = ask(hard, request("It is so.")).await.unwrap();
    assert!(finding(&response).unwrap().hard_failure);
}

#[tokio::test]
async fn one_that_does_not_answer_is_passed_over_and_told() {
    let gone = external(nobody().await);
    let response = ask(gone, request("It is so.")).await.unwrap();
    let found = finding(&response).unwrap();
    assert!(found.weight.abs() < 1e-9 && found.finding.contains("did not answer"));
    assert!(response.verdict.unwrap().passed);
}

#[tokio::test]
async fn one_that_is_required_and_does_not_answer_fails_the_judging() {
    let required = ExternalJudge {
        required: true,
        ..external(nobody().await)
    };
    let failed = ask(required, request("It is so.")).await.unwrap_err();
    assert_eq!(to_failure(&failed).reason, Reason::ServiceUnavailable);
}

#[tokio::test]
async fn none_is_asked_about_an_answer_that_has_failed_already() {
    let required = ExternalJudge {
        required: true,
        ..external(nobody().await)
    };
    let response = ask(required, request("")).await.unwrap();
    assert!(finding(&response).is_none());
}
