//! Sums of a group: counts and amounts that can be added up, and what follows from them.

use std::time::Duration;

use terrace_domain::{NanoUsd, Usage};

use super::facts::{LatencyFact, RequestFact, StepFact};
use super::latency::Histogram;
use crate::outcome::RequestOutcome;

/// Where savings come from and go to, each with its sign. Their sum is the savings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Baseline of the answers less what the calls that gave them cost.
    pub(crate) tokens: NanoUsd,
    pub(crate) judge: NanoUsd,
    pub(crate) consensus: NanoUsd,
    pub(crate) rejected: NanoUsd,
    /// Baseline of answers for which nothing was called.
    pub(crate) cache: NanoUsd,
    pub(crate) gpu_hours: NanoUsd,
    /// Calls that answered nobody.
    pub(crate) shadow: NanoUsd,
}

impl Parts {
    /// The savings.
    pub(crate) fn sum(&self) -> NanoUsd {
        let parts = [
            self.tokens,
            self.judge,
            self.consensus,
            self.rejected,
            self.cache,
            self.gpu_hours,
            self.shadow,
        ];
        parts.into_iter().sum()
    }
}

/// The sums of a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) passed: u64,
    pub(crate) escalated: u64,
    pub(crate) attempts: u64,
    pub(crate) accepted: u64,
    pub(crate) shadows: u64,
    pub(crate) usage: Usage,
    pub(crate) cost: NanoUsd,
    pub(crate) unanswered_cost: NanoUsd,
    pub(crate) presumed_cost: NanoUsd,
    pub(crate) baseline: NanoUsd,
    pub(crate) baseline_requests: u64,
    pub(crate) parts: Parts,
    pub(crate) scored: u64,
    score_millionths: u64,
    latencies: Histogram,
}

impl Sums {
    pub(super) fn add_steps(&mut self, fact: &StepFact) {
        self.attempts += fact.attempts;
        self.accepted += fact.accepted;
        self.shadows += fact.shadows;
        self.usage = added(self.usage, fact.usage);
        self.cost = self.cost.plus(fact.cost());
        let unanswered = fact.rejected_cost.minus(fact.presumed_cost);
        self.unanswered_cost = self.unanswered_cost.plus(unanswered);
        self.presumed_cost = self.presumed_cost.plus(fact.presumed_cost);
        let parts = &mut self.parts;
        parts.tokens = parts.tokens.minus(fact.answer_cost);
        parts.judge = parts.judge.minus(fact.judge_cost);
        parts.consensus = parts.consensus.minus(fact.consensus_cost);
        parts.rejected = parts.rejected.minus(fact.rejected_cost);
        parts.shadow = parts.shadow.minus(fact.shadow_cost);
    }

    pub(super) fn add_requests(&mut self, fact: &RequestFact) {
        self.requests += fact.requests;
        if !fact.outcome.is_answered() {
            return;
        }
        self.answered += fact.requests;
        if fact.outcome == RequestOutcome::Passed {
            self.passed += fact.requests;
        }
        self.escalated += fact.escalated;
        self.baseline = self.baseline.plus(fact.baseline);
        self.baseline_requests += fact.with_baseline;
        self.scored += fact.scored;
        self.score_millionths += fact.score_millionths;
        let called = fact.baseline.minus(fact.cached_baseline);
        self.parts.tokens = self.parts.tokens.plus(called);
        self.parts.cache = self.parts.cache.plus(fact.cached_baseline);
    }

    pub(super) fn add_latencies(&mut self, fact: &LatencyFact) {
        self.latencies.count(fact.bin, fact.requests);
    }

    /// Bears so much of the hours of GPUs.
    pub(super) fn add_gpu_hours(&mut self, cost: NanoUsd) {
        self.parts.gpu_hours = self.parts.gpu_hours.minus(cost);
    }

    /// Mean score of the answers that were judged.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a score is no money: fifteen digits are enough"
    )]
    pub(crate) fn mean_score(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.score_millionths as f64 / self.scored as f64 / 1e6)
    }

    /// Median, nine of ten and ninety-nine of a hundred latencies of answered requests.
    pub(crate) fn latency(&self) -> Option<[Duration; 3]> {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| self.latencies.quantile(percent));
        Some([p50?, p90?, p99?])
    }
}

fn added(one: Usage, other: Usage) -> Usage {
    Usage {
        input_tokens: one.input_tokens + other.input_tokens,
        output_tokens: one.output_tokens + other.output_tokens,
        cached_input_tokens: one.cached_input_tokens + other.cached_input_tokens,
        cache_write_tokens: one.cache_write_tokens + other.cache_write_tokens,
        reasoning_tokens: one.reasoning_tokens + other.reasoning_tokens,
        estimated: one.estimated || other.estimated,
    }
}
