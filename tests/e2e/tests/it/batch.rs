//! A file of requests, as its owner sends it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use terrace_e2e::scenario::{GOOD, REFUSAL};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::process::program;
use terrace_testkit::provider::{Reply, Rule};

crate::in_both_placements!(
    every_line_gets_a_result_and_the_bill_is_one_with_the_books,
    a_batch_goes_on_where_it_was_broken_off,
);

async fn terrace(sandbox: &Sandbox, folder: &Path, args: &'static [&'static str]) -> Output {
    let (program, url) = (program("terrace").unwrap(), sandbox.url().to_owned());
    let mut command = std::process::Command::new(program);
    command.arg("--server").arg(url).args(args);
    command.current_dir(folder);
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

/// The results by line: what kind they are.
fn results(file: &Path) -> BTreeMap<u64, Vec<&'static str>> {
    let mut results: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let kind = match (&value["response"]["passed"], &value["error"]["reason"]) {
            (serde_json::Value::Bool(true), _) => "passed",
            (serde_json::Value::Bool(false), _) => "not passed",
            _ => "failed",
        };
        let number = value["line"].as_u64().unwrap();
        results.entry(number).or_default().push(kind);
    }
    results
}

async fn every_line_gets_a_result_and_the_bill_is_one_with_the_books(placement: Placement) {
    let mut scenario = Scenario::default();
    scenario.local = scenario
        .local
        .rule(Rule::replying(vec![Reply::text(REFUSAL)]).model("small"));
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..30)
        .map(|number| match number % 3 {
            0 => format!("{{\"prompt\": \"question {number}\"}}\n"),
            1 => format!("{{\"prompt\": \"question {number}\", \"tier\": \"api_fallback\"}}\n"),
            _ => format!("{{\"prompt\": \"question {number}\", \"tier\": \"local_fast\"}}\n"),
        })
        .collect();
    std::fs::write(folder.path().join("in.jsonl"), lines).unwrap();
    let args = &["route", "--batch", "in.jsonl", "--out", "out.jsonl"];
    let done = terrace(&sandbox, folder.path(), args).await;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{told}");
    assert!(
        told.contains("20 passed, 10 did not pass, 0 failed; $0.100000"),
        "{told}"
    );
    let results = results(&folder.path().join("out.jsonl"));
    assert_eq!(results.len(), 30);
    assert_eq!(results[&3], ["not passed"]);
    let spent = sandbox
        .database
        .number("SELECT sum(cost_nano_usd)::bigint FROM usage_events");
    assert_eq!(spent, 100_000_000);
}

async fn a_batch_goes_on_where_it_was_broken_off(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"prompt\": \"one\"}\n{\"prompt\": \"two\"}\n{\"prompt\": \"three\"}\n";
    std::fs::write(folder.path().join("in.jsonl"), lines).unwrap();
    // As a run leaves it that was killed while it wrote its second result.
    let before = format!(
        "{{\"line\":2,\"response\":{{\"output\":\"{GOOD}\",\"passed\":true}}}}\n{{\"line\":1"
    );
    std::fs::write(folder.path().join("out.jsonl"), before).unwrap();
    let args = &["route", "--batch", "in.jsonl", "--out", "out.jsonl"];
    let refused = terrace(&sandbox, folder.path(), args).await;
    assert_eq!(refused.status.code(), Some(2));
    let args = &[
        "route",
        "--batch",
        "in.jsonl",
        "--out",
        "out.jsonl",
        "--resume",
    ];
    let done = terrace(&sandbox, folder.path(), args).await;
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let file = folder.path().join("out.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let whole: String = text
        .lines()
        .filter(|line| line.ends_with('}'))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&file, whole).unwrap();
    let passed = vec!["passed"];
    let expected = BTreeMap::from([(1, passed.clone()), (2, passed.clone()), (3, passed)]);
    assert_eq!(results(&file), expected);
    assert_eq!(sandbox.database.number("SELECT count(*) FROM requests"), 2);
}
