//! Tools that know nothing of Terrace: grpcurl lists, describes and calls every service by
//! reflection alone, with the very commands of the README.

use std::path::Path;
use std::process::{Command, Output};

use terrace_e2e::{Placement, Sandbox, Scenario};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The commands of the README's block that is marked as grpcurl's.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, block) = readme.split_once("<!-- grpcurl -->\n```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.lines().map(str::to_owned).collect()
}

/// The program, installed by the project's own script when it is missing.
fn grpcurl() -> String {
    let script = Path::new(ROOT).join("scripts/tools.sh");
    let output = Command::new(script).arg("grpcurl").output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_grpcurl_command_of_the_readme_works() {
    let sandbox = Sandbox::start(Placement::InProcess, Scenario::default())
        .await
        .unwrap();
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let grpcurl = grpcurl();
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    let mut listed = String::new();
    for command in commands {
        let typed = command
            .replacen("grpcurl", &grpcurl, 1)
            .replace("127.0.0.1:7600", &address)
            .replace("terrace-backend: llama-cpp", "terrace-backend: local");
        let output = Command::new("bash").args(["-c", &typed]).output().unwrap();
        assert!(output.status.success(), "{command}\n{}", told(&output));
        if command.ends_with(" list") {
            listed = told(&output);
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
