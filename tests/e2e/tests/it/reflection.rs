//! Tools that know nothing of Terrace: grpcurl lists, describes and calls every service by
//! reflection alone, with the very commands of the README.

use std::path::Path;
use std::process::Command;

use terrace_e2e::tools::{ROOT, installed, printed};
use terrace_e2e::{Placement, Sandbox, Scenario};

/// The commands of the README's block that is marked as grpcurl's.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, block) = readme.split_once("<!-- grpcurl -->\n```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_grpcurl_command_of_the_readme_works() {
    let sandbox = Sandbox::start(Placement::InProcess, Scenario::default())
        .await
        .unwrap();
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let grpcurl = installed("grpcurl").unwrap();
    let grpcurl = grpcurl.to_str().unwrap();
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    let mut listed = String::new();
    for command in commands {
        let typed = command
            .replacen("grpcurl", grpcurl, 1)
            .replace("127.0.0.1:7600", &address)
            .replace("terrace-backend: llama-cpp", "terrace-backend: local");
        let output = Command::new("bash").args(["-c", &typed]).output().unwrap();
        assert!(output.status.success(), "{command}\n{}", printed(&output));
        if command.ends_with(" list") {
            listed = printed(&output);
        }
    }
    for service in [
        "terrace.classifier.v1.ClassifierService",
        "terrace.gateway.v1.GatewayService",
        "terrace.judge.v1.JudgeService",
        "terrace.ledger.v1.AccountService",
        "terrace.ledger.v1.LedgerService",
        "terrace.router.v1.RouterService",
        "grpc.health.v1.Health",
    ] {
        assert!(listed.contains(service), "{service} is not in\n{listed}");
    }
}
