//! A span of days drawn many times over: what it costs, and how far one is from another.

use terrace_config::scenario::{Scenario, Setup};
use terrace_domain::NanoUsd;

use crate::cascade::{Rates, Way, ways};
use crate::draws::{Day, Mix, Random};
use crate::gpu::rent;
use crate::interval::{Interval, quantile};

/// How often the span is drawn when nobody says: as often as makes this many iterations …
const ITERATIONS: u64 = 5_000_000;
/// … but at least and at most so often.
const REPEATS: std::ops::RangeInclusive<u64> = 40..=1000;

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    /// Days of one span.
    pub days: u32,
    /// How often the span is drawn; at least twice.
    pub repeats: u32,
    /// Where the draws begin: the same seed, the same spans.
    pub seed: u64,
}

/// What many spans cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// The mean cost of a span in nano-USD, and where the true mean lies.
    pub mean: Interval,
    /// Of a hundred spans, 95 cost from this
    pub low: NanoUsd,
    /// to this.
    pub high: NanoUsd,
    /// What each span costs, rented machines included, in the order they were drawn.
    pub spans: Vec<NanoUsd>,
    /// What each day of the first span costs, rented machines left out.
    pub days: Vec<NanoUsd>,
}

impl Draws {
    /// How often to draw a span of `scenario` that long, so that it takes seconds at most.
    #[must_use]
    pub fn usual_repeats(scenario: &Scenario, days: u32) -> u32 {
        let iterations = scenario.iterations_per_day.saturating_mul(days.into());
        let repeats = ITERATIONS / iterations.max(1);
        u32::try_from(repeats.clamp(*REPEATS.start(), *REPEATS.end())).unwrap_or(u32::MAX)
    }
}

/// Draws spans of `setup`. Setups of one scenario that are drawn from one seed with the same tiers
/// see the same iterations.
#[must_use]
pub fn simulate(scenario: &Scenario, setup: &Setup, draws: Draws) -> Simulated {
    let mut random = Random::new(draws.seed);
    let ways = ways(scenario, setup, Rates::Own);
    let drawing = Drawing {
        judge_cost: scenario.judge_cost,
        day: Day::of(scenario),
        mix: Mix::of(&ways),
        ways,
    };
    let gpu = rent(setup, scenario.iterations_per_day, draws.days);
    let mut spans = Vec::new();
    let mut first = Vec::new();
    for _ in 0..draws.repeats.max(2) {
        let days: Vec<NanoUsd> = (0..draws.days).map(|_| drawing.day(&mut random)).collect();
        spans.push(days.iter().copied().sum::<NanoUsd>().plus(gpu));
        if first.is_empty() {
            first = days;
        }
    }
    let mut sorted = spans.clone();
    sorted.sort_unstable();
    let sample: Vec<f64> = spans.iter().map(|span| span.get() as f64).collect();
    Simulated {
        mean: Interval::of_mean(&sample),
        low: quantile(&sorted, 0.025).unwrap_or_default(),
        high: quantile(&sorted, 0.975).unwrap_or_default(),
        spans,
        days: first,
    }
}

/// What does not change from day to day.
struct Drawing {
    judge_cost: NanoUsd,
    day: Day,
    mix: Mix,
    ways: Vec<Way>,
}

impl Drawing {
    /// What one day costs.
    fn day(&self, random: &mut Random) -> NanoUsd {
        let iterations = self.day.draw(random);
        (0..iterations).map(|_| self.iteration(random)).sum()
    }

    /// What one iteration costs: every call on its way, until an answer is taken.
    fn iteration(&self, random: &mut Random) -> NanoUsd {
        let (action, usage) = self.mix.draw(random);
        let mut cost = NanoUsd::ZERO;
        for step in self.ways.get(action).into_iter().flat_map(|way| &way.steps) {
            cost = cost.plus(step.price.cost(usage));
            if step.is_last {
                break;
            }
            cost = cost.plus(self.judge_cost);
            if !random.happens(step.escalation) {
                break;
            }
        }
        cost
    }
}
