//! Closed form, draws and break-even against each other and against the original table.

use proptest::prelude::*;
use terrace_config::scenario::{Scenario, parse};
use terrace_domain::NanoUsd;

use crate::*;

fn usd(text: &str) -> NanoUsd {
    text.parse().unwrap()
}

fn named(name: &str) -> Scenario {
    let found = shipped().iter().find(|shipped| shipped.name == name);
    parse(found.unwrap().text, name, name).unwrap()
}

fn read(text: &str) -> Scenario {
    parse(text, "s.yaml", "s").unwrap()
}

/// Two tiers, tokens that vary, a number of iterations that varies.
fn lively() -> Scenario {
    read(
        "
iterations_per_day: 40
arrivals: poisson
tokens: {input: {mean: 3000, spread: 1.2}, output: {from: 10, to: 900}}
judge_cost: 0.0001
tiers:
  low: {price: {input: 0.1, output: 0.4}, escalation: 0.3}
  high: {price: {input: 3, output: 15, per_request: 0.001}}
actions:
  a: {share: 0.7}
  b: {share: 0.2, escalation: {low: 0.9}}
  c: {share: 0.1, tier: high, tokens: {output: {mean: 1.5, spread: 1}}}
",
    )
}

#[test]
fn the_pure_api_costs_135_dollars_to_the_nano_in_every_month() {
    let scenario = named("daemon");
    let alone = &scenario.setups[0];
    assert_eq!(baseline(&scenario, 30), usd("135"));
    assert_eq!(expected(&scenario, alone, 30, Rates::Own).total, usd("135"));
    let draws = Draws {
        days: 30,
        repeats: 5,
        seed: 1,
    };
    assert_eq!(simulate(&scenario, alone, draws).spans, [usd("135"); 5]);
}

#[test]
fn the_original_figures_come_out_at_one_rate() {
    let rate = |scenario: &Scenario, claim: usize| {
        let answer = answer_claim(scenario, &scenario.claims[claim]).unwrap();
        (
            answer.own.total,
            answer.rate.unwrap(),
            answer.last_tier_share.unwrap(),
        )
    };
    let daemon = named("daemon");
    for (claim, cost) in [(1, "16.5"), (2, "66")] {
        let (own, rate, share) = rate(&daemon, claim);
        assert_eq!(own, usd(cost));
        assert!((rate - 0.204_415_203).abs() < 1e-8, "{rate}");
        assert!((share - 11.0 / 90.0).abs() < 1e-9, "{share}");
    }
    let fleet = named("fleet");
    assert_eq!(baseline(&fleet, 30), usd("14220"));
    let (own, with_gpus, _) = rate(&fleet, 1);
    assert_eq!(own, usd("1993"));
    assert!((with_gpus - 0.204_415_203).abs() < 1e-8, "{with_gpus}");
    let (own, without, share) = rate(&fleet, 2);
    assert_eq!(own, usd("1738"));
    assert!((share - 1993.0 / 14_220.0).abs() < 1e-9, "{share}");
    assert!((0.238..0.240).contains(&without), "{without}");
}

#[test]
fn a_claim_that_no_rate_makes_true_has_none() {
    let daemon = named("daemon");
    let hybrid = &daemon.setups[1];
    // What begins at the API alone costs $6.75.
    assert_eq!(rate_for(&daemon, hybrid, usd("6.74")), None);
    assert_eq!(rate_for(&daemon, hybrid, usd("135.01")), None);
    assert_eq!(rate_for(&daemon, &daemon.setups[0], usd("100")), None);
    assert!(rate_for(&daemon, hybrid, usd("6.75")).unwrap() < 1e-9);
}

#[test]
fn the_mean_of_simulated_months_has_the_closed_form_in_its_interval() {
    let scenario = lively();
    let setup = &scenario.setups[0];
    let truth = expected(&scenario, setup, 30, Rates::Own).total.get() as f64;
    let within = |seed: &u64| {
        let draws = Draws {
            days: 30,
            repeats: 30,
            seed: *seed,
        };
        simulate(&scenario, setup, draws).mean.has(truth)
    };
    let hits = (0..400).filter(within).count();
    // 95 of 100 are 380; 4.6 standard deviations below are 360, and all of them would be as wrong.
    assert!((360..=397).contains(&hits), "{hits} of 400");
}

#[test]
fn a_month_lies_in_the_range_that_is_told_for_95_of_100() {
    let scenario = lively();
    let of = |seed, repeats| {
        let draws = Draws {
            days: 30,
            repeats,
            seed,
        };
        simulate(&scenario, &scenario.setups[0], draws)
    };
    let told = of(1, 1000);
    let others = of(2, 1000).spans;
    let within = others
        .iter()
        .filter(|cost| (told.low..=told.high).contains(cost));
    assert!((920..=975).contains(&within.count()));
}

#[test]
fn a_seed_gives_the_same_month_and_another_one_another() {
    let scenario = lively();
    let of = |seed| {
        let draws = Draws {
            days: 3,
            repeats: 2,
            seed,
        };
        simulate(&scenario, &scenario.setups[0], draws)
    };
    assert_eq!(of(7), of(7));
    assert_ne!(of(7).spans, of(8).spans);
    // Held for ever: a change of this figure is a change of every result that was ever told.
    assert_eq!(of(7).spans[0], usd("0.8945488"));
}

