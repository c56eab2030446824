//! One id is one request, whoever is asked and however often: never a second charge.

use terrace_domain::Reason;
use terrace_e2e::ask::{failure, question_for, text, within};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::router::v1::{RouteRequest, RouteResponse};
use tonic::{Code, Status};

crate::in_both_placements!(an_id_is_charged_once_also_after_its_orchestrator_is_gone);

const ID: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

fn asked(text: &str) -> RouteRequest {
    RouteRequest {
        request_id: ID.to_owned(),
        ..question_for("api_fallback", text)
    }
}

async fn ask(sandbox: &Sandbox, request: RouteRequest) -> Result<RouteResponse, Status> {
    let answer = sandbox.router().route(within(request)).await;
    answer.map(tonic::Response::into_inner)
}

async fn an_id_is_charged_once_also_after_its_orchestrator_is_gone(placement: Placement) {
    let mut sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let capital = "What is the capital of France?";
    let first = ask(&sandbox, asked(capital)).await.unwrap();
    let again = ask(&sandbox, asked(capital)).await.unwrap();
    assert_eq!(text(&again), text(&first));
    assert_eq!(again.attempts, first.attempts);
    assert!(again.cached.is_some());

    sandbox.stop().await.unwrap();
    sandbox.restart().await.unwrap();
    let refused = ask(&sandbox, asked(capital)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let refused = failure(&refused);
    assert_eq!(refused.reason, Reason::RequestIdUsed);
    let story = "it was answered by api_fallback, passed, and cost $";
    assert!(refused.message.contains(story), "{refused}");
    let other = ask(&sandbox, asked("And of Spain?")).await.unwrap_err();
    let other = failure(&other);
    assert_eq!(other.reason, Reason::RequestIdUsed);
    assert!(other.message.contains("for another request"), "{other}");

    let rows = sandbox.database.number("SELECT count(*) FROM usage_events");
    assert_eq!(rows, 1);
    let chats = sandbox.paid.requests();
    let chats = chats.iter().filter(|seen| seen.path.contains("chat"));
    assert_eq!(chats.count(), 1);
}
