//! `cost_control.budgets`: whose money, how much of it, and what is wrong with that.

use terrace_config::TimeZone;
use terrace_domain::{BudgetName, NanoUsd};

use crate::{config, parsed, problems};

#[test]
fn budgets_inherit_what_they_do_not_say() {
    let config = config(
        "cost_control:
           daily_budget: 10
           alert_threshold: 0.7
           time_zone: Europe/Berlin
           budgets:
             installation/monthly: {cap: 200}
             project/search/daily: {cap: 2.50, alert_threshold: 0.5, time_zone: Asia/Tokyo}",
    );
    let [daily, monthly, search] = config.cost_control.budgets.as_slice() else {
        panic!("{:?}", config.cost_control.budgets);
    };
    assert_eq!(daily.name, BudgetName::INSTALLATION_DAILY);
    assert_eq!(daily.cap, NanoUsd::new(10_000_000_000));
    assert_eq!(monthly.name.to_string(), "installation/monthly");
    assert_eq!(monthly.alert_threshold.get(), 0.7);
    assert_eq!(monthly.time_zone.name(), "Europe/Berlin");
    assert_eq!(search.cap, NanoUsd::new(2_500_000_000));
    assert_eq!(search.alert_threshold.get(), 0.5);
    assert_eq!(Some(search.time_zone), TimeZone::by_name("Asia/Tokyo"));
}

#[test]
fn without_budgets_there_is_no_limit() {
    let config = config("tiers: {a: {models: [{name: m}]}}");
    assert!(config.cost_control.budgets.is_empty());
}

#[test]
fn everything_wrong_with_budgets_is_told() {
    let problems = problems(
        "cost_control:
           daily_budget: 10
           budgets:
             installation/daily: {cap: 5}
             team/search/daily: {cap: 5}
             project/search/monthly: {}
             key/k1/daily: {cap: -1}",
    );
    let expected = [
        ":4: cost_control.budgets.installation/daily: is what `cost_control.daily_budget` sets",
        ":5: cost_control.budgets.team/search/daily: \"team/search/daily\" is no name of a budget",
        ":6: cost_control.budgets.project/search/monthly.cap: is missing",
        ":7: cost_control.budgets.key/k1/daily.cap: has to be an amount in US dollars",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn a_variable_sets_a_cap() {
    let text = "cost_control: {budgets: {project/search/daily: {cap: 1}}}";
    let variable = "TERRACE__COST_CONTROL__BUDGETS__PROJECT_SEARCH_DAILY__CAP";
    let config = parsed(text, &[(variable, "3")]).unwrap().config;
    assert_eq!(config.cost_control.budgets[0].cap.to_string(), "$3.000000");
}
