//! Everything that is computed of one scenario, ready to be told.

use terrace_config::scenario::{Scenario, Setup};
use terrace_domain::NanoUsd;
use terrace_simulation::replay::{Measured, Rate};
use terrace_simulation::{
    Answer, Cheapest, Draws, Expected, Interval, Rates, Simulated, answer_claim, baseline,
    break_even, expected, simulate,
};

/// What came of a scenario.
pub(super) struct Study {
    pub(super) scenario: Scenario,
    pub(super) draws: Draws,
    /// What all of it on the baseline tier costs.
    pub(super) baseline: NanoUsd,
    /// One for each setup, in the scenario's order.
    pub(super) lines: Vec<Line>,
    /// One for each claim.
    pub(super) answers: Vec<Answer>,
    pub(super) measured: Option<Seen>,
    pub(super) sweep: Option<Sweep>,
}

/// What a setup costs.
pub(super) struct Line {
    pub(super) expected: Expected,
    pub(super) simulated: Simulated,
}

/// The scenario at rates that the ledger has seen.
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) rates: Vec<Rate>,
    /// What each setup costs at these rates, and with all of them at the ends of their intervals.
    pub(super) costs: Vec<[NanoUsd; 3]>,
}

/// The scenario with one thing varied.
pub(super) struct Sweep {
    /// The most iterations a day that were looked at.
    pub(super) most: u64,
    pub(super) cheapest: Vec<Cheapest>,
    /// By iterations a day, what each setup costs.
    pub(super) by_iterations: Vec<(u64, Vec<NanoUsd>)>,
    /// By the rate of rejected answers at every tier but the last, what each setup costs.
    pub(super) by_rate: Vec<(f64, Vec<NanoUsd>)>,
}

impl Study {
    pub(super) fn of(
        scenario: Scenario,
        draws: Draws,
        seen: Option<&Measured>,
        sweep: bool,
    ) -> Self {
        let line = |setup: &Setup| Line {
            expected: expected(&scenario, setup, draws.days, Rates::Own),
            simulated: simulate(&scenario, setup, draws),
        };
        let claims = scenario.claims.iter();
        Self {
            baseline: baseline(&scenario, draws.days),
            lines: scenario.setups.iter().map(line).collect(),
            answers: claims
                .filter_map(|claim| answer_claim(&scenario, claim))
                .collect(),
            measured: seen.map(|seen| Seen::of(&scenario, draws.days, seen)),
            sweep: sweep.then(|| Sweep::of(&scenario, draws.days)),
            scenario,
            draws,
        }
    }
}

impl Seen {
    fn of(scenario: &Scenario, days: u32, measured: &Measured) -> Self {
        let ends: [fn(&Interval) -> f64; 3] =
            [|rate| rate.value, |rate| rate.low, |rate| rate.high];
        let scenarios = ends.map(|end| measured.applied(scenario, end));
        let costs = |setup: &Setup| {
            let cost = |at: &Scenario| expected(at, setup, days, Rates::Own).total;
            [0, 1, 2].map(|end| scenarios.get(end).map(cost).unwrap_or_default())
        };
        Self {
            requests: measured.requests(),
            rates: measured.rates(),
            costs: scenario.setups.iter().map(costs).collect(),
        }
    }
}

impl Sweep {
    fn of(scenario: &Scenario, days: u32) -> Self {
        let full = scenario.setups.iter();
        let largest = full.filter_map(|setup| setup.gpu?.iterations_per_day).max();
        let most = (scenario.iterations_per_day.max(largest.unwrap_or(0))).saturating_mul(10);
        let costs = |scenario: &Scenario, rates| {
            let setups = scenario.setups.iter();
            setups
                .map(|setup| expected(scenario, setup, days, rates).total)
                .collect()
        };
        let at = |iterations_per_day| {
            let scenario = Scenario {
                iterations_per_day,
                ..scenario.clone()
            };
            (iterations_per_day, costs(&scenario, Rates::Own))
        };
        let rates = (0..=20).map(|step| f64::from(step) / 20.0);
        Self {
            most,
            cheapest: break_even(scenario, days, most),
            by_iterations: steps(most).into_iter().map(at).collect(),
            by_rate: rates
                .map(|rate| (rate, costs(scenario, Rates::All(rate))))
                .collect(),
        }
    }
}

/// Numbers from 1 to `most`, eight to each power of ten.
fn steps(most: u64) -> Vec<u64> {
    let decades = (most as f64).log10();
    let count = (decades * 8.0).ceil() as u32;
    let mut steps: Vec<u64> = (0..count)
        .map(|step| 10_f64.powf(f64::from(step) / 8.0).round() as u64)
        .chain([most])
        .collect();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn steps_rise_from_one_to_the_end() {
        let steps = steps(28_800);
        assert_eq!((steps[0], steps[steps.len() - 1]), (1, 28_800));
        assert!(steps.is_sorted());
    }
}