#[test]
fn days_add_up_to_their_month() {
    let scenario = lively();
    let draws = Draws {
        days: 30,
        repeats: 2,
        seed: 0,
    };
    let simulated = simulate(&scenario, &scenario.setups[0], draws);
    assert_eq!(
        simulated.days.iter().copied().sum::<NanoUsd>(),
        simulated.spans[0]
    );
}

#[test]
fn the_break_even_of_the_daemon_is_where_arithmetic_says() {
    let scenario = named("daemon");
    let found = break_even(&scenario, 30, 100_000);
    let told: Vec<_> = found
        .iter()
        .map(|range| {
            (
                range.from,
                range.to,
                scenario.setups[range.setup].name.as_str(),
            )
        })
        .collect();
    // 49.50 / (30 * (0.045 - 0.0055)) = 41.8; 255 / 49.50 = 5.2 cards, and five do 14,400.
    assert_eq!(told[0], (1, 41, "plain API"));
    assert_eq!(told[1], (42, 14_400, "hybrid on a rented GPU"));
    assert_eq!(told[2].0, 14_401);
    assert_eq!(told[2].2, "hybrid on a vLLM cluster");
}

prop_compose! {
    /// A scenario of two tiers and three setups.
    fn scenarios()(
        iterations in 1_u64..100, mean in 10_u32..20_000, spread in 0.0..2.0_f64,
        prices in prop::array::uniform4(0_u32..20), rates in prop::array::uniform2(0.0..1.0_f64),
        share in 0.0..1.0_f64, rent in 0_u32..90, each in 1_u64..200,
    ) -> Scenario {
        let [a, b, c, d] = prices;
        let [first, second] = rates;
        read(&format!("
iterations_per_day: {iterations}
tokens: {{input: {{mean: {mean}, spread: {spread}}}, output: {{from: 0, to: {mean}}}}}
judge_cost: 0.0003
tiers:
  low: {{price: {{input: {a}, output: {b}}}, escalation: {first}}}
  middle: {{escalation: {second}}}
  high: {{price: {{input: {c}, output: {d}}}}}
actions:
  x: {{share: {share}}}
  y: {{share: {}, tier: middle}}
setups:
  high: {{tiers: [high]}}
  rented: {{gpu: {{per_month: {rent}, iterations_per_day: {each}}}}}
  cluster: {{tiers: [middle, high], gpu: {{per_hour: 0.3, iterations_per_day: {}}}}}
", 1.0 - share, each * 7))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn parts_add_up_exactly_and_every_iteration_is_answered_once(scenario in scenarios()) {
        for setup in &scenario.setups {
            let sums = expected(&scenario, setup, 30, Rates::Own);
            let calls: NanoUsd = sums.tiers.iter().map(|tier| tier.cost).sum();
            prop_assert_eq!(sums.total, calls.plus(sums.judge).plus(sums.gpu));
            let answers: f64 = sums.tiers.iter().map(|tier| tier.answers).sum();
            prop_assert!((answers - sums.iterations as f64).abs() < 1e-6 * answers);
        }
    }

    #[test]
    fn draws_agree_with_the_closed_form_for_any_scenario(scenario in scenarios(), seed: u64) {
        for setup in &scenario.setups {
            let truth = expected(&scenario, setup, 10, Rates::Own).total.get() as f64;
            let draws = Draws { days: 10, repeats: 60, seed };
            let mean = simulate(&scenario, setup, draws).mean;
            // Six standard errors, and a nano-USD for each call that is rounded up.
            let slack = 3.0 * (mean.high - mean.low) / 2.0 + 10_000.0;
            prop_assert!((mean.value - truth).abs() <= slack, "{mean:?} {truth}");
        }
    }

    #[test]
    fn the_break_even_is_what_trying_every_number_finds(scenario in scenarios()) {
        const MOST: u64 = 700;
        let found = break_even(&scenario, 30, MOST);
        prop_assert_eq!(found.first().map(|range| range.from), Some(1));
        prop_assert_eq!(found.last().map(|range| range.to), Some(MOST));
        prop_assert!(found.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
        for range in found {
            for iterations in range.from..=range.to {
                let at = Scenario { iterations_per_day: iterations, ..scenario.clone() };
                let cost = |setup| expected(&at, setup, 30, Rates::Own).total;
                let least = scenario.setups.iter().map(cost).min().unwrap();
                let told = cost(&scenario.setups[range.setup]);
                // Equal but for the rounding of their parts.
                prop_assert!(told.minus(least).get() <= 10, "{iterations}: {told} {least}");
            }
        }
    }

    #[test]
    fn the_rate_of_a_claim_gives_its_cost(scenario in scenarios(), rate in 0.0..1.0_f64) {
        let setup = &scenario.setups[1];
        let cost = expected(&scenario, setup, 30, Rates::All(rate)).total;
        if let Some(found) = rate_for(&scenario, setup, cost) {
            let again = expected(&scenario, setup, 30, Rates::All(found)).total;
            prop_assert!((again.get() - cost.get()).abs() <= 10, "{again} {cost}");
        }
    }
}
