//! What becomes of a request whose tier has no gateway running.

use std::time::Duration;

use crate::decode::Section;
use crate::read::{choice, duration};

/// What becomes of a request whose tier has no gateway running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtZero {
    /// What is done. Default: `next_tier`.
    pub policy: OnTierAtZero,
    /// How long `wait` waits, within the time that the attempt has. Default: 60 s.
    pub wait: Duration,
}

/// What is done where the gateway of a candidate has no replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnTierAtZero {
    /// The request waits for a first replica, and then goes on to the next candidate.
    Wait,
    /// The request goes on to the next candidate at once.
    #[default]
    NextTier,
    /// The request fails.
    Fail,
}

const ON_TIER_AT_ZERO: &[(&str, OnTierAtZero)] = &[
    ("wait", OnTierAtZero::Wait),
    ("next_tier", OnTierAtZero::NextTier),
    ("fail", OnTierAtZero::Fail),
];

impl Default for AtZero {
    fn default() -> Self {
        Self {
            policy: OnTierAtZero::default(),
            wait: Duration::from_mins(1),
        }
    }
}

impl AtZero {
    /// Reads its keys of the section `routing`.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let time = duration(Duration::ZERO..=Duration::from_hours(1));
        Self {
            policy: section.or("on_tier_at_zero", own.policy, choice(ON_TIER_AT_ZERO)),
            wait: section.or("tier_wait", own.wait, time),
        }
    }
}
