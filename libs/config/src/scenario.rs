//! A scenario for `terrace simulate`: traffic, tiers, and the ways to run them that are compared.
//!
//! It is a file of its own, read as a config is: every problem at once, with its line. Nothing of
//! the environment lies over it. `docs/SIMULATION.md` has every key; this crate computes nothing.

mod actions;
mod setups;
mod tokens;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use terrace_domain::{NanoUsd, Price, TierName};

pub use actions::Action;
pub use setups::{Claim, Gpu, Rent, Setup};
pub use tokens::Tokens;

use crate::decode::{self, Reading, Section};
use crate::problem::{Place, Problems, did_you_mean, shown};
use crate::read;
use crate::tree::Node;
use crate::yaml::{self, Origin};

/// Traffic, tiers, and the ways to run them that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it is called: the file's name without its ending.
    pub name: String,
    /// Iterations a day: requests that a caller makes.
    pub iterations_per_day: u64,
    /// Whether every day has as many. Default: yes.
    pub arrivals: Arrivals,
    /// The tiers, lowest first, as the file has them. At least one.
    pub tiers: Vec<Tier>,
    /// Which tier all is compared with, as an index. Default: the last.
    pub baseline: usize,
    /// What judging one answer costs; answers of a setup's last tier are not judged. Default: 0.
    pub judge_cost: NanoUsd,
    /// What the iterations are; their shares add up to 1. At least one.
    pub actions: Vec<Action>,
    /// Ways to run it. Default: one with every tier.
    pub setups: Vec<Setup>,
    /// What somebody says that a setup costs. Default: none.
    pub claims: Vec<Claim>,
}

/// How many iterations a day has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Every day the same.
    Fixed,
    /// At random, each by itself, so that their number is Poisson's.
    Poisson,
}

/// One tier of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Its name.
    pub name: TierName,
    /// What its calls cost. Default: nothing.
    pub price: Price,
    /// The share of its answers that are rejected and go one tier up. Default: 0.
    pub escalation: f64,
}

/// Reads the scenario at `path`.
///
/// # Errors
/// Every [`Problem`](crate::Problem) of the file at once.
pub fn load(path: &Path) -> Result<Scenario, Problems> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let place = Place::File(Arc::from(file.as_str()));
        Problems::one(place, format!("cannot be read: {error}"))
    })?;
    let name = path.file_stem().unwrap_or(path.as_os_str());
    parse(&text, &file, &name.to_string_lossy())
}

/// Reads the text of a scenario called `name`; `file` is what problems call its place.
///
/// # Errors
/// Every [`Problem`](crate::Problem) of the text at once.
pub fn parse(text: &str, file: &str, name: &str) -> Result<Scenario, Problems> {
    let root = yaml::read(text, &Origin::File(Arc::from(file)))?;
    let mut reading = Reading::default();
    let scenario = decode::root(&root, &mut reading, |section| {
        Scenario::read(section, name.to_owned())
    });
    reading.finish()?;
    Ok(scenario)
}

impl Scenario {
    fn read(section: &mut Section<'_, '_>, name: String) -> Self {
        section.require("tiers");
        let tiers = section.section("tiers", read_tiers);
        let baseline = section.get("baseline", |node| tier_named(&tiers, node));
        let general = section.section("tokens", tokens::General::read);
        let iterations = section.required("iterations_per_day", read::count(1..=100_000_000));
        section.require("actions");
        let actions = section.section("actions", |section| actions::read(section, &tiers, general));
        let setups = section.section("setups", |section| setups::read(section, &tiers));
        let claims = section.section("claims", |section| setups::read_claims(section, &setups));
        Self {
            name,
            iterations_per_day: iterations.unwrap_or(1),
            arrivals: section.or(
                "arrivals",
                Arrivals::Fixed,
                read::choice(&[("fixed", Arrivals::Fixed), ("poisson", Arrivals::Poisson)]),
            ),
            baseline: baseline.unwrap_or_else(|| tiers.len().saturating_sub(1)),
            judge_cost: section.or("judge_cost", NanoUsd::ZERO, read::usd),
            tiers,
            actions,
            setups,
            claims,
        }
    }
}

fn read_tiers(section: &mut Section<'_, '_>) -> Vec<Tier> {
    let tiers = section.named("<tier>", |name, section| {
        let price = section.section("price", read_price);
        let escalation = section.or("escalation", 0.0, share);
        match TierName::new(name) {
            Ok(name) => Some(Tier {
                name,
                price,
                escalation,
            }),
            Err(error) => {
                section.problem_here(error.to_string());
                None
            }
        }
    });
    tiers.into_iter().flatten().collect()
}

fn read_price(section: &mut Section<'_, '_>) -> Price {
    let mut part = |key| section.or(key, NanoUsd::ZERO, read::usd);
    let price = Price::per_million(part("input"), part("output"));
    Price {
        per_request: part("per_request"),
        ..price
    }
}

/// A part of a whole.
fn share(node: &Node) -> Result<f64, String> {
    read::number(0.0..=1.0)(node)
}

/// Which of the tiers a value names.
fn tier_named(tiers: &[Tier], node: &Node) -> Result<usize, String> {
    let name = read::text(node)?;
    find_tier(tiers, &name)
}

fn find_tier(tiers: &[Tier], name: &str) -> Result<usize, String> {
    let found = tiers.iter().position(|tier| tier.name.as_str() == name);
    found.ok_or_else(|| {
        let near = did_you_mean(name, tiers.iter().map(|tier| tier.name.as_str()));
        format!("no tier is called `{}`{near}", shown(name))
    })
}

#[cfg(test)]
mod tests;
