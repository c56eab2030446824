//! The closed form: what a setup costs on average, without drawing anything.

use terrace_config::scenario::{Scenario, Setup};
use terrace_domain::{NanoUsd, Price, TierName};

use crate::cascade::{Rates, Way, ways};
use crate::gpu::rent;

/// What a setup costs on average in a span of days. The parts add up to the total.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Iterations in all.
    pub iterations: u64,
    /// What each tier of the setup does, lowest first.
    pub tiers: Vec<TierExpected>,
    /// What the judge's calls cost.
    pub judge: NanoUsd,
    /// What rented machines cost.
    pub gpu: NanoUsd,
    /// All of it.
    pub total: NanoUsd,
}

/// What one tier does on average.
#[derive(Debug, Clone, PartialEq)]
pub struct TierExpected {
    /// The tier.
    pub name: TierName,
    /// Calls of it.
    pub calls: f64,
    /// Iterations that it answers.
    pub answers: f64,
    /// What its calls cost.
    pub cost: NanoUsd,
}

impl Expected {
    /// The share of iterations that are answered by the setup's last tier.
    #[must_use]
    pub fn last_tier_share(&self) -> f64 {
        let answers = self.tiers.last().map_or(0.0, |tier| tier.answers);
        answers / self.iterations.max(1) as f64
    }
}

/// The average cost of `setup` in so many days.
#[must_use]
pub fn expected(scenario: &Scenario, setup: &Setup, days: u32, rates: Rates) -> Expected {
    let one = Average::of(scenario, setup, rates);
    let iterations = scenario.iterations_per_day.saturating_mul(days.into());
    let times = iterations as f64;
    let tier = |&tier: &usize| {
        let part = one.tiers.get(tier).copied().unwrap_or_default();
        Some(TierExpected {
            name: scenario.tiers.get(tier)?.name.clone(),
            calls: part.calls * times,
            answers: part.answers * times,
            cost: rounded(part.nanos * times),
        })
    };
    let tiers: Vec<TierExpected> = setup.tiers.iter().filter_map(tier).collect();
    let judge = rounded(one.judge * times);
    let gpu = rent(setup, scenario.iterations_per_day, days);
    let calls: NanoUsd = tiers.iter().map(|tier| tier.cost).sum();
    Expected {
        iterations,
        tiers,
        judge,
        gpu,
        total: calls.plus(judge).plus(gpu),
    }
}

/// What every iteration on the baseline tier alone costs on average.
#[must_use]
pub fn baseline(scenario: &Scenario, days: u32) -> NanoUsd {
    let alone = Setup {
        name: String::new(),
        tiers: vec![scenario.baseline],
        gpu: None,
        escalation: None,
        in_break_even: false,
    };
    expected(scenario, &alone, days, Rates::Own).total
}

/// What one iteration does and costs on average, in real nano-USD.
#[derive(Debug, Clone)]
pub(crate) struct Average {
    /// By tier of the scenario.
    tiers: Vec<Part>,
    judge: f64,
}

/// One tier's part of an iteration.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    calls: f64,
    answers: f64,
    nanos: f64,
}

impl Average {
    pub(crate) fn of(scenario: &Scenario, setup: &Setup, rates: Rates) -> Self {
        let mut average = Self {
            tiers: vec![Part::default(); scenario.tiers.len()],
            judge: 0.0,
        };
        let judge_cost = scenario.judge_cost.get() as f64;
        for way in ways(scenario, setup, rates) {
            average.add(&way, judge_cost);
        }
        average
    }

    /// Nano-USD of one iteration without rented machines.
    pub(crate) fn nanos(&self) -> f64 {
        self.tiers.iter().map(|part| part.nanos).sum::<f64>() + self.judge
    }

    /// Follows an action up: a tier is called as often as all below it were rejected.
    fn add(&mut self, way: &Way, judge_cost: f64) {
        let mut reached = way.share;
        for step in &way.steps {
            let goes_on = reached * step.escalation;
            if let Some(part) = self.tiers.get_mut(step.tier) {
                part.calls += reached;
                part.answers += reached - goes_on;
                part.nanos += reached * call(step.price, way);
            }
            if !step.is_last {
                self.judge += reached * judge_cost;
            }
            reached = goes_on;
        }
    }
}

/// Nano-USD of one call on average. A bill is rounded up to a whole one, which this is not: with
/// prices of whole thousandths of a dollar per million tokens there is nothing to round.
fn call(price: Price, way: &Way) -> f64 {
    let tokens = |price: NanoUsd, mean: f64| price.get() as f64 * mean / 1e6;
    tokens(price.input, way.input.mean())
        + tokens(price.output, way.output.mean())
        + price.per_request.get() as f64
}

/// The amount nearest to so many nano-USD.
pub(crate) fn rounded(nanos: f64) -> NanoUsd {
    NanoUsd::new(nanos.round() as i64)
}
