//! Replays added up, request by request, in constant memory.
//!
//! Requests are dealt out to a thousand blocks. Resampling the blocks gives the intervals: with up
//! to a thousand requests that is the bootstrap of the requests themselves.

use std::collections::BTreeMap;

use terrace_domain::{NanoUsd, Score, TierName};

use super::decide::{Change, Fate};
use super::request::{Ended, Request, Row};
use crate::draws::Random;
use crate::interval::{Interval, Share};

const BLOCKS: usize = 1000;
/// Resamplings for an interval.
const TIMES: usize = 1000;

/// A ledger being replayed under one config or several.
#[derive(Debug)]
pub struct Replay<'a> {
    running: Vec<Running<'a>>,
    requests: usize,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The threshold that answers had to reach.
    pub threshold: Score,
    /// Requests of the ledger.
    pub requests: u64,
    /// Those that the replay can speak for, and what they cost.
    pub covered: u64,
    /// Rows whose cost the old config's prices do not explain.
    pub unexplained_rows: u64,
    /// What all requests did cost.
    pub was_cost: NanoUsd,
    /// What the covered ones did cost.
    pub was_cost_covered: NanoUsd,
    /// What the covered ones would have cost.
    pub cost_covered: NanoUsd,
    /// What all would have cost, with an estimate for what is not covered; in nano-USD, with what
    /// other traffic of the same kind would.
    pub cost: Interval,
    /// What the covered ones would have cost more (or less, below zero) than they did, in nano-USD.
    pub difference: Interval,
    /// What the answers would have cost on the baseline model, as far as that is known.
    pub baseline: NanoUsd,
    /// As it was, over the covered requests.
    pub was: Figures,
    /// As it would have been, over the covered requests.
    pub now: Figures,
}

/// How well requests went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Mean score of answers that were judged; none when none was.
    pub score: Option<Interval>,
    /// Requests with an answer that passed.
    pub passed: Share,
    /// Requests that were answered by another tier than the first.
    pub escalated: Share,
    /// Attempts by tier, and what they cost.
    pub tiers: BTreeMap<TierName, (u64, NanoUsd)>,
}

impl<'a> Replay<'a> {
    /// A replay under these changes, each by itself.
    #[must_use]
    pub fn new(changes: impl IntoIterator<Item = Change<'a>>) -> Self {
        Self {
            running: changes.into_iter().map(Running::new).collect(),
            requests: 0,
        }
    }

    /// Replays one request.
    pub fn add(&mut self, request: &Request) {
        let block = self.requests % BLOCKS;
        self.requests += 1;
        for running in &mut self.running {
            running.add(request, block);
        }
    }

    /// What came of it, in the order of the changes.
    #[must_use]
    pub fn finish(self, seed: u64) -> Vec<Replayed> {
        let running = self.running.into_iter();
        running.map(|running| running.finish(seed)).collect()
    }
}

/// Sums over one block that are resampled.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    difference: f64,
    cost: f64,
    was_scored: f64,
    was_score: f64,
    scored: f64,
    score: f64,
}

#[derive(Debug)]
struct Running<'a> {
    change: Change<'a>,
    sums: Replayed,
    cost: NanoUsd,
    blocks: Vec<Block>,
}

impl<'a> Running<'a> {
    fn new(change: Change<'a>) -> Self {
        let nothing = Interval {
            value: 0.0,
            low: 0.0,
            high: 0.0,
        };
        Self {
            change,
            sums: Replayed {
                threshold: change.threshold(),
                requests: 0,
                covered: 0,
                unexplained_rows: 0,
                was_cost: NanoUsd::ZERO,
                was_cost_covered: NanoUsd::ZERO,
                cost_covered: NanoUsd::ZERO,
                cost: nothing,
                difference: nothing,
                baseline: NanoUsd::ZERO,
                was: Figures::default(),
                now: Figures::default(),
            },
            cost: NanoUsd::ZERO,
            blocks: Vec::new(),
        }
    }

