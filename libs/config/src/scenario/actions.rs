//! What the iterations are: each action with its share, its first tier and how often it goes up.

use terrace_domain::ActionName;

use super::tokens::General;
use super::{Tier, Tokens, find_tier, share, tier_named};
use crate::decode::Section;

/// How far the shares may be from 1 together: as far as written decimals are.
const ROUNDING: f64 = 1e-6;

/// One kind of iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Its name.
    pub name: ActionName,
    /// The part of all iterations that it is.
    pub share: f64,
    /// The tier that is called first, as an index. Default: the lowest.
    pub tier: usize,
    /// Input tokens of each call. Default: as for all.
    pub input: Tokens,
    /// Output tokens of each call. Default: as for all.
    pub output: Tokens,
    /// For each tier the share of its answers that are rejected. Default: as the tier says.
    pub escalation: Vec<f64>,
}

/// Reads all actions.
pub(super) fn read(section: &mut Section<'_, '_>, tiers: &[Tier], general: General) -> Vec<Action> {
    let mut is_whole = true;
    let actions = section.named("<action>", |name, section| {
        let action = read_action(name, section, tiers, general);
        is_whole &= action.is_some();
        action
    });
    let actions: Vec<Action> = actions.into_iter().flatten().collect();
    let all: f64 = actions.iter().map(|action| action.share).sum();
    if is_whole && !actions.is_empty() && (all - 1.0).abs() > ROUNDING {
        let all = (all / ROUNDING).round() / (1.0 / ROUNDING);
        section.problem_here(format!("have shares that add up to {all}, and not to 1"));
    }
    if actions.is_empty() && is_whole {
        section.problem_here("has no action: give at least one");
    }
    actions
}

fn read_action(
    name: &str,
    section: &mut Section<'_, '_>,
    tiers: &[Tier],
    general: General,
) -> Option<Action> {
    let part = section.required("share", share);
    let tier = section.or("tier", 0, |node| tier_named(tiers, node));
    let (input, output) = section.section("tokens", |section| general.of(section));
    let escalation = read_rates(section, tiers);
    let name = ActionName::new(name).map_err(|error| section.problem_here(error.to_string()));
    Some(Action {
        name: name.ok()?,
        share: part?,
        tier,
        input,
        output,
        escalation,
    })
}

/// The rate at every tier: one for all of them, or a map of tiers.
fn read_rates(section: &mut Section<'_, '_>, tiers: &[Tier]) -> Vec<f64> {
    let mut rates: Vec<f64> = tiers.iter().map(|tier| tier.escalation).collect();
    if section.is_scalar("escalation") {
        if let Some(rate) = section.get("escalation", share) {
            rates.fill(rate);
        }
        return rates;
    }
    let given = section.section("escalation", |section| {
        section.pairs("<tier>", |name, node| {
            Ok((find_tier(tiers, name)?, share(node)?))
        })
    });
    for (tier, rate) in given {
        if let Some(place) = rates.get_mut(tier) {
            *place = rate;
        }
    }
    rates
}
