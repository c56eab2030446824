//! Environment variables over the file.

use terrace_config::Place;

use crate::{config, parsed};

#[test]
fn a_variable_holds_before_the_file() {
    let text = "routing: {quality_threshold: 0.5}";
    let env = [
        ("TERRACE__ROUTING__QUALITY_THRESHOLD", "0.8"),
        ("TERRACE__BACKENDS__OLLAMA__URL", "http://10.0.0.5:11434"),
        (
            "TERRACE__ROUTING__ACTION_TIER_OVERRIDES",
            "{edit_file: local_quality}",
        ),
        ("TERRACE__TIERS__LOCAL_FAST__MODELS__0__NAME", "smollm2"),
        ("TERRACE_HOME", "/not/ours"),
    ];
    let config = parsed(text, &env).unwrap().config;
    assert_eq!(config.routing.quality_threshold.get(), 0.8);
    let ollama = config
        .backends
        .iter()
        .find(|backend| backend.name.as_str() == "ollama");
    assert_eq!(ollama.unwrap().url.as_str(), "http://10.0.0.5:11434/");
    assert_eq!(config.routing.action_tier_overrides.len(), 1);
    assert_eq!(config.rows().next().unwrap().model.name.as_str(), "smollm2");
}

#[test]
fn a_problem_with_a_variable_names_the_variable() {
    let env = [
        ("TERRACE__ROUTING__QUALITY_THRESHOLD", "much"),
        ("TERRACE__ROUTING__QUALITY_TRESHOLD", "0.8"),
        ("TERRACE__LIMITS", "[1"),
    ];
    let problems = parsed("routing: {quality_threshold: 0.5}", &env).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        problems
            .iter()
            .all(|problem| matches!(problem.place, Place::Variable(_)))
    );
    assert!(
        lines[0].starts_with("TERRACE__LIMITS: is no YAML"),
        "{lines:?}"
    );
    assert_eq!(
        lines[1..],
        [
            "TERRACE__ROUTING__QUALITY_THRESHOLD: routing.quality_threshold: has to be a number \
             from 0 to 1, and is `much`",
            "TERRACE__ROUTING__QUALITY_TRESHOLD: routing.quality_treshold: unknown key, did you \
             mean `quality_threshold`?",
        ]
    );
}

#[test]
fn an_empty_variable_takes_a_value_back_to_its_default() {
    let text = "routing: {quality_threshold: 0.5}";
    let env = [("TERRACE__ROUTING__QUALITY_THRESHOLD", "")];
    let routing = parsed(text, &env).unwrap().config.routing;
    assert_eq!(
        routing.quality_threshold,
        config("").routing.quality_threshold
    );
}
