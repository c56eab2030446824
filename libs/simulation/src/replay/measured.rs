//! How often answers were rejected, measured on the real ledger, for a scenario's rates.

use std::collections::BTreeMap;

use terrace_config::scenario::Scenario;
use terrace_domain::{ActionName, TierName};

use super::request::{Ended, Request};
use crate::interval::Share;

/// Fewer judged answers than this say too little.
const FEWEST: u64 = 30;

/// Verdicts of a ledger, counted.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    requests: u64,
    by_action: BTreeMap<(ActionName, TierName), Share>,
    by_tier: BTreeMap<TierName, Share>,
}

/// A rate that was put into a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// The action; none when the rate is that of all actions in the tier.
    pub action: Option<ActionName>,
    /// The tier.
    pub tier: TierName,
    /// Answers that were judged, and those that were rejected.
    pub rejected: Share,
}

impl Measured {
    /// Counts the verdicts of a request. Answers of models that were asked side by side were
    /// weighed against each other, and say nothing here.
    pub fn add(&mut self, request: &Request) {
        self.requests += 1;
        if request.is_side_by_side() {
            return;
        }
        for (_, row) in request.attempts() {
            if row.ended == Ended::Otherwise || row.score.is_none() {
                continue;
            }
            let rejected = u64::from(row.ended == Ended::Rejected);
            let count = |share: &mut Share| {
                share.of += 1;
                share.hits += rejected;
            };
            count(self.by_tier.entry(row.tier.clone()).or_default());
            if let Some(action) = &request.action {
                let key = (action.clone(), row.tier.clone());
                count(self.by_action.entry(key).or_default());
            }
        }
    }

    /// Requests that were looked at.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Rates that 30 judged answers or more speak for: by action where there are so many, and by
    /// tier.
    #[must_use]
    pub fn rates(&self) -> Vec<Rate> {
        let enough = |share: &Share| share.of >= FEWEST;
        let tiers = self.by_tier.iter().map(|(tier, share)| Rate {
            action: None,
            tier: tier.clone(),
            rejected: *share,
        });
        let actions = self.by_action.iter().map(|((action, tier), share)| Rate {
            action: Some(action.clone()),
            tier: tier.clone(),
            rejected: *share,
        });
        let all = tiers.chain(actions);
        all.filter(|rate| enough(&rate.rejected)).collect()
    }

    /// Puts the measured rates in place of the scenario's: that of the action, else that of the
    /// tier. `end` chooses the rate or an end of its interval.
    #[must_use]
    pub fn applied(&self, scenario: &Scenario, end: fn(&crate::Interval) -> f64) -> Scenario {
        let mut scenario = scenario.clone();
        let rates = self.rates();
        for action in &mut scenario.actions {
            for (tier, place) in scenario.tiers.iter().zip(&mut action.escalation) {
                let of = |wanted: Option<&ActionName>| {
                    let same =
                        |rate: &&Rate| rate.tier == tier.name && rate.action.as_ref() == wanted;
                    rates.iter().find(same)
                };
                let rate = of(Some(&action.name)).or_else(|| of(None));
                let interval = rate.and_then(|rate| rate.rejected.interval());
                *place = interval.map_or(*place, |interval| end(&interval));
            }
        }
        scenario
    }
}
