//! Scenarios as they are written, and everything that can be wrong with one.

use super::*;

const DAEMON: &str = include_str!("../../../../scenarios/daemon.yaml");
const FLEET: &str = include_str!("../../../../scenarios/fleet.yaml");
const MANUAL: &str = include_str!("../../../../docs/SIMULATION.md");

fn problems(text: &str) -> String {
    parse(text, "s.yaml", "s").unwrap_err().to_string()
}

#[test]
fn the_shipped_ones_are_right() {
    for (text, iterations) in [(DAEMON, 100), (FLEET, 10_000)] {
        let scenario = parse(text, "s.yaml", "s").unwrap();
        assert_eq!(scenario.iterations_per_day, iterations);
        assert_eq!(scenario.actions.len(), 7);
        assert_eq!(scenario.baseline, 2);
        assert_eq!(scenario.setups[0].tiers, [2]);
        assert_eq!(scenario.setups[1].tiers, [0, 1, 2]);
    }
}

#[test]
fn little_is_enough() {
    let text = "{iterations_per_day: 1, tiers: {api: }, tokens: {input: 1, output: {mean: 2, spread: 0.5}}, \
                actions: {a: {share: 1}}}";
    let scenario = parse(text, "s.yaml", "s").unwrap();
    assert_eq!(scenario.setups[0].tiers, [0]);
    assert_eq!(scenario.actions[0].output.mean(), 2.0);
    assert_eq!(scenario.actions[0].escalation, [0.0]);
}

#[test]
fn an_action_says_its_own_tokens_and_rates() {
    let text = "
iterations_per_day: 1
tokens: {input: 1, output: 1}
tiers: {low: {escalation: 0.1}, middle: {escalation: 0.2}, high: }
actions:
  a: {share: 0.5, tier: middle, tokens: {input: {from: 1, to: 3}}, escalation: {middle: 0.4}}
  b: {share: 0.5, escalation: 0.3}
";
    let actions = parse(text, "s.yaml", "s").unwrap().actions;
    assert_eq!(actions[0].input.mean(), 2.0);
    assert_eq!(actions[0].output, Tokens::Fixed(1));
    assert_eq!(actions[0].escalation, [0.1, 0.4, 0.0]);
    assert_eq!(
        (actions[1].tier, &actions[1].escalation[..]),
        (0, &[0.3; 3][..])
    );
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = "
iterations_per_day: none
tokens: {input: {mean: 1}}
tiers:
  low: {escalatoin: 0.1, price: {input: -1}}
actions:
  a: {share: 0.5, tier: lwo, tokens: {output: {from: 3, to: 1}}}
  b: {share: 0.4, escalation: {high: 0.1}}
setups:
  one: {tiers: [], gpu: {per_hour: 1, per_month: 2}}
claims:
  c: {setup: oen}
";
    assert_eq!(
        problems(text),
        "\
s.yaml:2: iterations_per_day: has to be a whole number from 1 to 100000000, and is `none`
s.yaml:3: tokens.input.spread: is missing
s.yaml:5: tiers.low.escalatoin: unknown key, did you mean `escalation`?
s.yaml:5: tiers.low.price.input: has to be an amount in US dollars from 0 to 1000000, as 12.50, and is `-1`
s.yaml:6: actions: have shares that add up to 0.9, and not to 1
s.yaml:7: actions.a.tier: no tier is called `lwo`, did you mean `low`?
s.yaml:7: actions.a.tokens.output.to: is less than `from`
s.yaml:8: actions.b.escalation.high: no tier is called `high`
s.yaml:8: actions.b.tokens.output: is missing, here and in `tokens.output`
s.yaml:10: setups.one.gpu: needs either `per_hour` or `per_month`
s.yaml:10: setups.one.tiers: has no tier: give at least one
s.yaml:12: claims.c.cost: is missing
s.yaml:12: claims.c.setup: no setup is called `oen`, did you mean `one`?"
    );
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let told = problems("");
    for key in ["tiers", "iterations_per_day", "actions"] {
        assert!(told.contains(&format!("{key}: is missing")), "{told}");
    }
}

/// Every key that the decoder knows, as the manual writes it.
fn keys() -> Vec<String> {
    let text = "{iterations_per_day: 1, tokens: {input: {mean: 1, spread: 1}, output: {from: 1, to: 1}}, \
                tiers: {t: }, actions: {a: {share: 1, tokens: {}, escalation: {t: 0}}}, \
                setups: {s: {gpu: {per_hour: 1}}}, claims: {c: {setup: s, cost: 1}}}";
    let root = yaml::read(text, &Origin::File(Arc::from("s.yaml"))).unwrap();
    let mut reading = Reading::default();
    decode::root(&root, &mut reading, |section| {
        Scenario::read(section, String::new())
    });
    let keys: Vec<String> = reading.known().iter().cloned().collect();
    assert!(reading.finish().is_ok());
    keys
}

#[test]
fn the_manual_has_every_key_and_no_other() {
    let keys = keys();
    assert!(keys.len() > 30, "{}", keys.len());
    // How tokens are told stands at two of the keys, for all of them.
    let is_told_once = |key: &&String| {
        let parts = ["from", "to", "mean", "spread"];
        parts
            .iter()
            .any(|part| key.ends_with(&format!("put.{part}")))
    };
    let is_leaf = |key: &&String| {
        let has_below = keys
            .iter()
            .any(|other| other.starts_with(&format!("{key}.")));
        !has_below && !is_told_once(key)
    };
    let rows = MANUAL.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut named: Vec<&str> = rows.flat_map(|row| row.split("` | ").next()).collect();
    named.retain(|name| !name.contains(' ') && !name.starts_with('-'));
    for key in keys.iter().filter(is_leaf) {
        assert!(
            named.contains(&key.as_str()),
            "docs/SIMULATION.md lacks `{key}`"
        );
    }
    for name in named {
        assert!(keys.iter().any(|key| key == name), "nothing reads `{name}`");
    }
}
