//! Keys at the door, GPU-hours and history: what they are when nothing is said, and what is wrong.

use std::time::Duration;

use crate::{config, parsed, problems};

const TIERS: &str = "tiers: {a: {models: [{name: m, backend: gpu}]}}\n\
                     backends: {gpu: {kind: openai, url: 'http://b/v1'}}\n";

#[test]
fn keys_are_needed_where_others_can_call_unless_it_says_otherwise() {
    let needs = |more: &str| config(&format!("{TIERS}{more}")).needs_keys();
    let open = "services: {orchestrator: {listen: '0.0.0.0:7600'}}\n";
    assert!(!needs(""));
    assert!(needs(open));
    assert!(needs("auth: {required: true}"));
    assert!(!needs(&format!("{open}auth: {{required: false}}")));
}

#[test]
fn a_pepper_comes_from_elsewhere_and_is_kept_for_a_second_at_most() {
    let text = format!("{TIERS}auth: {{pepper_env: PEPPER}}");
    let loaded = parsed(&text, &[("PEPPER", "a pepper of sixteen")]).unwrap();
    assert!(loaded.config.auth.pepper.value().is_some());
    assert!(!format!("{:?}", loaded.config).contains("sixteen"));
    let wrong = problems(&format!("{TIERS}auth: {{pepper: hush, cache_ttl: 5s}}"));
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    let is_told = |what: &str| wrong.iter().any(|problem| problem.contains(what));
    assert!(is_told("auth.pepper: is a secret"), "{wrong:?}");
    assert!(is_told("auth.cache_ttl: has to be"), "{wrong:?}");
}

#[test]
fn hours_cost_on_backends_that_are_there() {
    let text = format!("{TIERS}cost_control: {{gpu_cost_per_hour: {{gpu: 0.55}}}}");
    let costs = config(&text).cost_control.gpu_cost_per_hour;
    let costs: Vec<String> = costs
        .iter()
        .map(|(name, cost)| format!("{name} {cost}"))
        .collect();
    assert_eq!(costs, ["gpu $0.550000"]);
    let wrong = problems(&format!(
        "{TIERS}cost_control: {{gpu_cost_per_hour: {{gpo: 1}}}}"
    ));
    assert!(wrong[0].contains("did you mean `gpu`?"), "{wrong:?}");
}

#[test]
fn history_is_kept_for_ever_unless_it_says_otherwise() {
    let history = config(TIERS).ledger.history;
    assert_eq!((history.retention, history.rollup_retention), (None, None));
    assert_eq!(history.partition, Duration::from_hours(7 * 24));
    let wrong = |history: &str| problems(&format!("{TIERS}ledger: {{history: {{{history}}}}}"));
    assert!(wrong("retention: 1h")[0].contains("retention"));
    assert!(wrong("rollup_retention: 9d")[0].contains("needs `retention`"));
    assert!(wrong("rollup_retention: 9d, retention: 10d")[0].contains("is shorter"));
}
