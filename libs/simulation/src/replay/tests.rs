//! Requests under other configs: what is known, what it costs, and what cannot be said.

use proptest::prelude::*;
use terrace_config::Config;
use terrace_domain::{NanoUsd, Score, Step, Usage};

use super::*;
use crate::Interval;

const OWN: &str = "
tiers:
  low: {models: [{name: small, backend: s, price: {input: 1, output: 1}}]}
  middle: {models: [{name: mid, backend: s, price: {input: 2, output: 2}}]}
  high: {models: [{name: big, backend: s, price: {input: 10, output: 10}}]}
backends: {s: {kind: openai, url: 'http://127.0.0.1:1/v1'}}
routing: {quality_threshold: 0.7, action_tier_overrides: {edit: middle}}
";

fn config(text: &str) -> Config {
    let none: [(String, String); 0] = [];
    terrace_config::parse(text, "c.yaml", none).unwrap().config
}

fn changed(from: &str, to: &str) -> Config {
    assert!(OWN.contains(from), "{from}");
    config(&OWN.replace(from, to))
}

/// An attempt of a million tokens: (tier, end, score).
type Tried = (&'static str, Ended, Option<f64>);

fn row(index: u32, (tier, ended, score): Tried) -> Row {
    let (model, dollars) = match tier {
        "low" => ("small", 1),
        "middle" => ("mid", 2),
        _ => ("big", 10),
    };
    let usage = Usage {
        input_tokens: 500_000,
        output_tokens: 500_000,
        ..Usage::default()
    };
    Row {
        step: Step::Attempt(index),
        tier: tier.parse().unwrap(),
        model: model.parse().unwrap(),
        ended,
        usage,
        cost: NanoUsd::new(dollars * 1_000_000_000),
        score: score.map(Score::clamped),
        is_answer: ended == Ended::Accepted,
    }
}

fn request(action: &str, tried: &[Tried]) -> Request {
    let rows = (0..).zip(tried).map(|(index, tried)| row(index, *tried));
    Request {
        action: action.parse().ok(),
        baseline: Some(NanoUsd::new(10_000_000_000)),
        rows: rows.collect(),
    }
}

const GOOD: Tried = ("low", Ended::Accepted, Some(0.9));
const POOR: Tried = ("low", Ended::Rejected, Some(0.5));
const BETTER: Tried = ("middle", Ended::Accepted, Some(0.8));

/// Cost in dollars, the answer's tier, and the estimate in dollars of what is not known.
fn told(other: &Config, request: &Request) -> (i64, Option<String>, Option<i64>) {
    let was = config(OWN);
    let fate = Change::new(&was, other).replay(request);
    let dollars = |amount: NanoUsd| amount.get() / 1_000_000_000;
    (
        dollars(fate.cost()),
        fate.answer.map(|row| row.tier.to_string()),
        fate.unknown.map(dollars),
    )
}

fn at(tier: &str) -> Option<String> {
    Some(tier.to_owned())
}

#[test]
fn a_lower_threshold_takes_an_answer_that_was_rejected() {
    let other = changed("quality_threshold: 0.7", "quality_threshold: 0.4");
    assert_eq!(
        told(&other, &request("a", &[POOR, BETTER])),
        (1, at("low"), None)
    );
}

#[test]
fn a_higher_threshold_asks_a_tier_that_nobody_asked() {
    let other = changed("quality_threshold: 0.7", "quality_threshold: 0.85");
    let escalated = request("a", &[POOR, BETTER]);
    assert_eq!(told(&other, &escalated), (3, None, Some(10)));
    assert_eq!(told(&other, &request("a", &[GOOD])), (1, at("low"), None));
    // There is nothing above the highest tier: its answer is the best there is.
    let highest = request("a", &[("high", Ended::Accepted, Some(0.8))]);
    assert_eq!(told(&other, &highest), (10, at("high"), None));
}

#[test]
fn a_verdict_that_the_old_threshold_does_not_explain_stands() {
    let other = changed("quality_threshold: 0.7", "quality_threshold: 0.85");
    let own_rule = request("a", &[("low", Ended::Accepted, Some(0.3))]);
    assert_eq!(told(&other, &own_rule), (1, at("low"), None));
    let not_judged = request("a", &[("low", Ended::Accepted, None)]);
    assert_eq!(told(&other, &not_judged), (1, at("low"), None));
    let strict = request("a", &[("low", Ended::Rejected, Some(0.95)), BETTER]);
    assert_eq!(
        told(&changed("0.7", "0.6"), &strict),
        (3, at("middle"), None)
    );
}

#[test]
fn another_price_is_charged_for_the_same_tokens() {
    let other = changed(
        "price: {input: 2, output: 2}",
        "price: {input: 4, output: 8}",
    );
    assert_eq!(
        told(&other, &request("a", &[POOR, BETTER])),
        (7, at("middle"), None)
    );
}

#[test]
fn a_rule_for_an_action_begins_higher_and_a_lower_begin_is_unknown() {
    let other = changed("{edit: middle}", "{edit: middle, a: middle}");
    assert_eq!(
        told(&other, &request("a", &[POOR, BETTER])),
        (2, at("middle"), None)
    );
    // Its answer in the middle is not known: 2 dollars by its tokens.
    assert_eq!(told(&other, &request("a", &[GOOD])), (0, None, Some(2)));
    let lower = changed("{edit: middle}", "{edit: low}");
    assert_eq!(
        told(&lower, &request("edit", &[BETTER])),
        (0, None, Some(1))
    );
    // It began low although the rule said middle: the caller had chosen, and does so again.
    assert_eq!(
        told(&lower, &request("edit", &[GOOD])),
        (1, at("low"), None)
    );
    let none = changed("{edit: middle}", "{}");
    assert_eq!(told(&none, &request("edit", &[BETTER])).1, None);
}

#[test]
fn a_tier_without_models_is_passed_by() {
    let other = changed(
        "low: {models: [{name: small, backend: s, price: {input: 1, output: 1}}]}",
        "low: {models: [{name: small, enabled: false, backend: s, price: {input: 1, output: 1}}]}",
    );
    assert_eq!(
        told(&other, &request("a", &[POOR, BETTER])),
        (2, at("middle"), None)
    );
    assert_eq!(told(&other, &request("a", &[GOOD])), (0, None, Some(2)));
}

#[test]
fn another_model_of_a_tier_and_a_tier_between_say_what_nobody_knows() {
    let other = changed("name: small", "name: smaller");
    assert_eq!(told(&other, &request("a", &[GOOD])), (0, None, Some(1)));
    let middle = "  middle: {models: [{name: mid, backend: s, price: {input: 2, output: 2}}]}\n";
    let without = OWN.replace(middle, "").replace("{edit: middle}", "{}");
    let was = config(&without);
    let own = config(OWN);
    let straight_up = request("a", &[POOR, ("high", Ended::Accepted, Some(0.9))]);
    let fate = Change::new(&was, &own).replay(&straight_up);
    assert_eq!(fate.unknown, Some(NanoUsd::new(2_000_000_000)));
}

#[test]
fn fewer_attempts_end_with_the_best_there_is() {
    let other = changed("routing: {", "routing: {max_fallback_attempts: 1, ");
    let was = config(OWN);
    let tried = request("a", &[POOR, BETTER]);
    let fate = Change::new(&was, &other).replay(&tried);
    assert_eq!((fate.made.len(), fate.has_passed), (1, false));
    assert_eq!(fate.answer.map(|row| row.tier.as_str()), Some("low"));
}

#[test]
fn models_side_by_side_decide_as_they_did() {
    let other = changed("quality_threshold: 0.7", "quality_threshold: 0.95");
    let mut consensus = request("a", &[GOOD, BETTER]);
    consensus.rows[1].is_answer = false;
    assert_eq!(told(&other, &consensus), (3, at("low"), None));
}

#[test]
fn an_answer_of_another_request_is_given_again_while_that_one_gets_it() {
    let mut reused = request("a", &[GOOD]);
    reused.rows[0].step = Step::Reuse;
    reused.rows[0].cost = NanoUsd::ZERO;
    let lower = changed("quality_threshold: 0.7", "quality_threshold: 0.4");
    assert_eq!(told(&lower, &reused), (0, at("low"), None));
    for other in [
        changed("quality_threshold: 0.7", "quality_threshold: 0.95"),
        changed("{edit: middle}", "{edit: middle, a: middle}"),
        changed("name: small", "name: smaller"),
    ] {
        assert_eq!(told(&other, &reused), (0, None, Some(0)));
    }
}

#[test]
fn the_calls_of_the_judge_go_with_their_attempt() {
    let other = changed("quality_threshold: 0.7", "quality_threshold: 0.4");
    let mut judged = request("a", &[POOR, BETTER]);
    for index in 0..2 {
        let mut judge = row(0, ("high", Ended::Otherwise, None));
        judge.step = Step::Judge {
            attempt: index,
            opinion: 0,
        };
        judged.rows.push(judge);
    }
    assert_eq!(told(&other, &judged), (11, at("low"), None));
}

#[test]
fn what_is_measured_goes_into_the_scenario() {
    let mut measured = Measured::default();
    for number in 0..100 {
        let tried: &[Tried] = if number < 20 {
            &[POOR, BETTER]
        } else {
            &[GOOD]
        };
        measured.add(&request(if number % 2 == 0 { "x" } else { "rare" }, tried));
    }
    let rates = measured.rates();
    // Of the middle tier there are 20 answers only: too few.
    assert_eq!(rates.len(), 3);
    assert_eq!((rates[0].rejected.hits, rates[0].rejected.of), (20, 100));
    let text = "{iterations_per_day: 1, tokens: {input: 1, output: 1}, tiers: {low: , middle: {escalation: 0.4}}, \
                actions: {x: {share: 0.5}, other: {share: 0.5}}}";
    let scenario = terrace_config::scenario::parse(text, "s.yaml", "s").unwrap();
    let applied = measured.applied(&scenario, |interval| interval.value);
    assert_eq!(applied.actions[0].escalation, [0.2, 0.4]);
    assert_eq!(applied.actions[1].escalation, [0.2, 0.4]);
    let low = measured.applied(&scenario, |interval| interval.low);
    assert!(low.actions[0].escalation[0] < 0.2);
}

fn attempts() -> impl Strategy<Value = Tried> {
    let tiers = prop::sample::select(&["low", "middle", "high"][..]);
    let ends = prop::sample::select(&[Ended::Accepted, Ended::Rejected, Ended::Otherwise][..]);
    (tiers, ends, prop::option::of(0.0..1.0_f64))
}

fn requests() -> impl Strategy<Value = Request> {
    let action = prop::sample::select(&["a", "edit"][..]);
    let tried = prop::collection::vec(attempts(), 0..5);
    (action, tried, any::<bool>()).prop_map(|(action, tried, is_reuse)| {
        let mut request = request(action, &tried);
        if let [row] = request.rows.as_mut_slice()
            && is_reuse
        {
            (row.step, row.cost, row.usage) = (Step::Reuse, NanoUsd::ZERO, Usage::default());
        }
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_ledger_under_its_own_config_costs_what_it_did_and_is_known_whole(
        books in prop::collection::vec(requests(), 0..60)
    ) {
        let own = config(OWN);
        let mut replay = Replay::new([Change::new(&own, &own)]);
        for request in &books {
            replay.add(request);
        }
        let told = replay.finish(0).remove(0);
        let spent: NanoUsd = books.iter().map(Request::cost).sum();
        prop_assert_eq!(told.cost_covered, spent);
        prop_assert_eq!((told.covered, told.unexplained_rows), (books.len() as u64, 0));
        let nothing = Interval { value: 0.0, low: 0.0, high: 0.0 };
        prop_assert_eq!(told.difference, nothing);
        prop_assert_eq!(told.now, told.was);
    }

    #[test]
    fn covered_and_estimated_costs_add_up_under_any_threshold(
        books in prop::collection::vec(requests(), 1..40), threshold in 0.0..1.0_f64
    ) {
        let own = config(OWN);
        let change = Change::new(&own, &own).with_threshold(Score::clamped(threshold));
        let mut replay = Replay::new([change]);
        let mut sum = NanoUsd::ZERO;
        for request in &books {
            replay.add(request);
            let fate = change.replay(request);
            sum = sum.plus(fate.cost()).plus(fate.unknown.unwrap_or_default());
        }
        let told = replay.finish(0).remove(0);
        prop_assert_eq!(told.cost.value, sum.get() as f64);
        prop_assert!(told.cost.low <= told.cost.high);
        prop_assert!(told.covered <= told.requests);
    }
}
