//! Backends: inference, overriding, prices of paid ones, addresses that are refused.

use terrace_config::{Backend, PriceSource, Profile};

use crate::{config, parsed, problems};

const CLAUDE: &str = "tiers: {api_fallback: {models: [{name: claude-sonnet-4}]}}\n";

fn only_backend(text: &str) -> Backend {
    let mut backends = config(text).backends;
    assert_eq!(backends.len(), 1);
    backends.remove(0)
}

#[test]
fn an_entry_overrides_a_built_in_backend_field_by_field() {
    let text = format!("{CLAUDE}backends: {{anthropic: {{max_concurrency: 5}}}}");
    let env = [("ANTHROPIC_API_KEY", "canary")];
    let config = parsed(&text, &env).unwrap().config;
    let backend = &config.backends[0];
    assert_eq!(backend.max_concurrency, 5);
    assert_eq!(backend.url.as_str(), "https://api.anthropic.com/v1");
    assert!(backend.api_key.value().is_some());
    assert!(backend.paid);
}

#[test]
fn a_key_never_goes_to_a_host_it_is_not_for() {
    let text = format!("{CLAUDE}backends: {{anthropic: {{url: 'http://127.0.0.1:9/v1'}}}}");
    let env = [("ANTHROPIC_API_KEY", "canary")];
    let config = parsed(&text, &env).unwrap().config;
    let backend = &config.backends[0];
    assert!(backend.api_key.value().is_none() && backend.api_key.missing().is_none());
    // What it stands in for still costs what it costs.
    let price = config.rows().next().unwrap().model.price_source;
    assert!(backend.paid && matches!(price, PriceSource::ListPrice { .. }));
}

#[test]
fn only_backends_of_enabled_models_are_there_and_their_gateways_follow_each_other() {
    let config = config(
        "tiers: {a: {models: [{name: m, backend: z}, {name: n, backend: b}, \
         {name: o, backend: c, enabled: false}]}}\n\
         backends: {z: {kind: openai, url: 'http://z/v1'}, b: {kind: ollama, url: 'http://b', \
         gateway: {listen: '0.0.0.0:9000'}}, c: {kind: ollama, url: 'http://c'}}",
    );
    let gateways: Vec<(&str, String)> = config
        .backends
        .iter()
        .map(|backend| (backend.name.as_str(), backend.gateway.address()))
        .collect();
    assert_eq!(
        gateways,
        [
            ("b", "http://127.0.0.1:9000".to_owned()),
            ("z", "http://127.0.0.1:7611".to_owned())
        ]
    );
}

#[test]
fn a_paid_backend_needs_a_price_and_a_local_one_is_free() {
    let with = |backend: &str| {
        format!("tiers: {{a: {{models: [{{name: m, backend: b}}]}}}}\nbackends: {{b: {backend}}}")
    };
    let local = with("{kind: openai, url: 'http://10.0.0.1/v1'}");
    assert_eq!(
        config(&local).rows().next().unwrap().model.price_source,
        PriceSource::Free
    );
    let outside = with("{kind: openai, url: 'https://llm.example.com/v1'}");
    let problems = problems(&outside);
    assert!(
        problems[0].starts_with("llm.yaml:1: tiers.a.models[0].price: is needed"),
        "{problems:?}"
    );
    let said = with("{kind: openai, url: 'https://llm.example.com/v1', paid: false}");
    assert!(!only_backend(&said).paid);
}

#[test]
fn the_profile_of_openai_is_told_from_its_host() {
    let text = "tiers: {a: {models: [{name: gpt-4o}]}}";
    assert_eq!(only_backend(text).profile, Profile::OpenAi);
    let own = "tiers: {a: {models: [{name: m, backend: b}]}}\n\
               backends: {b: {kind: openai, url: 'http://b/v1', profile: vllm}}";
    assert_eq!(only_backend(own).profile, Profile::Vllm);
    let ollama = problems("backends: {ollama: {profile: vllm}}");
    assert!(
        ollama[0].contains("is for the kind `openai` alone"),
        "{ollama:?}"
    );
}

#[test]
fn whole_answers_are_for_what_costs_nothing() {
    let with = |more: &str| {
        format!(
            "tiers: {{a: {{models: [{{name: m, backend: b, price: {{input: 1, output: 1}}}}]}}}}\n\
             backends: {{b: {{kind: openai, url: 'http://b/v1', whole_answers: true{more}}}}}"
        )
    };
    assert!(only_backend(&with("")).whole_answers);
    let paid = problems(&with(", paid: true"));
    assert!(paid[0].contains("is not for a paid backend"), "{paid:?}");
    let ollama = problems("backends: {ollama: {whole_answers: true}}");
    assert!(
        ollama[0].contains("is for the kind `openai` alone"),
        "{ollama:?}"
    );
}

#[test]
fn urls_that_lead_nowhere_good_are_refused_and_not_quoted() {
    for url in [
        "http://169.254.169.254/latest",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/",
        "http://metadata.google.internal/",
        "http://user:canary@host/v1",
        "https://host/v1?key=canary",
        "ftp://host/",
        "canary",
        "http://",
    ] {
        let text = format!("backends: {{b: {{kind: openai, url: '{url}'}}}}");
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{url}: {problems:?}");
        assert!(
            problems[0].starts_with("llm.yaml:1: backends.b.url: "),
            "{problems:?}"
        );
        assert!(!problems[0].contains("canary"), "{problems:?}");
    }
}
