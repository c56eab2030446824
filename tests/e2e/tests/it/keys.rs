//! Keys at the door: who has none stays outside, who has one pays for the own project.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use terrace_domain::Reason;
use terrace_e2e::ask::{failure, question, within};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::router::v1::RouteResponse;
use terrace_testkit::process::program;
use tonic::Status;
use tonic::metadata::MetadataValue;

const ROOT: &str = "the operator's own key";

/// Runs `terrace` with the operator's own key.
async fn terrace(sandbox: &Sandbox, args: &[&str]) -> Output {
    let mut command = std::process::Command::new(program("terrace").unwrap());
    command.arg("--server").arg(sandbox.url()).args(args);
    command.env("TERRACE_API_KEY", ROOT);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    output.unwrap().unwrap()
}

async fn value(sandbox: &Sandbox, args: &[&str]) -> Value {
    let done = terrace(sandbox, args).await;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{args:?}: {told}");
    serde_json::from_slice(&done.stdout).unwrap()
}

async fn ask(sandbox: &Sandbox, key: Option<&str>) -> Result<RouteResponse, Status> {
    let mut request = within(question("What is the capital of France?"));
    if let Some(key) = key {
        let value: MetadataValue<_> = format!("Bearer {key}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let answered = sandbox.router().route(request).await;
    answered.map(tonic::Response::into_inner)
}

async fn reason(sandbox: &Sandbox, key: Option<&str>) -> Reason {
    failure(&ask(sandbox, key).await.unwrap_err()).reason
}

/// A Terrace that needs keys; its secrets lie in `folder`.
async fn start(folder: &Path) -> Sandbox {
    let file = |name: &str, secret: &str| {
        let path = folder.join(name);
        std::fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let (pepper, root) = (
        file("pepper", "a pepper for tests alone"),
        file("root", ROOT),
    );
    let scenario = Scenario {
        more: vec![format!(
            "auth: {{required: true, pepper_file: '{pepper}', root_key_file: '{root}'}}"
        )],
        ..Scenario::default()
    };
    Sandbox::start(Placement::InProcess, scenario)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_the_door_pays_for_its_project_and_ends_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = start(folder.path()).await;
    assert_eq!(reason(&sandbox, None).await, Reason::Unauthenticated);
    assert_eq!(
        reason(&sandbox, Some("tk_guessed")).await,
        Reason::Unauthenticated
    );

    value(&sandbox, &["project", "create", "search", "--json"]).await;
    let create = ["key", "create", "ci", "--project", "search", "--json"];
    let key = value(&sandbox, &create).await;
    let (id, secret) = (
        key["key_id"].as_str().unwrap(),
        key["secret"].as_str().unwrap(),
    );
    let answered = ask(&sandbox, Some(secret)).await.unwrap();
    let row = format!(
        "SELECT project, key_id FROM requests WHERE request_id = '{}'",
        answered.request_id
    );
    assert_eq!(sandbox.database.query(&row), [["search", id]]);
    let cost = ["cost", "--project", "search", "--by", "key", "--json"];
    let cost = value(&sandbox, &cost).await;
    assert_eq!(cost["groups"][0]["by"]["key"], id);

    value(&sandbox, &["key", "revoke", id, "--json"]).await;
    let refused = async {
        while ask(&sandbox, Some(secret)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused)
        .await
        .unwrap();
    let list = value(&sandbox, &["key", "list", "--json"]).await;
    assert!(list["keys"][0]["revoked_at"].is_string());
    assert!(list["keys"][0].get("secret").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_behind_the_orchestrator_needs_a_key_that_may_manage() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = start(folder.path()).await;
    let summary = |key: Option<String>| {
        let mut request = within(terrace_proto::ledger::v1::GetSummaryRequest::default());
        if let Some(key) = key {
            let value: MetadataValue<_> = format!("Bearer {key}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let mut ledger = sandbox.ledger();
        async move { ledger.get_summary(request).await }
    };
    let refused = summary(None).await.unwrap_err();
    assert_eq!(failure(&refused).reason, Reason::Unauthenticated);
    let key = value(&sandbox, &["key", "create", "ci", "--json"]).await;
    let secret = key["secret"].as_str().unwrap().to_owned();
    let denied = summary(Some(secret)).await.unwrap_err();
    assert_eq!(failure(&denied).reason, Reason::PermissionDenied);
    assert!(summary(Some(ROOT.to_owned())).await.is_ok());
}
