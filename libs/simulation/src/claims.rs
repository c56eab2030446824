//! What somebody says that a setup costs, beside what it does cost, and what would make it true.

use terrace_config::scenario::{Claim, Scenario, Setup};
use terrace_domain::NanoUsd;

use crate::cascade::Rates;
use crate::expected::{Average, Expected, baseline, expected};
use crate::gpu::rent;

/// Claims are about a month.
const DAYS: u32 = 30;
/// Halvings that bring a rate to the last digit of a double.
const HALVINGS: u32 = 80;

/// A claim and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the setup costs in 30 days with the scenario's rates.
    pub own: Expected,
    /// What all of it on the baseline tier costs.
    pub baseline: NanoUsd,
    /// The one rate of rejected answers, at every tier but the last, with which the claim is true;
    /// none when no rate makes it true.
    pub rate: Option<f64>,
    /// The share of iterations that the last tier answers then.
    pub last_tier_share: Option<f64>,
}

/// Says what becomes of a claim.
#[must_use]
pub fn answer_claim(scenario: &Scenario, claim: &Claim) -> Option<Answer> {
    let setup = scenario.setups.get(claim.setup)?;
    let rate = rate_for(scenario, setup, claim.cost);
    let then = |rate| expected(scenario, setup, DAYS, Rates::All(rate)).last_tier_share();
    Some(Answer {
        own: expected(scenario, setup, DAYS, Rates::Own),
        baseline: baseline(scenario, DAYS),
        rate,
        last_tier_share: rate.map(then),
    })
}

/// The one rate of rejected answers with which `setup` costs this much in 30 days; none when it
/// costs more without any, or less with nothing but them.
#[must_use]
pub fn rate_for(scenario: &Scenario, setup: &Setup, cost: NanoUsd) -> Option<f64> {
    if setup.tiers.len() < 2 {
        return None;
    }
    let iterations = scenario.iterations_per_day as f64 * f64::from(DAYS);
    let gpu = rent(setup, scenario.iterations_per_day, DAYS);
    let wanted = cost.minus(gpu).get() as f64;
    let costs = |rate| Average::of(scenario, setup, Rates::All(rate)).nanos() * iterations;
    if !(costs(0.0)..=costs(1.0)).contains(&wanted) {
        return None;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if costs(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}
