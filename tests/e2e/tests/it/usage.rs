//! The bill in two independent ways: the ledger's sums, and an export that Python adds up.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use terrace_e2e::ask::{question, question_for, within};
use terrace_e2e::scenario::REFUSAL;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::process::program;
use terrace_testkit::provider::Reply;

/// Runs a program in a folder, away from the threads of the test.
async fn run(program: PathBuf, folder: &Path, args: &[&str]) -> Output {
    let mut command = std::process::Command::new(program);
    command.args(args).current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    output.unwrap().unwrap()
}

async fn terrace(sandbox: &Sandbox, folder: &Path, args: &[&str]) -> Output {
    let all = [&["--server", sandbox.url()], args].concat();
    let done = run(program("terrace").unwrap(), folder, &all).await;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{args:?}: {told}");
    done
}

fn value(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Terrace that has answered some questions in every tier.
async fn used() -> Sandbox {
    let scenario = Scenario::default().small(vec![
        Reply::text(REFUSAL),
        Reply::text(terrace_e2e::scenario::GOOD),
    ]);
    let sandbox = Sandbox::start(Placement::InProcess, scenario)
        .await
        .unwrap();
    for number in 0..6 {
        let mut ask = match number % 3 {
            0 => question("What is the capital of France?"),
            1 => question_for("local_quality", "What is the capital of France?"),
            _ => question_for("api_fallback", "What is the capital of France?"),
        };
        ask.action = format!("action-{}", number % 2);
        ask.tags = [("topic".to_owned(), format!("topic {}", number % 2))].into();
        sandbox.router().route(within(ask)).await.unwrap();
    }
    sandbox
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_added_up_elsewhere_is_the_bill_to_the_last_nano_usd() {
    let sandbox = used().await;
    let folder = tempfile::tempdir().unwrap();
    let export = ["usage", "export", "llm_usage.jsonl", "--json"];
    let told = value(&terrace(&sandbox, folder.path(), &export).await);
    let bill = value(&terrace(&sandbox, folder.path(), &["cost", "--json"]).await);

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/recompute_usage.py");
    let args = ["llm_usage.jsonl", "--price", "big=0,0,10000000"];
    let done = run(script, folder.path(), &args).await;
    let wrong = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{wrong}");
    let sums = value(&done);
    for name in ["cost_nano_usd", "baseline_nano_usd", "savings_nano_usd"] {
        assert_eq!(sums[name], bill[name], "{name}");
    }
    assert_eq!(sums["cost_nano_usd"], 20_000_000);
    assert_eq!(
        (&sums["rows"], &sums["answered"]),
        (&told["rows"], &bill["requests"])
    );
    let tiers = bill["tiers"].as_array().unwrap();
    for tier in tiers {
        let name = tier["tier"].as_str().unwrap();
        assert_eq!(
            sums["cost_by_tier_nano_usd"][name], tier["cost_nano_usd"],
            "{name}"
        );
    }
    assert_eq!(tiers.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reused_answer_saves_its_baseline_in_both_ways_of_adding_up() {
    let scenario = Scenario::default().routing("enable_caching: true");
    let sandbox = Sandbox::start(Placement::InProcess, scenario)
        .await
        .unwrap();
    for _ in 0..2 {
        let ask = question("What is the capital of France?");
        sandbox.router().route(within(ask)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let bill = value(&terrace(&sandbox, folder.path(), &["cost", "--json"]).await);
    let baseline = bill["baseline_nano_usd"].as_i64().unwrap();
    let of_the_cache = bill["total"]["savings_parts_nano_usd"]["cache"]
        .as_i64()
        .unwrap();
    assert!(of_the_cache > 0, "{bill}");
    assert_eq!(baseline, 2 * of_the_cache);

    let export = ["usage", "export", "llm_usage.jsonl"];
    terrace(&sandbox, folder.path(), &export).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/recompute_usage.py");
    let sums = value(&run(script, folder.path(), &["llm_usage.jsonl"]).await);
    assert_eq!(
        (&sums["baseline_nano_usd"], &sums["answered"]),
        (&bill["baseline_nano_usd"], &bill["requests"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_and_cost_are_asked_from_the_command_line() {
    let sandbox = used().await;
    let folder = tempfile::tempdir().unwrap();
    let list = ["usage", "list", "tag.topic=topic 1", "since=1h", "--json"];
    let listed = value(&terrace(&sandbox, folder.path(), &list).await);
    let events = listed["events"].as_array().unwrap();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event["action"] == "action-1"));

    let table = terrace(
        &sandbox,
        folder.path(),
        &["usage", "list", "outcome=rejected"],
    )
    .await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("small") && table.contains("rejected"),
        "{table}"
    );

    let csv = terrace(
        &sandbox,
        folder.path(),
        &["usage", "export", "-", "--format", "csv"],
    )
    .await;
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.starts_with("time,request_id,step,"), "{csv}");
    assert_eq!(csv.lines().count(), 8);

    let cost = ["cost", "--by", "tier,action", "--bucket", "1h", "--json"];
    let cost = value(&terrace(&sandbox, folder.path(), &cost).await);
    let groups = cost["groups"].as_array().unwrap();
    let sum: i64 = groups
        .iter()
        .filter_map(|group| group["cost_nano_usd"].as_i64())
        .sum();
    assert_eq!(sum, 20_000_000);
    assert!(
        groups
            .iter()
            .any(|group| group["by"]["tier"] == "api_fallback")
    );
    let shown = terrace(
        &sandbox,
        folder.path(),
        &["cost", "--by", "model", "--bucket", "1h"],
    )
    .await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("=== By model ===") && shown.contains('█'),
        "{shown}"
    );
}
