//! The real ledger replayed, under its own config and under others.

use std::path::Path;

use serde_json::Value;
use terrace_e2e::ask::{question, question_for, within};
use terrace_e2e::scenario::{GOOD, REFUSAL};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::router::v1 as router;
use terrace_testkit::process::program;
use terrace_testkit::provider::Reply;

/// Runs `terrace` against a sandbox and reads the JSON that it prints.
async fn terrace(sandbox: &Sandbox, folder: &Path, args: &[&str]) -> Value {
    let mut command = std::process::Command::new(program("terrace").unwrap());
    let server = ["--server", sandbox.url()];
    command
        .args(server)
        .args(args)
        .arg("--json")
        .current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Terrace whose ledger has something of everything: accepted at once, gone up to a paid tier,
/// named tiers, a failure, several models side by side, an answer from the cache.
async fn used() -> Sandbox {
    let refusals = vec![
        Reply::text(REFUSAL),
        Reply::status(500),
        Reply::text(REFUSAL),
        Reply::text(GOOD),
    ];
    let scenario = Scenario::default()
        .small(refusals)
        .middle(vec![Reply::text(REFUSAL), Reply::text(GOOD)])
        .routing("enable_caching: true");
    let sandbox = Sandbox::start(Placement::InProcess, scenario)
        .await
        .unwrap();
    for number in 0..9 {
        let text = format!("What is the capital of France, question {number}?");
        let mut ask = match number % 4 {
            0 | 1 => question(&text),
            2 => question_for("local_quality", &text),
            _ => question_for("api_fallback", &text),
        };
        ask.action = format!("action-{}", number % 2);
        sandbox.router().route(within(ask.clone())).await.unwrap();
        if number == 8 {
            sandbox.router().route(within(ask)).await.unwrap();
        }
    }
    let mut ask = question("What is the capital of France, all of you?");
    ask.policy = Some(router::RoutePolicy {
        consensus: Some(router::ConsensusPolicy {
            models: ["small", "middle", "big"].map(str::to_owned).to_vec(),
            ..router::ConsensusPolicy::default()
        }),
        ..router::RoutePolicy::default()
    });
    sandbox.router().route(within(ask)).await.unwrap();
    sandbox
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_under_its_own_config_costs_what_it_did() {
    let sandbox = used().await;
    let folder = tempfile::tempdir().unwrap();
    let bill = terrace(&sandbox, folder.path(), &["cost"]).await;
    let own = sandbox.config().display().to_string();
    let replay = ["simulate", "--replay", "--was", &own];
    let replayed = terrace(&sandbox, folder.path(), &replay).await;

    let spent = bill["cost_nano_usd"].as_i64().unwrap();
    assert!(spent > 0);
    for name in ["was_cost_nano_usd", "covered_cost_nano_usd"] {
        assert_eq!(replayed[name], spent, "{name}: {replayed}");
    }
    assert_eq!(replayed["requests"], 11);
    assert_eq!(replayed["requests"], bill["requests"]);
    assert_eq!(replayed["coverage"], 1.0);
    assert_eq!(replayed["unexplained_rows"], 0);
    assert_eq!(replayed["now"], replayed["was"]);
    assert_eq!(replayed["baseline_nano_usd"], bill["baseline_nano_usd"]);
    for tier in bill["tiers"].as_array().unwrap() {
        let same = |told: &&Value| told["tier"] == tier["tier"];
        let tiers = replayed["now"]["tiers"].as_array().unwrap();
        let told = tiers.iter().find(same).unwrap();
        assert_eq!(told["attempts"], tier["attempts"], "{tier}");
        assert_eq!(told["cost_nano_usd"], tier["cost_nano_usd"], "{tier}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_price_and_another_begin_are_told_with_their_coverage() {
    let sandbox = used().await;
    let folder = tempfile::tempdir().unwrap();
    let own = sandbox.config().display().to_string();
    let text = std::fs::read_to_string(&own).unwrap();
    let replay = async |other: &str, more: &[&str]| {
        let path = folder.path().join("other.yaml");
        std::fs::write(&path, other).unwrap();
        let path = path.display().to_string();
        let args = ["simulate", "--replay", "--was", &own, "--config", &path];
        terrace(&sandbox, folder.path(), &[&args, more].concat()).await
    };

    let dearer = replay(&text.replace("per_request: 0.01", "per_request: 0.03"), &[]).await;
    let was = dearer["was_cost_nano_usd"].as_i64().unwrap();
    assert_eq!(dearer["covered_cost_nano_usd"], 3 * was);
    assert_eq!(dearer["coverage"], 1.0);

    let rule = "routing:\n  action_tier_overrides: {action-0: api_fallback}\n";
    let above = replay(&text.replace("routing:\n", rule), &["--sweep"]).await;
    let covered = above["covered_requests"].as_i64().unwrap();
    assert!(covered > 0 && covered < 11, "{above}");
    // What was never asked of the paid tier is estimated: one more call of it each.
    let estimate = above["cost_estimate_nano_usd"]["value"].as_f64().unwrap();
    assert!(estimate > was as f64, "{above}");
    assert_eq!(above["by_threshold"].as_array().unwrap().len(), 21);

    let page = folder.path().join("page.html").display().to_string();
    replay(&text, &["--sweep", "--html", &page]).await;
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<svg").count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_that_the_ledger_has_seen_stand_beside_the_scenario() {
    let scenario = Scenario::default().small(vec![Reply::text(REFUSAL), Reply::text(GOOD)]);
    let sandbox = Sandbox::start(Placement::InProcess, scenario)
        .await
        .unwrap();
    for _ in 0..40 {
        let mut ask = question("What is the capital of France?");
        ask.action = "write_memory".to_owned();
        sandbox.router().route(within(ask)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let args = ["simulate", "--measured", "--repeats", "2"];
    let told = terrace(&sandbox, folder.path(), &args).await;
    let measured = &told["measured"];
    assert_eq!(measured["requests"], 40);
    let rates = measured["rates"].as_array().unwrap();
    assert_eq!(rates.len(), 2, "{measured}");
    for rate in rates {
        assert_eq!(
            (&rate["judged"], &rate["rejected"]),
            (&40.into(), &1.into())
        );
    }
    // Fewer go up than the scenario says, so hybrid costs less than $16.50.
    let cost = measured["setups"][1]["cost_nano_usd"].as_i64().unwrap();
    assert!(
        (6_750_000_000..16_500_000_000).contains(&cost),
        "{measured}"
    );
}
