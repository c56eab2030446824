//! `terrace simulate` without any server: the shipped scenarios, and what can be wrong.

use serde_json::Value;

use crate::{stderr, stdout, terrace};

fn value(args: &[&str]) -> Value {
    let output = terrace(&[&["simulate", "--json"], args].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// The line of a table that begins with this.
fn line<'a>(text: &'a str, begin: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(begin));
    let cells = line.unwrap().split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn the_shipped_scenario_gives_the_original_table() {
    let text = stdout(&terrace(&["simulate", "--repeats", "20"]));
    assert!(
        text.contains("100 iterations a day for 30 days: 3,000."),
        "{text}"
    );
    assert_eq!(
        line(&text, "plain API  ")[1..5],
        ["$135.00", "0.0 %", "$0.00", "100.0 %"]
    );
    assert_eq!(
        line(&text, "hybrid on Ollama  ")[1..5],
        ["$16.50", "87.8 %", "$0.00", "12.2 %"]
    );
    let rented = line(&text, "hybrid on a rented GPU  ");
    assert_eq!(rented[1..5], ["$66.00", "51.1 %", "$49.50", "12.2 %"]);
    let claims = text.split("=== Claims").nth(1).unwrap();
    assert_eq!(
        line(claims, "hybrid on Ollama")[1..],
        ["$16.50 (87.8 %)", "$16.50 (87.8 %)", "20.4 %", "12.2 %"]
    );
}

#[test]
fn the_fleet_gives_its_figures_with_its_gpus() {
    let text = stdout(&terrace(&[
        "simulate",
        "--scenario",
        "fleet",
        "--repeats",
        "2",
        "--days",
        "30",
    ]));
    let claims = text.split("=== Claims").nth(1).unwrap();
    assert_eq!(
        line(claims, "hybrid, GPUs included")[1..],
        [
            "$1,993.00 (86.0 %)",
            "$1,993.00 (86.0 %)",
            "20.4 %",
            "12.2 %"
        ]
    );
    assert_eq!(
        line(claims, "hybrid, GPUs left out")[1..],
        [
            "$1,993.00 (86.0 %)",
            "$1,738.00 (87.8 %)",
            "23.8 %",
            "14.0 %"
        ]
    );
}

#[test]
fn money_is_exact_in_json_and_the_same_for_the_same_seed() {
    let args = ["--seed", "7", "--repeats", "20", "--sweep"];
    let first = value(&args);
    assert_eq!(first["baseline_nano_usd"], 135_000_000_000_i64);
    assert_eq!(
        first["setups"][0]["expected"]["cost_nano_usd"],
        135_000_000_000_i64
    );
    assert_eq!(first["setups"][2]["expected"]["cost_usd"], "66.000000");
    let mean = &first["setups"][1]["simulated"]["mean_nano_usd"];
    assert!(
        mean["low"].as_f64() <= Some(16.5e9) && mean["high"].as_f64() >= Some(16.5e9),
        "{mean}"
    );
    let even = &first["sweep"]["break_even"];
    assert_eq!(
        (&even[0]["to"], &even[0]["cheapest"]),
        (&41.into(), &"plain API".into())
    );
    assert_eq!(even[1]["cheapest"], "hybrid on a rented GPU");
    assert_eq!(even[2]["cheapest"], "hybrid on a vLLM cluster");
    assert_eq!(value(&args), first);
    let other = value(&["--seed", "8", "--repeats", "20", "--sweep"]);
    assert_ne!(
        other["setups"][1]["simulated"],
        first["setups"][1]["simulated"]
    );
}

#[test]
fn a_page_is_one_file_and_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html").display().to_string();
    let args = ["simulate", "--repeats", "20", "--html", &path];
    assert!(terrace(&args).status.success());
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"),
        "{page}"
    );
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(page.contains("prefers-color-scheme: dark"));
    for outside in ["http:", "https:", "<script", " src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    let again = terrace(&args);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert!(
        terrace(&[&args[..], &["--force"]].concat())
            .status
            .success()
    );
}

#[test]
fn a_page_escapes_what_a_scenario_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("s.yaml");
    let text = "{iterations_per_day: 1, tokens: {input: 1, output: 1}, tiers: {'<b>t': {escalation: 0.5}, u: {price: {input: 1}}}, \
                actions: {'<i>a': {share: 1}}, setups: {'<script>x': {}}, claims: {'\"><img>': {setup: '<script>x', cost: 1}}}";
    std::fs::write(&scenario, text).unwrap();
    let path = folder.path().join("page.html").display().to_string();
    let args = [
        "simulate",
        "--scenario",
        &scenario.display().to_string(),
        "--html",
        &path,
    ];
    let output = terrace(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let page = std::fs::read_to_string(&path).unwrap();
    for raw in ["<script", "<b>t", "<i>a", "<img"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("&lt;script&gt;x"));
}

#[test]
fn a_wrong_scenario_tells_every_problem() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "iterations_per_day: 0\ntiers: {a: {pric: 1}}\n",
    )
    .unwrap();
    let path = file.path().display().to_string();
    let output = terrace(&["simulate", "--scenario", &path]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert!(text.contains(":1: iterations_per_day: has to be"), "{text}");
    assert!(
        text.contains(":2: tiers.a.pric: unknown key, did you mean `price`?"),
        "{text}"
    );
    assert!(stdout(&output).is_empty());
    let output = terrace(&["simulate", "--scenario", "deamon"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        stderr(&output).contains("deamon: cannot be read"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_replay_needs_a_ledger_and_no_scenario() {
    let server = ["--server", "http://127.0.0.1:1"];
    let output = terrace(&[&["simulate", "--replay", "--json"], &server[..]].concat());
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let output = terrace(&[&["simulate", "--measured"], &server[..]].concat());
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    for wrong in [
        &["--replay", "--days", "3"][..],
        &["--replay", "--measured"],
        &["--since", "7d"],
        &["--config", "other.yaml"],
    ] {
        let output = terrace(&[&["simulate"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
