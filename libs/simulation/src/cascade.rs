//! The way of each action through the tiers of a setup: which one is called first, and how often
//! the next one is.

use terrace_config::scenario::{Action, Scenario, Setup, Tokens};
use terrace_domain::Price;

/// How often answers are rejected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rates {
    /// As the scenario says.
    Own,
    /// This share at every tier but the last, whatever the scenario says.
    All(f64),
}

/// One tier on the way of an action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Which tier of the scenario.
    pub(crate) tier: usize,
    pub(crate) price: Price,
    /// The share of its answers that go on; nothing at the last, whose answers are not judged.
    pub(crate) escalation: f64,
    pub(crate) is_last: bool,
}

/// The way of one action.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) share: f64,
    pub(crate) input: Tokens,
    pub(crate) output: Tokens,
    pub(crate) steps: Vec<Step>,
}

/// The ways of all actions.
pub(crate) fn ways(scenario: &Scenario, setup: &Setup, rates: Rates) -> Vec<Way> {
    let actions = scenario.actions.iter();
    let way = |action: &Action| Way {
        share: action.share,
        input: action.input,
        output: action.output,
        steps: steps(scenario, setup, action, rates),
    };
    actions.map(way).collect()
}

fn steps(scenario: &Scenario, setup: &Setup, action: &Action, rates: Rates) -> Vec<Step> {
    let last = setup.tiers.last().copied().unwrap_or_default();
    // An action whose tiers are all missing is answered by the highest there is.
    let first = action.tier.min(last);
    let called = setup.tiers.iter().filter(|tier| **tier >= first);
    let step = |&tier: &usize| {
        let is_last = tier == last;
        let own = action.escalation.get(tier).copied().unwrap_or_default();
        let rate = match rates {
            Rates::Own => setup.escalation.unwrap_or(own),
            Rates::All(rate) => rate,
        };
        let price = scenario.tiers.get(tier).map(|tier| tier.price);
        Step {
            tier,
            price: price.unwrap_or(Price::FREE),
            escalation: if is_last { 0.0 } else { rate },
            is_last,
        }
    };
    called.map(step).collect()
}
