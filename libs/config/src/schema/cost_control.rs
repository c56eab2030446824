//! `cost_control`: what may be spent in a day, and what savings are measured against.

use terrace_domain::{ModelName, NanoUsd, Price, Score};

use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read;
use crate::schema::{Model, Tiers};
use crate::value::TimeZone;

/// What may be spent in a day, and what savings are measured against.
#[derive(Debug, Clone, PartialEq)]
pub struct CostControl {
    /// The most that is spent and reserved in one day, in US dollars. Default: no limit.
    pub daily_budget: Option<NanoUsd>,
    /// The share of the budget from which it is reported as nearly spent. Default: 0.8.
    pub alert_threshold: Score,
    /// The model that all tokens are compared with. Default: the enabled one with the dearest
    /// output; none when nothing has a price.
    pub baseline: Option<Baseline>,
    /// Where a day begins and ends. Default: UTC.
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
        Self {
            daily_budget: section.get("daily_budget", read::usd),
            alert_threshold: section.or("alert_threshold", Score::clamped(0.8), read::score),
            baseline: named.or_else(|| dearest(tiers)),
            time_zone: section.or("time_zone", TimeZone::UTC, |node| {
                let name = read::text(node)?;
                TimeZone::by_name(&name).ok_or_else(|| {
                    let (near, name) = (did_you_mean(&name, TimeZone::names()), shown(&name));
                    format!("has to be a time zone as `Europe/Berlin`, and is `{name}`{near}")
                })
            }),
        }
    }
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
