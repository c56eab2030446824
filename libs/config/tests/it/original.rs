//! Files as the original system had them, the shipped examples, and the built-in default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use terrace_config::{
    BackendKind, Decision, Equivalence, Goal, Hedge, PriceSource, TimeZone, load,
};
use terrace_domain::{ModelName, Score, TierName};

use crate::{config, parsed, problems};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/config")
        .join(name)
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap()
}

#[test]
fn a_file_of_the_original_system_loads_unchanged() {
    let loaded = parsed(&text_of("original.yaml"), &[]).unwrap();
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    let tiers: Vec<&str> = config.tiers.iter().map(|tier| tier.name.as_str()).collect();
    assert_eq!(tiers, ["local_fast", "local_quality", "api_fallback"]);
    let enabled: Vec<&str> = config
        .enabled_models()
        .map(|(_, m)| m.name.as_str())
        .collect();
    assert_eq!(
        enabled,
        [
            "llama3.2:3b",
            "qwen2.5-coder:14b",
            "llama3.1:8b",
            "claude-3-5-sonnet-20241022"
        ]
    );
    assert_eq!(config.routing.quality_threshold.get(), 0.7);
    assert_eq!(config.routing.cache_ttl, Duration::from_secs(3600));
    assert_eq!(config.routing.consensus_models.len(), 3);
    let budget = config.cost_control.daily_budget.unwrap();
    assert_eq!(budget.to_string(), "$10.000000");
    assert_eq!(config.cost_control.alert_threshold.get(), 0.8);
    let overridden = |action: &str| {
        let tier = config
            .routing
            .action_tier_overrides
            .get(&action.parse().unwrap());
        tier.map(TierName::as_str)
    };
    assert_eq!(overridden("spawn_daemon"), Some("api_fallback"));
    assert_eq!(overridden("unknown"), None);
}

#[test]
fn what_the_original_did_not_say_has_its_default() {
    let config = parsed(&text_of("original.yaml"), &[]).unwrap().config;
    let names: Vec<&str> = config
        .backends
        .iter()
        .map(|backend| backend.name.as_str())
        .collect();
    assert_eq!(names, ["anthropic", "ollama"]);
    assert_eq!(config.backends[1].kind, BackendKind::Ollama);
    assert_eq!(config.backends[1].url.as_str(), "http://127.0.0.1:11434/");
    let ports: Vec<u16> = config
        .backends
        .iter()
        .map(|b| b.gateway.listen.port())
        .collect();
    assert_eq!(ports, [7610, 7611]);
    let claude = config
        .model(&ModelName::new("claude-3-5-sonnet-20241022").unwrap())
        .unwrap();
    assert!(matches!(claude.price_source, PriceSource::ListPrice { .. }));
    assert_eq!(claude.price.output.to_string(), "$15.000000");
    assert_eq!(
        config.cost_control.baseline.as_ref().unwrap().model,
        claude.name
    );
    assert_eq!(config.cost_control.time_zone, TimeZone::UTC);
    let marker = &config.routing.markers[0];
    assert_eq!(
        (marker.prefix.as_str(), marker.tier.as_str()),
        ("ORCHESTRATE:", "api_fallback")
    );
    let thresholds: Vec<f64> = config
        .routing
        .difficulty_thresholds
        .iter()
        .map(|score| score.get())
        .collect();
    assert_eq!(thresholds, [0.45, 0.8]);
    assert_eq!(
        config.services.cost_ledger.address(),
        "http://127.0.0.1:7603"
    );
}

#[test]
fn switches_that_have_no_effect_are_accepted_with_a_warning() {
    let text = "routing:\n  enable_caching: true\n  enable_consensus: yes\n  \
                enable_self_critique: true\n";
    let warnings = parsed(text, &[]).unwrap().warnings;
    let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines[0],
        "llm.yaml:3: routing.enable_consensus: has no effect: it needs two enabled models in `consensus_models`, and there are 0"
    );
    assert_eq!(lines.len(), 1);
}

#[test]
fn hedging_is_off_until_it_is_switched_on_and_keeps_what_is_not_said() {
    let hedge = |text: &str| parsed(text, &[]).unwrap().config.routing.hedge;
    assert_eq!(hedge("routing: {}\n"), Hedge::default());
    assert!(!Hedge::default().enabled);
    let on = hedge("routing:\n  hedge: {enabled: true, default_delay: 300ms}\n");
    let expected = Hedge {
        enabled: true,
        default_delay: Duration::from_millis(300),
        ..Hedge::default()
    };
    assert_eq!(on, expected);
}

