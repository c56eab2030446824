//! What is drawn at random: how many iterations a day has, which action each is, how many tokens.
//!
//! The generator is `ChaCha8` and the mathematics of the draws are in software, so a seed gives
//! the same month on every machine.

use chacha20::ChaCha8Rng;
use rand::distr::Uniform;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::weighted::WeightedAliasIndex;
use rand_distr::{Distribution as _, LogNormal, Poisson};
use terrace_config::scenario::{Arrivals, Scenario, Tokens};
use terrace_domain::Usage;

use crate::cascade::Way;

/// The source of everything random; one seed, one course of events.
#[derive(Debug)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something with this chance happens.
    pub(crate) fn happens(&mut self, chance: f64) -> bool {
        self.0.random::<f64>() < chance
    }

    /// A whole number below `end`, each as often.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(..end)
    }

    /// A whole number near a real one, so that the mean of many is that number: 2.3 is 3 in three
    /// of ten draws, else 2.
    fn whole(&mut self, real: f64) -> u64 {
        let below = real.floor();
        below as u64 + u64::from(self.happens(real - below))
    }
}

/// How many iterations a day has.
#[derive(Debug)]
pub(crate) struct Day {
    fixed: u64,
    poisson: Option<Poisson<f64>>,
}

impl Day {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let fixed = scenario.iterations_per_day;
        let poisson = match scenario.arrivals {
            Arrivals::Fixed => None,
            Arrivals::Poisson => Poisson::new(fixed as f64).ok(),
        };
        Self { fixed, poisson }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        let poisson = self.poisson.as_ref();
        poisson.map_or(self.fixed, |poisson| poisson.sample(&mut random.0) as u64)
    }
}

/// Which action an iteration is, and how many tokens its calls have.
#[derive(Debug)]
pub(crate) struct Mix {
    shares: Option<WeightedAliasIndex<f64>>,
    tokens: Vec<(Drawn, Drawn)>,
}

impl Mix {
    pub(crate) fn of(ways: &[Way]) -> Self {
        let shares = ways.iter().map(|way| way.share).collect();
        let tokens = |way: &Way| (Drawn::of(way.input), Drawn::of(way.output));
        Self {
            shares: WeightedAliasIndex::new(shares).ok(),
            tokens: ways.iter().map(tokens).collect(),
        }
    }

    /// The index of an action, and what each of its calls uses.
    pub(crate) fn draw(&self, random: &mut Random) -> (usize, Usage) {
        let shares = self.shares.as_ref();
        let action = shares.map_or(0, |shares| shares.sample(&mut random.0));
        let mut usage = Usage::default();
        if let Some((input, output)) = self.tokens.get(action) {
            usage.input_tokens = input.draw(random);
            usage.output_tokens = output.draw(random);
        }
        (action, usage)
    }
}

/// A number of tokens, ready to be drawn.
#[derive(Debug)]
enum Drawn {
    Fixed(u64),
    Around(LogNormal<f64>),
    Between(Uniform<u64>),
}

impl Drawn {
    /// The scenario's numbers are checked; with one that a distribution refuses it is the mean.
    fn of(tokens: Tokens) -> Self {
        let mean = Self::Fixed(tokens.mean().round() as u64);
        match tokens {
            Tokens::Fixed(_) => mean,
            Tokens::Around { mean: of, spread } => {
                LogNormal::from_mean_cv(of, spread).map_or(mean, Self::Around)
            }
            Tokens::Between { from, to } => {
                Uniform::new_inclusive(from, to).map_or(mean, Self::Between)
            }
        }
    }

    fn draw(&self, random: &mut Random) -> u64 {
        match self {
            Self::Fixed(tokens) => *tokens,
            Self::Around(drawn) => {
                let real = drawn.sample(&mut random.0);
                random.whole(real)
            }
            Self::Between(drawn) => drawn.sample(&mut random.0),
        }
    }
}
