//! What the store counts and adds up: as few rows as the question has groups.

use std::collections::BTreeMap;

use terrace_domain::{NanoUsd, Usage};

use crate::outcome::RequestOutcome;

/// What can be grouped by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    Tier,
    Backend,
    Model,
    Action,
    Project,
    Key,
    Tag(String),
}

/// What the parts of a group have in common; empty where nobody asked, or where there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Keys {
    /// Which bucket, counted from 0.
    pub(crate) bucket: usize,
    /// Always told.
    pub(crate) tier: String,
    pub(crate) backend: String,
    pub(crate) model: String,
    pub(crate) action: String,
    pub(crate) project: String,
    pub(crate) key: String,
    pub(crate) tag: String,
}

impl Keys {
    /// What a dimension is.
    pub(crate) fn value(&self, by: &By) -> &str {
        match by {
            By::Tier => &self.tier,
            By::Backend => &self.backend,
            By::Model => &self.model,
            By::Action => &self.action,
            By::Project => &self.project,
            By::Key => &self.key,
            By::Tag(_) => &self.tag,
        }
    }

    /// What all dimensions are, in their order.
    pub(crate) fn values(&self, by: &[By]) -> Vec<String> {
        by.iter().map(|by| self.value(by).to_owned()).collect()
    }
}

/// Steps of a group. The five parts of the cost are all of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepFact {
    pub(crate) keys: Keys,
    pub(crate) attempts: u64,
    pub(crate) accepted: u64,
    pub(crate) usage: Usage,
    /// Of steps that gave the answer.
    pub(crate) answer_cost: NanoUsd,
    pub(crate) judge_cost: NanoUsd,
    /// Of what was accepted beside the answer.
    pub(crate) consensus_cost: NanoUsd,
    /// Of attempts that did not become the answer, presumed ones too.
    pub(crate) rejected_cost: NanoUsd,
    /// Of `rejected_cost`, what was presumed.
    pub(crate) presumed_cost: NanoUsd,
    /// Calls that answered nobody, made to learn from.
    pub(crate) shadows: u64,
    /// What they cost, and whom the judge asked about them.
    pub(crate) shadow_cost: NanoUsd,
    /// How long they ran, in microseconds.
    pub(crate) busy_us: u64,
}

impl StepFact {
    /// All that they cost.
    pub(crate) fn cost(&self) -> NanoUsd {
        let parts = [
            self.answer_cost,
            self.judge_cost,
            self.consensus_cost,
            self.rejected_cost,
            self.shadow_cost,
        ];
        parts.into_iter().sum()
    }
}

/// Requests of a group that ended in one way.
#[derive(Debug, Clone)]
pub(crate) struct RequestFact {
    pub(crate) keys: Keys,
    pub(crate) outcome: RequestOutcome,
    pub(crate) requests: u64,
    pub(crate) escalated: u64,
    /// Those whose baseline is known, and what it is.
    pub(crate) with_baseline: u64,
    pub(crate) baseline: NanoUsd,
    /// Of it, for answers for which nothing was called.
    pub(crate) cached_baseline: NanoUsd,
    /// Those whose answer was judged, and the sum of the scores in millionths.
    pub(crate) scored: u64,
    pub(crate) score_millionths: u64,
}

/// Answered requests of a group whose latency lies in one bin.
#[derive(Debug, Clone)]
pub(crate) struct LatencyFact {
    pub(crate) keys: Keys,
    pub(crate) bin: i16,
    pub(crate) requests: u64,
}

/// All that a question needs.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) steps: Vec<StepFact>,
    pub(crate) requests: Vec<RequestFact>,
    pub(crate) latencies: Vec<LatencyFact>,
}

/// How long the calls on each backend ran in each bucket, in microseconds.
pub(crate) type Busy = BTreeMap<(usize, String), u64>;
