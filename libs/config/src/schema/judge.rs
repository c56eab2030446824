//! `judge`: which checks count how much, per action, and what the user adds to them.

mod own;
mod second;

pub use own::{ExternalJudge, Rule};
pub use second::{GreyZone, SecondOpinion};

use std::collections::BTreeMap;
use std::path::PathBuf;

use terrace_domain::ActionName;

use crate::decode::Section;
use crate::read::{self, number};
use crate::schema::{Routing, Tiers};

/// Which checks count how much.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judge {
    /// For actions without a profile of their own: `profiles.default`.
    pub default_profile: Weights,
    /// Per action; a weight it does not give is that of the default profile.
    pub profiles: BTreeMap<ActionName, Weights>,
    /// File of the learned head, as `terrace train --judge` writes. Default: the built-in one.
    pub head: Option<PathBuf>,
    /// Rules of the user's own. Default: none.
    pub rules: Vec<Rule>,
    /// Judges of the user's own. Default: none.
    pub external: Vec<ExternalJudge>,
    /// Scores of which a second opinion is asked.
    pub grey_zone: GreyZone,
    /// A model that answers the same question. Default: none.
    pub agreement: Option<SecondOpinion>,
    /// A model that reads the answer, where `routing.enable_self_critique` wants one.
    pub critique: Option<SecondOpinion>,
}

/// How much each check counts, 0 (not at all) to 10. Default: 1 each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Empty or cut off.
    pub empty: f64,
    /// Refuses the task.
    pub refusal: f64,
    /// Repeats itself.
    pub repetition: f64,
    /// Not in the format that was asked for.
    pub format: f64,
    /// Code that does not parse.
    pub syntax: f64,
    /// No number, or none of the options, where one was asked for.
    pub missing: f64,
    /// Equations that are wrong.
    pub arithmetic: f64,
    /// The learned chance that it is right, which caps the score; 0 switches it off.
    pub chance: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            empty: 1.0,
            refusal: 1.0,
            repetition: 1.0,
            format: 1.0,
            syntax: 1.0,
            missing: 1.0,
            arithmetic: 1.0,
            chance: 1.0,
        }
    }
}

impl Weights {
    const fn all(&self) -> [f64; 8] {
        [
            self.empty,
            self.refusal,
            self.repetition,
            self.format,
            self.syntax,
            self.missing,
            self.arithmetic,
            self.chance,
        ]
    }
}

impl Judge {
    /// The weights for an action; an empty or unknown one has the default profile.
    #[must_use]
    pub fn weights(&self, action: &str) -> Weights {
        let own = self
            .profiles
            .iter()
            .find(|(name, _)| name.as_str() == action);
        own.map_or(self.default_profile, |(_, weights)| *weights)
    }
}

impl Judge {
    pub(crate) fn read(section: &mut Section<'_, '_>, tiers: &Tiers, routing: &Routing) -> Self {
        let head = section.get("head", read::word).map(PathBuf::from);
        let rules = Rule::all(section);
        let external = ExternalJudge::all(section);
        let grey_zone = second::grey_zone(section);
        let agreement = second::agreement(section, tiers);
        let critique = second::critique(section, tiers, routing);
        section.section("profiles", |section| {
            let default_profile = section.section("default", |section| {
                read_weights(section, Weights::default())
            });
            let profiles = section.named("<action>", |name, section| {
                let weights = read_weights(section, default_profile);
                match ActionName::new(name) {
                    Ok(action) => Some((action, weights)),
                    Err(error) => {
                        section.problem_here(error.to_string());
                        None
                    }
                }
            });
            Self {
                default_profile,
                profiles: profiles.into_iter().flatten().collect(),
                head,
                rules,
                external,
                grey_zone,
                agreement,
                critique,
            }
        })
    }
}

fn read_weights(section: &mut Section<'_, '_>, default: Weights) -> Weights {
    let mut weight = |key, default| section.or(key, default, number(0.0..=10.0));
    let weights = Weights {
        empty: weight("empty", default.empty),
        refusal: weight("refusal", default.refusal),
        repetition: weight("repetition", default.repetition),
        format: weight("format", default.format),
        syntax: weight("syntax", default.syntax),
        missing: weight("missing", default.missing),
        arithmetic: weight("arithmetic", default.arithmetic),
        chance: weight("chance", default.chance),
    };
    if !weights.all().into_iter().any(|weight| weight > 0.0) {
        section.problem_here("has no weight above 0: nothing would ever be judged");
    }
    weights
}
