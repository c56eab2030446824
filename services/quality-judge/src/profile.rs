//! How much each check counts, per action.

use std::collections::BTreeMap;

use terrace_config::Weights;

use crate::check::Kind;

/// The weights of all actions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profiles {
    default: Profile,
    by_action: BTreeMap<String, Profile>,
}

/// How much each check counts; 0 switches it off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Profile(Weights);

impl Profiles {
    /// Takes the weights of the `judge` section.
    #[must_use]
    pub fn from_config(judge: &terrace_config::Judge) -> Self {
        let by_action = judge
            .profiles
            .iter()
            .map(|(action, weights)| (action.to_string(), Profile(*weights)));
        Self {
            default: Profile(judge.default_profile),
            by_action: by_action.collect(),
        }
    }

    /// The profile of an action; an empty or unknown one has the default.
    #[must_use]
    pub fn of(&self, action: &str) -> Profile {
        self.by_action.get(action).copied().unwrap_or(self.default)
    }
}

impl Profile {
    /// Makes a profile of these weights.
    #[must_use]
    pub const fn new(weights: Weights) -> Self {
        Self(weights)
    }

    /// How much a check counts.
    #[must_use]
    pub const fn weight(self, kind: Kind) -> f64 {
        match kind {
            Kind::Empty => self.0.empty,
            Kind::Refusal => self.0.refusal,
            Kind::Repetition => self.0.repetition,
            Kind::Format => self.0.format,
            Kind::Syntax => self.0.syntax,
            Kind::Missing => self.0.missing,
            Kind::Arithmetic => self.0.arithmetic,
            Kind::Chance => self.0.chance,
            // Those have weights of their own.
            Kind::Rule | Kind::Agreement | Kind::Critique | Kind::External => 1.0,
        }
    }
}
