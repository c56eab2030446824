//! Every problem at once, each with its line, its key and what to do.

use terrace_config::Place;

use crate::{config, parsed, problems};

#[test]
fn all_problems_of_a_file_are_reported_at_once_in_order() {
    let text = "\
tiers:
  local_fast:
    models:
      - name: llama3.2:3b
        enabld: true
      - enabled: true
  api_fallback:
    modles: []
    models:
      - name: gpt-99
      - name: other
        backend: olama
routing:
  quality_treshold: 0.8
  quality_threshold: 1.5
  action_tier_overrides:
    edit_file: local_fats
  cache_ttl: soon
  difficulty_thresholds: [0.2, 0.4]
  on_exhausted: stric
cost_control:
  daily_budget: -1
  daily_budget: 10.0
  baseline_model: llama3.2:3b
  time_zone: Europe/Berlln
limits: 5
alert_threshold: 0.9
";
    insta::assert_snapshot!(problems(text).join("\n"), @r"
    llm.yaml:5: tiers.local_fast.models[0].enabld: unknown key, did you mean `enabled`?
    llm.yaml:6: tiers.local_fast.models[1].name: is missing
    llm.yaml:8: tiers.api_fallback.modles: unknown key, did you mean `models`?
    llm.yaml:10: tiers.api_fallback.models[0].price: is needed: the backend is paid and no price is known for this model; give US dollars per million tokens, as `price: {input: 3.0, output: 15.0}`, or say `paid: false` at the backend
    llm.yaml:12: tiers.api_fallback.models[1].backend: no backend is called `olama`, did you mean `ollama`?
    llm.yaml:14: routing.quality_treshold: unknown key, did you mean `quality_threshold`?
    llm.yaml:15: routing.quality_threshold: has to be a number from 0 to 1, and is `1.5`
    llm.yaml:17: routing.action_tier_overrides.edit_file: no tier is called `local_fats`, did you mean `local_fast`?
    llm.yaml:18: routing.cache_ttl: has to be a duration as `300ms`, `5s` or `2m`, and is `soon`
    llm.yaml:19: routing.difficulty_thresholds: 2 tiers need 1 of them, and 2 are given
    llm.yaml:20: routing.on_exhausted: has to be one of `best_effort`, `strict`, and is `stric`, did you mean `strict`?
    llm.yaml:22: cost_control.daily_budget: has to be an amount in US dollars from 0 to 1000000, as 12.50, and is `-1`
    llm.yaml:23: cost_control.daily_budget: is given twice, first at llm.yaml:22
    llm.yaml:24: cost_control.baseline_model: costs nothing: savings against it mean nothing
    llm.yaml:25: cost_control.time_zone: has to be a time zone as `Europe/Berlin`, and is `Europe/Berlln`, did you mean `Europe/Berlin`?
    llm.yaml:26: limits: has to be a map of keys, and is a single value
    llm.yaml:27: alert_threshold: unknown key here; there is one under `cost_control`
    ");
}

#[test]
fn the_place_of_a_problem_is_its_line() {
    let problems = parsed("\n\nrouting:\n  nonsense: 1\n", &[]).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert!(matches!(&problem.place, Place::Line { line: 4, file } if &**file == "llm.yaml"));
    assert_eq!(problem.path, "routing.nonsense");
}

#[test]
fn what_is_no_yaml_is_one_problem_with_its_line() {
    for (text, line) in [
        ("a: [1,\nb: }", 2),
        ("routing:\n\tcache_ttl: 1", 2),
        ("a: *b", 1),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{text:?}");
        let start = format!("llm.yaml:{line}: is no YAML: ");
        assert!(problems[0].starts_with(&start), "{problems:?}");
    }
}

#[test]
fn second_documents_tags_and_keys_that_are_no_text_are_refused() {
    for (text, problem) in [
        (
            "routing:\n---\nrouting:\n",
            "llm.yaml:2: begins a second document",
        ),
        ("ledger: !secret x", "llm.yaml:1: has a tag"),
        ("? [a]\n: b", "llm.yaml:1: has a list or map as a key"),
        (
            "- a\n- b",
            "llm.yaml:1: has to be a map of keys, and is a list",
        ),
    ] {
        let problems = problems(text);
        assert!(problems[0].starts_with(problem), "{problems:?}");
    }
}

#[test]
fn a_config_that_nothing_could_answer_is_a_problem() {
    for (text, problem) in [
        ("tiers: {}", "has no tier"),
        (
            "tiers: {a: {models: [{name: m, enabled: false}]}}",
            "has no enabled model",
        ),
    ] {
        let problems = problems(text);
        assert!(problems[0].contains(problem), "{problems:?}");
    }
}

#[test]
fn one_mistake_is_one_problem() {
    for text in [
        "tiers: {a: {models: [m]}}",
        "tiers: {a: {models: [{name: m, price: 3}]}}",
        "tiers: {a: {models: [{name: m, backend: bee}]}}\nbackends: {bee: {kind: openai}}",
        "tiers: {}\nrouting: {action_tier_overrides: {edit: a}}",
        "routing: {markers: [{prefix: 'X:', tier: nowhere}]}",
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn the_same_model_twice_is_a_problem_unless_it_is_alike_in_two_tiers() {
    let twice = problems("tiers: {a: {models: [{name: m}, {name: m}]}}");
    assert!(
        twice[0].ends_with("tiers.a.models[1].name: is in this tier twice"),
        "{twice:?}"
    );
    let unlike = problems(
        "tiers: {a: {models: [{name: m}]}, b: {models: [{name: m, context_window: 9000}]}}",
    );
    assert!(
        unlike[0].contains("is in tier `a` with other settings"),
        "{unlike:?}"
    );
    let alike = config("tiers: {a: {models: [{name: m}]}, b: {models: [{name: m}]}}");
    assert_eq!(alike.enabled_models().count(), 2);
    assert_eq!(alike.models_of(&alike.backends[0].name).count(), 1);
}

#[test]
fn prices_are_exact_and_come_as_numbers_or_texts() {
    let price = |text: &str| {
        let text = format!("tiers: {{a: {{models: [{{name: m, price: {text}}}]}}}}");
        let config = config(&text);
        let price = config.rows().next().unwrap().model.price;
        [
            price.input,
            price.output,
            price.cache_read,
            price.per_request,
        ]
        .map(|part| part.get())
    };
    assert_eq!(
        price("{input: 0.1, output: '0.30', per_request: 1e-6}"),
        [100_000_000, 300_000_000, 100_000_000, 1_000]
    );
    assert_eq!(
        price("{input: 3, output: 15.0, cache_read: .3}"),
        [3_000_000_000, 15_000_000_000, 300_000_000, 0]
    );
    let negative = problems("tiers: {a: {models: [{name: m, price: {input: -1, output: 1}}]}}");
    assert!(
        negative[0].contains("price.input: has to be an amount"),
        "{negative:?}"
    );
}

#[test]
fn a_profile_of_an_action_builds_on_the_default_one() {
    let judge =
        config("judge: {profiles: {edit_file: {syntax: 5}, default: {refusal: 2, syntax: 0}}}")
            .judge;
    assert_eq!(judge.weights("edit_file").syntax, 5.0);
    assert_eq!(judge.weights("edit_file").refusal, 2.0);
    assert_eq!(judge.weights("anything").syntax, 0.0);
    assert_eq!(judge.weights("").empty, 1.0);
    let none = "judge: {profiles: {x: {empty: 0, refusal: 0, repetition: 0, format: 0, syntax: 0, missing: 0, arithmetic: 0, chance: 0}}}";
    assert!(problems(none)[0].contains("nothing would ever be judged"));
}

#[test]
fn more_problems_than_anybody_reads_are_counted() {
    let text: String = (0..1000).map(|n| format!("wrong_{n}: 1\n")).collect();
    let problems = parsed(&text, &[]).unwrap_err();
    assert_eq!(problems.len(), 1000);
    assert_eq!(problems.iter().count(), 200);
    assert!(problems.to_string().ends_with("and 800 problems more"));
}