#[test]
fn nothing_is_weighed_until_it_is_said_what_quality_is_worth() {
    let decision = |text: &str| parsed(text, &[]).unwrap().config.routing.decision;
    assert_eq!(decision("routing: {}\n"), Decision::default());
    let weighed = decision(
        "routing:\n  decision: {cost_weight: 40, latency_weight: 0.002, target: {api_share: 0.2}}\n",
    );
    let expected = Decision {
        cost_weight: Some(40.0),
        latency_weight: Some(0.002),
        skip_judge: false,
        target: Some(Goal::ApiShare(Score::clamped(0.2))),
    };
    assert_eq!(weighed, expected);
}

#[test]
fn of_several_targets_none_is_taken_in_silence() {
    let text = "routing:\n  decision:\n    target: {api_share: 0.2, quality: 0.9}\n";
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("only one can be met"), "{problems:?}");
}

#[test]
fn a_consensus_has_its_equivalence_and_is_warned_of_where_it_cannot_be_held() {
    let text = "tiers:\n  local_fast: {models: [{name: a}, {name: b}]}\nrouting:\n  \
                enable_consensus: true\n  consensus_models: [a, b]\n  \
                consensus_equivalence: embedding\n";
    let loaded = parsed(text, &[]).unwrap();
    let equivalence = loaded.config.routing.consensus_equivalence;
    assert_eq!(equivalence, Some(Equivalence::Embedding));
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("embeddings: true"), "{warnings:?}");
}

#[test]
fn the_examples_load_from_disk_with_their_path() {
    for name in ["original.yaml", "laptop.yaml"] {
        let loaded = load(Some(&example(name))).unwrap();
        assert_eq!(loaded.source, Some(example(name)));
        assert_eq!(loaded.warnings, [], "{name}");
    }
}

#[test]
fn a_file_that_is_not_there_is_one_problem_with_its_name() {
    let problems = load(Some(Path::new("/nonexistent/llm.yaml"))).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(
        problems
            .to_string()
            .starts_with("/nonexistent/llm.yaml: cannot be read: ")
    );
}

#[test]
fn a_file_that_is_no_text_is_one_problem_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("llm.yaml");
    std::fs::write(&path, b"routing:\n  cache_ttl: \xff\n").unwrap();
    let problems = load(Some(&path)).unwrap_err().to_string();
    assert!(
        problems.ends_with("is no UTF-8 text in line 2"),
        "{problems}"
    );
}

#[test]
fn an_empty_file_has_the_built_in_tiers() {
    for text in ["", "# nothing\n", "tiers:\n", "{}"] {
        assert_eq!(config(text).tiers.len(), 3, "{text:?}");
    }
}

#[test]
fn known_tiers_have_their_order_and_others_that_of_the_file() {
    let models = "{models: [{name: m}]}";
    let order = |names: &[&str]| {
        let tiers: Vec<String> = names
            .iter()
            .map(|name| format!("{name}: {models}"))
            .collect();
        let config = config(&format!("tiers: {{{}}}", tiers.join(", ")));
        let names: Vec<String> = config
            .tiers
            .iter()
            .map(|tier| tier.name.to_string())
            .collect();
        names.join(" < ")
    };
    assert_eq!(
        order(&["api_fallback", "local_quality", "local_fast"]),
        "local_fast < local_quality < api_fallback"
    );
    assert_eq!(order(&["zeta", "alpha"]), "zeta < alpha");
    assert_eq!(
        order(&["api_fallback", "mid", "local_fast"]),
        "local_fast < mid < api_fallback"
    );
}

#[test]
fn other_tiers_have_evenly_spread_thresholds_and_the_marker_at_the_top() {
    let text = "tiers: {a: {models: [{name: m}]}, b: {models: [{name: n}]}}";
    let routing = config(text).routing;
    assert_eq!(routing.difficulty_thresholds.len(), 1);
    assert_eq!(routing.difficulty_thresholds[0].get(), 0.5);
    assert_eq!(routing.markers[0].tier.as_str(), "b");
    assert!(
        config("tiers: {a: {models: [{name: m}]}}")
            .routing
            .difficulty_thresholds
            .is_empty()
    );
}

#[test]
fn rows_say_what_one_should_know() {
    let loaded = parsed(&text_of("original.yaml"), &[]).unwrap();
    let rows: Vec<String> = loaded.config.rows().map(|row| row.to_string()).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    local_fast  llama3.2:3b  ollama (http://127.0.0.1:11434/)  free
    local_fast  phi3:mini  ollama (http://127.0.0.1:11434/)  free  [disabled]
    local_quality  qwen2.5-coder:14b  ollama (http://127.0.0.1:11434/)  free
    local_quality  llama3.1:8b  ollama (http://127.0.0.1:11434/)  free
    api_fallback  claude-3-5-sonnet-20241022  anthropic (https://api.anthropic.com/v1)  $3.000000 in, $15.000000 out per million tokens  [not available: no key in the variable ANTHROPIC_API_KEY]  [list price of 2026-03]
    ");
}
