//! Ways to run a scenario, and what somebody says that they cost.

use terrace_domain::NanoUsd;

use super::{Tier, share, tier_named};
use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read;

/// A way to run a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// What it is called.
    pub name: String,
    /// The tiers that it has, lowest first, as indices; never none. Default: all. An action whose
    /// tier is not there begins at the next one above, else at the last.
    pub tiers: Vec<usize>,
    /// The machines that it rents. Default: none.
    pub gpu: Option<Gpu>,
    /// One rate of rejected answers for all its tiers. Default: what tiers and actions say.
    pub escalation: Option<f64>,
    /// Whether the break-even names it. Default: yes.
    pub in_break_even: bool,
}

/// Rented machines: as many as the iterations need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpu {
    /// What one costs, busy or not.
    pub rent: Rent,
    /// The iterations that one can do in a day. Default: any number.
    pub iterations_per_day: Option<u64>,
}

/// What a rented machine costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rent {
    /// For each hour.
    PerHour(NanoUsd),
    /// For each month of 30 days.
    PerMonth(NanoUsd),
}

/// What somebody says that a setup costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What it is called.
    pub name: String,
    /// Which setup is meant, as an index.
    pub setup: usize,
    /// What it is said to cost in 30 days.
    pub cost: NanoUsd,
    /// Which part of the baseline it is said to save. Default: nothing is said.
    pub saved: Option<f64>,
}

/// Reads all setups; without any there is one that has every tier.
pub(super) fn read(section: &mut Section<'_, '_>, tiers: &[Tier]) -> Vec<Setup> {
    let setups = section.named("<setup>", |name, section| {
        read_setup(name.to_owned(), section, tiers)
    });
    if setups.is_empty() {
        return vec![Setup {
            name: "all tiers".to_owned(),
            tiers: (0..tiers.len()).collect(),
            gpu: None,
            escalation: None,
            in_break_even: true,
        }];
    }
    setups
}

fn read_setup(name: String, section: &mut Section<'_, '_>, tiers: &[Tier]) -> Setup {
    let named = section.get("tiers", |node| {
        let named = read::list(node)?.iter();
        let mut named: Vec<usize> = named
            .map(|node| tier_named(tiers, node))
            .collect::<Result<_, _>>()?;
        if named.is_empty() {
            return Err("has no tier: give at least one".to_owned());
        }
        named.sort_unstable();
        named.dedup();
        Ok(named)
    });
    let gpu = section
        .has("gpu")
        .then(|| section.section("gpu", Gpu::read));
    Setup {
        name,
        tiers: named.unwrap_or_else(|| (0..tiers.len()).collect()),
        gpu: gpu.flatten(),
        escalation: section.get("escalation", share),
        in_break_even: section.or("break_even", true, read::boolean),
    }
}

impl Gpu {
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let per_hour = section.get("per_hour", read::usd).map(Rent::PerHour);
        let per_month = section.get("per_month", read::usd).map(Rent::PerMonth);
        let iterations_per_day = section.get("iterations_per_day", read::count(1..=100_000_000));
        if section.has("per_hour") == section.has("per_month") {
            section.problem_here("needs either `per_hour` or `per_month`");
        }
        Some(Self {
            rent: per_hour.or(per_month)?,
            iterations_per_day,
        })
    }
}

/// Reads all claims.
pub(super) fn read_claims(section: &mut Section<'_, '_>, setups: &[Setup]) -> Vec<Claim> {
    let claims = section.named("<claim>", |name, section| {
        let setup = section.required("setup", |node| {
            let name = read::text(node)?;
            let found = setups.iter().position(|setup| setup.name == name);
            found.ok_or_else(|| {
                let near = did_you_mean(&name, setups.iter().map(|setup| setup.name.as_str()));
                format!("no setup is called `{}`{near}", shown(&name))
            })
        });
        let cost = section.required("cost", read::usd);
        let saved = section.get("saved", read::number(-10.0..=1.0));
        Some(Claim {
            name: name.to_owned(),
            setup: setup?,
            cost: cost?,
            saved,
        })
    });
    claims.into_iter().flatten().collect()
}