    fn add(&mut self, request: &Request, at: usize) {
        let fate = self.change.replay(request);
        if self.blocks.len() <= at {
            self.blocks.resize(at + 1, Block::default());
        }
        let mut unused = Block::default();
        let block = self.blocks.get_mut(at).unwrap_or(&mut unused);
        let (was, known) = (request.cost(), fate.cost());
        let cost = known.plus(fate.unknown.unwrap_or_default());
        let unexplained = request.rows.iter().filter(|row| !self.change.explains(row));
        self.sums.unexplained_rows += unexplained.count() as u64;
        self.sums.requests += 1;
        self.sums.was_cost = self.sums.was_cost.plus(was);
        self.sums.baseline = self
            .sums
            .baseline
            .plus(request.baseline.unwrap_or_default());
        self.cost = self.cost.plus(cost);
        block.cost += cost.get() as f64;
        if fate.unknown.is_some() {
            return;
        }
        self.sums.covered += 1;
        self.sums.was_cost_covered = self.sums.was_cost_covered.plus(was);
        self.sums.cost_covered = self.sums.cost_covered.plus(known);
        block.difference += known.minus(was).get() as f64;
        if let Some(score) = request.answer().and_then(|row| row.score) {
            block.was_score += score.get();
            block.was_scored += 1.0;
        }
        if let Some(score) = fate.answer.and_then(|row| row.score) {
            block.score += score.get();
            block.scored += 1.0;
        }
        self.sums.was.add(&as_it_was(request));
        self.sums.now.add(&fate);
    }

    fn finish(mut self, seed: u64) -> Replayed {
        let of = |figure: fn(&Block) -> f64| resampled(&self.blocks, seed, figure, |_| 1.0);
        let mean = |sum: fn(&Block) -> f64, count: fn(&Block) -> f64| {
            let has_any = self.blocks.iter().any(|block| count(block) > 0.0);
            has_any.then(|| resampled(&self.blocks, seed, sum, count))
        };
        let blocks = self.blocks.len() as f64;
        let total = |interval: Interval, value: NanoUsd| Interval {
            value: value.get() as f64,
            low: interval.low * blocks,
            high: interval.high * blocks,
        };
        let difference = self.sums.cost_covered.minus(self.sums.was_cost_covered);
        self.sums.cost = total(of(|block| block.cost), self.cost);
        self.sums.difference = total(of(|block| block.difference), difference);
        self.sums.was.score = mean(|block| block.was_score, |block| block.was_scored);
        self.sums.now.score = mean(|block| block.score, |block| block.scored);
        self.sums
    }
}

/// A quotient of sums over the blocks, with its interval.
fn resampled(
    blocks: &[Block],
    seed: u64,
    sum: impl Fn(&Block) -> f64,
    count: impl Fn(&Block) -> f64,
) -> Interval {
    let mut random = Random::new(seed);
    let quotient = |of: &mut dyn Iterator<Item = &Block>| {
        let add = |(sums, counts), block| (sums + sum(block), counts + count(block));
        let (sums, counts) = of.fold((0.0, 0.0), add);
        sums / counts
    };
    let value = quotient(&mut blocks.iter());
    let once = |_| {
        let drawn = (0..blocks.len()).filter_map(|_| blocks.get(random.below(blocks.len())));
        quotient(&mut drawn.into_iter())
    };
    let value = if value.is_finite() { value } else { 0.0 };
    Interval::of_resampled(value, (0..TIMES).map(once).collect())
}

/// The recorded course of a request, as a fate.
fn as_it_was(request: &Request) -> Fate<'_> {
    let answer = request.answer();
    Fate {
        made: request.attempts().map(|(_, row)| (row, row.cost)).collect(),
        answer,
        has_passed: answer.is_some_and(|row| row.ended == Ended::Accepted),
        unknown: None,
    }
}

impl Figures {
    fn add(&mut self, fate: &Fate<'_>) {
        self.passed.of += 1;
        self.passed.hits += u64::from(fate.has_passed);
        self.escalated.of += 1;
        let first = fate.made.first().map(|(row, _)| &row.tier);
        let went_up = |answer: &Row| first.is_some_and(|first| *first != answer.tier);
        self.escalated.hits += u64::from(fate.answer.is_some_and(went_up));
        for (row, cost) in &fate.made {
            let tier = self.tiers.entry(row.tier.clone()).or_default();
            tier.0 += 1;
            tier.1 = tier.1.plus(*cost);
        }
    }
}
