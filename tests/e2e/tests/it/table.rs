//! The table of scenarios, run as it stands; and the page that is written from it.

use terrace_e2e::Placement;
use terrace_e2e::table::{self, FAMILIES, Family, family, page};

crate::in_both_placements!(
    patterns,
    cascade,
    options,
    decision,
    streaming,
    repair,
    second_opinions,
    sessions,
    budget,
    cache,
    cache_away,
    agreement,
    hedging,
    away,
    away_next_tier,
    away_fail,
);

async fn check(name: &str, placement: Placement) {
    let family = family(name).unwrap();
    let done = Box::pin(table::run(placement, &family)).await;
    assert!(done.is_ok(), "{:?}", done.unwrap_err());
}

async fn patterns(placement: Placement) {
    check("patterns", placement).await;
}

async fn cascade(placement: Placement) {
    check("cascade", placement).await;
}

async fn options(placement: Placement) {
    check("options", placement).await;
}

async fn decision(placement: Placement) {
    check("decision", placement).await;
}

async fn streaming(placement: Placement) {
    check("streaming", placement).await;
}

async fn repair(placement: Placement) {
    check("repair", placement).await;
}

async fn second_opinions(placement: Placement) {
    check("second_opinions", placement).await;
}

async fn sessions(placement: Placement) {
    check("sessions", placement).await;
}

async fn budget(placement: Placement) {
    check("budget", placement).await;
}

async fn cache(placement: Placement) {
    check("cache", placement).await;
}

async fn cache_away(placement: Placement) {
    check("cache_away", placement).await;
}

async fn agreement(placement: Placement) {
    check("agreement", placement).await;
}

async fn hedging(placement: Placement) {
    check("hedging", placement).await;
}

async fn away(placement: Placement) {
    check("away", placement).await;
}

async fn away_next_tier(placement: Placement) {
    check("away_next_tier", placement).await;
}

async fn away_fail(placement: Placement) {
    check("away_fail", placement).await;
}

fn families() -> Vec<Family> {
    FAMILIES.map(|name| family(name).unwrap()).to_vec()
}

#[test]
fn the_page_says_what_the_table_says() {
    let written = std::fs::read_to_string(table::page_path()).unwrap_or_default();
    let page = page(&families());
    let same = written == page;
    assert!(
        same,
        "write it anew: cargo run -p terrace-e2e --bin behaviour"
    );
}

#[test]
fn no_file_of_the_table_is_forgotten() {
    let files = std::fs::read_dir(table::folder()).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().path().file_stem().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names = FAMILIES.to_vec();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn every_option_of_the_original_config_is_in_the_table() {
    let configs: String = families().iter().map(Family::config).collect();
    let options = [
        "name:",
        "enabled: true",
        "enabled: false",
        "quality_threshold:",
        "action_tier_overrides:",
        "enable_self_critique:",
        "enable_caching: true",
        "enable_caching: false",
        "cache_ttl:",
        "enable_consensus:",
        "consensus_models:",
        "consensus_threshold:",
        "daily_budget:",
        "alert_threshold:",
    ];
    for option in options {
        assert!(configs.contains(option), "{option} is in no family");
    }
}
