//! From facts to the sums of groups, of tiers and of the whole: each fact is added once to each.

use std::collections::BTreeMap;

use terrace_domain::NanoUsd;
use time::OffsetDateTime;

use super::Buckets;
use super::facts::{Busy, By, Facts, Keys, StepFact};
use super::gpu::{self, Hours};
use super::sums::Sums;
use crate::outcome::RequestOutcome;

/// Requests that ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) outcome: RequestOutcome,
    pub(crate) requests: u64,
}

/// What one tier did.
#[derive(Debug, Clone)]
pub(crate) struct TierSums {
    pub(crate) tier: String,
    pub(crate) sums: Sums,
}

/// The part of a summary that belongs together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Beginning and end of its bucket, if there are buckets.
    pub(crate) bucket: Option<(OffsetDateTime, OffsetDateTime)>,
    /// What the dimensions are.
    pub(crate) values: Vec<String>,
    pub(crate) sums: Sums,
}

/// Facts, folded.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) total: Sums,
    tiers: BTreeMap<String, Sums>,
    outcomes: BTreeMap<RequestOutcome, u64>,
    groups: BTreeMap<(usize, Vec<String>), Sums>,
    by: Vec<By>,
    has_buckets: bool,
}

/// Folds all facts.
pub(super) fn fold(facts: &Facts, by: &[By], has_buckets: bool) -> Folded {
    let mut folded = Folded {
        total: Sums::default(),
        tiers: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        groups: BTreeMap::new(),
        by: by.to_vec(),
        has_buckets,
    };
    for fact in &facts.steps {
        folded.each(&fact.keys, |sums| sums.add_steps(fact));
    }
    for fact in &facts.requests {
        folded.each(&fact.keys, |sums| sums.add_requests(fact));
        *folded.outcomes.entry(fact.outcome).or_default() += fact.requests;
    }
    for fact in &facts.latencies {
        folded.each(&fact.keys, |sums| sums.add_latencies(fact));
    }
    folded
}

impl Folded {
    /// Adds to everything that a fact with these keys belongs to.
    fn each(&mut self, keys: &Keys, mut add: impl FnMut(&mut Sums)) {
        add(&mut self.total);
        add(self.tiers.entry(keys.tier.clone()).or_default());
        if self.is_grouped() {
            let group = (keys.bucket, keys.values(&self.by));
            add(self.groups.entry(group).or_default());
        }
    }

    const fn is_grouped(&self) -> bool {
        self.has_buckets || !self.by.is_empty()
    }

    /// Shares the hours of GPUs out over the groups. `of_all` is the time that everybody's calls
    /// ran, when the steps are those of some alone.
    pub(super) fn share_out(&mut self, hours: &Hours, steps: &[StepFact], of_all: Option<&Busy>) {
        for ((bucket, backend), cost) in hours {
            let ran: Vec<&StepFact> = steps
                .iter()
                .filter(|fact| fact.keys.bucket == *bucket && fact.keys.backend == *backend)
                .collect();
            let mut weights: Vec<u64> = ran.iter().map(|fact| fact.busy_us).collect();
            let own: u64 = weights.iter().sum();
            let all = of_all.map_or(own, |busy| {
                let key = (*bucket, backend.clone());
                busy.get(&key).copied().unwrap_or(0)
            });
            if all == 0 {
                // It ran for nobody, and so for none of those alone.
                if of_all.is_none() {
                    self.idle(*bucket, backend, *cost);
                }
                continue;
            }
            weights.push(all.saturating_sub(own));
            for (fact, share) in ran.iter().zip(gpu::shares(*cost, &weights)) {
                self.each(&fact.keys, |sums| sums.add_gpu_hours(share));
            }
        }
    }

    fn idle(&mut self, bucket: usize, backend: &str, cost: NanoUsd) {
        let keys = Keys {
            bucket,
            backend: backend.to_owned(),
            ..Keys::default()
        };
        self.each(&keys, |sums| sums.add_gpu_hours(cost));
    }

    pub(super) fn outcomes(&self) -> Vec<Outcomes> {
        let outcomes = self.outcomes.iter();
        outcomes
            .map(|(&outcome, &requests)| Outcomes { outcome, requests })
            .collect()
    }

    /// What each tier did; requests that nobody answered are in none.
    pub(super) fn tiers(&self) -> Vec<TierSums> {
        let named = self.tiers.iter().filter(|(tier, _)| !tier.is_empty());
        let tier = |(tier, sums): (&String, &Sums)| TierSums {
            tier: tier.clone(),
            sums: sums.clone(),
        };
        named.map(tier).collect()
    }

    pub(super) fn groups(&self, buckets: &Buckets) -> Vec<Group> {
        let group = |((bucket, values), sums): (&(usize, Vec<String>), &Sums)| Group {
            bucket: self.has_buckets.then(|| buckets.span(*bucket)),
            values: values.clone(),
            sums: sums.clone(),
        };
        self.groups.iter().map(group).collect()
    }
}

#[cfg(test)]
mod tests;
