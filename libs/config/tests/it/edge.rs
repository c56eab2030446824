//! The HTTP way in: aliases that lead somewhere, origins as browsers write them, and who needs keys.

use terrace_config::Target;
use terrace_domain::{ModelName, TierName};

use crate::{config, problems};

const TIERS: &str = "tiers: {local_fast: {models: [{name: small, backend: ollama}]}}\n";

fn with(edge: &str) -> String {
    format!("{TIERS}edge: {edge}\n")
}

#[test]
fn an_alias_leads_to_the_router_to_a_tier_or_to_a_model() {
    let config = config(&with(
        "{aliases: {gpt-4o: terrace/auto, fast: terrace/local_fast, mini: small}}",
    ));
    let aliases = &config.edge.aliases;
    assert_eq!(aliases["gpt-4o"], Target::Auto);
    let tier = TierName::new("local_fast").unwrap();
    assert_eq!(aliases["fast"], Target::Tier(tier));
    assert_eq!(
        aliases["mini"],
        Target::Model(ModelName::new("small").unwrap())
    );
    for target in aliases.values() {
        assert_eq!(Target::parse(&target.to_string()).as_ref(), Ok(target));
    }
}

#[test]
fn an_alias_that_leads_nowhere_is_a_problem_with_the_nearest_name() {
    let found = problems(&with(
        "{aliases: {a: smal, b: terrace/local_fats, terrace/c: small}}",
    ));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("did you mean `small`?"), "{found:?}");
    assert!(found[1].contains("did you mean `local_fast`?"), "{found:?}");
    assert!(found[2].contains("Terrace's own"), "{found:?}");
}

#[test]
fn an_origin_is_scheme_host_and_port_alone() {
    let edge = config(&with(
        "{cors: {origins: ['https://chat.example.com', 'http://127.0.0.1:3000', '*']}}",
    ))
    .edge;
    assert_eq!(edge.cors.origins.len(), 2);
    assert!(edge.cors.any_origin);
    for wrong in ["chat.example.com", "https://a.example/", "ftp://a"] {
        let found = problems(&with(&format!("{{cors: {{origins: ['{wrong}']}}}}")));
        assert_eq!(found.len(), 1, "{wrong}");
    }
}

#[test]
fn whoever_opens_the_edge_to_others_needs_keys() {
    assert!(!config(TIERS).needs_keys());
    assert!(config(&with("{listen: '0.0.0.0:7680'}")).needs_keys());
}
