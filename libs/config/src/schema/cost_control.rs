//! `cost_control`: what may be spent by whom, and what savings are measured against.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use terrace_domain::{BackendName, BudgetName, ModelName, NanoUsd, Price, Score};

use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read;
use crate::schema::{AlertWebhook, Model, Tiers};
use crate::tree::Node;
use crate::value::TimeZone;

/// What may be spent by whom, and what savings are measured against.
#[derive(Debug, Clone)]
pub struct CostControl {
    /// The most that is spent and reserved in one day, in US dollars. Default: no limit.
    pub daily_budget: Option<NanoUsd>,
    /// The share of the budget from which it is reported as nearly spent. Default: 0.8.
    pub alert_threshold: Score,
    /// Every budget, that of `daily_budget` first. Default: that one alone.
    pub budgets: Vec<Budget>,
    /// Where alerts are sent to. Default: nowhere.
    pub alert_webhook: AlertWebhook,
    /// The model that all tokens are compared with. Default: the enabled one with the dearest
    /// output; none when nothing has a price.
    pub baseline: Option<Baseline>,
    /// Where a day begins and ends. Default: UTC.
    pub time_zone: TimeZone,
    /// What a backend on a rented GPU costs for each hour, busy or not, in US dollars; savings are
    /// less by it. Default: nothing.
    pub gpu_cost_per_hour: BTreeMap<BackendName, NanoUsd>,
}

/// A hard cap on what one payer spends and reserves in every period.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Whose it is and how long it lasts, as `project/search/monthly`.
    pub name: BudgetName,
    /// The most that is spent and reserved in one period.
    pub cap: NanoUsd,
    /// The share of the cap from which it is reported as nearly spent. Default: as for all.
    pub alert_threshold: Score,
    /// Where its days and months begin. Default: as for all.
    pub time_zone: TimeZone,
}

/// The model savings are measured against.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Its name.
    pub model: ModelName,
    /// Its price.
    pub price: Price,
}

impl CostControl {
    pub(crate) fn read(section: &mut Section<'_, '_>, tiers: &Tiers) -> Self {
        let named = section.get("baseline_model", |node| {
            named_baseline(tiers, &read::name(node)?)
        });
        let daily_budget = section.get("daily_budget", read::usd);
        let alert_threshold = section.or("alert_threshold", Score::clamped(0.8), read::score);
        let time_zone = section.or("time_zone", TimeZone::UTC, time_zone);
        let daily = daily_budget.map(|cap| Budget {
            name: BudgetName::INSTALLATION_DAILY,
            cap,
            alert_threshold,
            time_zone,
        });
        let alert_webhook = section.section("alert_webhook", AlertWebhook::read);
        let others = section.section("budgets", |section| {
            section.named("<budget>", |name, section| {
                let budget = Budget::read(name, section, (alert_threshold, time_zone))?;
                if daily.is_some() && budget.name == BudgetName::INSTALLATION_DAILY {
                    section.problem_here("is what `cost_control.daily_budget` sets: give one");
                }
                Some(budget)
            })
        });
        Self {
            daily_budget,
            alert_threshold,
            budgets: daily
                .into_iter()
                .chain(others.into_iter().flatten())
                .collect(),
            alert_webhook,
            baseline: named.or_else(|| dearest(tiers)),
            time_zone,
            gpu_cost_per_hour: section.section("gpu_cost_per_hour", |section| {
                let costs = section.pairs("<backend>", |name, node| {
                    Ok((gpu_backend(tiers, name)?, read::usd(node)?))
                });
                costs.into_iter().collect()
            }),
        }
    }
}

impl Budget {
    fn read(
        name: &str,
        section: &mut Section<'_, '_>,
        (alert_threshold, time): (Score, TimeZone),
    ) -> Option<Self> {
        let cap = section.required("cap", read::usd);
        let alert_threshold = section.or("alert_threshold", alert_threshold, read::score);
        let time_zone = section.or("time_zone", time, time_zone);
        match BudgetName::from_str(name) {
            Ok(name) => Some(Self {
                name,
                cap: cap?,
                alert_threshold,
                time_zone,
            }),
            Err(error) => {
                section.problem_here(error.to_string());
                None
            }
        }
    }
}

/// The backend called `name`, which some model has to run on: hours of another would be forgotten.
fn gpu_backend(tiers: &Tiers, name: &str) -> Result<BackendName, String> {
    let models = || tiers.iter().flat_map(|tier| &tier.models);
    let found = models().find(|model| model.backend.as_str() == name);
    found.map(|model| model.backend.clone()).ok_or_else(|| {
        let near = did_you_mean(name, models().map(|model| model.backend.as_str()));
        format!("no model runs on a backend called `{}`{near}", shown(name))
    })
}

fn time_zone(node: &Node) -> Result<TimeZone, String> {
    let name = read::text(node)?;
    TimeZone::by_name(&name).ok_or_else(|| {
        let (near, name) = (did_you_mean(&name, TimeZone::names()), shown(&name));
        format!("has to be a time zone as `Europe/Berlin`, and is `{name}`{near}")
    })
}

impl Baseline {
    fn of(model: &Model) -> Self {
        Self {
            model: model.name.clone(),
            price: model.price,
        }
    }
}

/// The model called `name` that has a price; it may be disabled.
fn named_baseline(tiers: &Tiers, name: &ModelName) -> Result<Baseline, String> {
    let models = || tiers.iter().flat_map(|tier| &tier.models);
    let mut found = models().filter(|model| &model.name == name).peekable();
    if found.peek().is_none() {
        let near = did_you_mean(name.as_str(), models().map(|model| model.name.as_str()));
        let name = shown(name.as_str());
        return Err(format!("no tier has a model called `{name}`{near}"));
    }
    let priced = found.find(|model| !model.price.is_free()).map(Baseline::of);
    priced.ok_or_else(|| "costs nothing: savings against it mean nothing".to_owned())
}

/// The enabled model whose output costs most, then whose input does; the first of equals.
fn dearest(tiers: &Tiers) -> Option<Baseline> {
    let models = tiers.iter().flat_map(|tier| &tier.models);
    let priced = models.filter(|model| model.enabled && !model.price.is_free());
    let first_of_equals = priced.rev();
    first_of_equals
        .max_by_key(|model| (model.price.output, model.price.input))
        .map(Baseline::of)
}
