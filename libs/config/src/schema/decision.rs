//! `routing.decision`: what quality is worth, and what is wanted of all requests together.

use terrace_domain::{NanoUsd, Score};

use crate::decode::Section;
use crate::read::{boolean, number, score, usd};

/// How it is decided in which tier a request starts, and whether the judge looks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Decision {
    /// Quality that a dollar is worth. With neither weight, and no target, the difficulty decides.
    pub cost_weight: Option<f64>,
    /// Quality that a second is worth.
    pub latency_weight: Option<f64>,
    /// Whether the judge is left out where that is worth more. Default: no.
    pub skip_judge: bool,
    /// What is wanted of all requests together. Default: nothing.
    pub target: Option<Goal>,
}

/// What is wanted of all requests together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The highest tier is called for this share of them.
    ApiShare(Score),
    /// Their mean quality.
    Quality(Score),
    /// What one of them may cost on average.
    UsdPerRequest(NanoUsd),
}

const ONE_TARGET: &str = "has several targets, and only one can be met: keep `api_share`, `quality` or `usd_per_request`";

impl Decision {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            cost_weight: section.get("cost_weight", number(0.0..=1e9)),
            latency_weight: section.get("latency_weight", number(0.0..=1e3)),
            skip_judge: section.or("skip_judge", false, boolean),
            target: section.section("target", read_target),
        }
    }
}

fn read_target(section: &mut Section<'_, '_>) -> Option<Goal> {
    let targets = [
        section.get("api_share", score).map(Goal::ApiShare),
        section.get("quality", score).map(Goal::Quality),
        section.get("usd_per_request", usd).map(Goal::UsdPerRequest),
    ];
    let mut given = targets.into_iter().flatten();
    let target = given.next();
    if given.next().is_some() {
        section.problem_here(ONE_TARGET);
    }
    target
}
