//! `ledger.leases`: slices of hot budgets that orchestrators decide over by themselves.

use std::time::Duration;

use terrace_domain::NanoUsd;

use crate::decode::Section;
use crate::read::{boolean, duration, usd};

/// What of a hot budget orchestrators may decide over by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// Whether they may at all. Default: no.
    pub enabled: bool,
    /// The most that one lease is given at once. Default: 1 USD.
    pub slice: NanoUsd,
    /// After this a lease without a sign of life is lost: all that is left of it is presumed to be
    /// spent. A pause of a budget takes as long to reach who has a lease. Default: 4 s.
    pub ttl: Duration,
    /// The most of one budget that all leases together may have, and so the most that can be
    /// stranded in lost ones. Default: 10 USD.
    pub max_stranded: NanoUsd,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            enabled: false,
            slice: NanoUsd::new(1_000_000_000),
            ttl: Duration::from_secs(4),
            max_stranded: NanoUsd::new(10_000_000_000),
        }
    }
}

impl Leases {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            enabled: section.or("enabled", default.enabled, boolean),
            slice: section.or("slice", default.slice, usd),
            ttl: section.or(
                "ttl",
                default.ttl,
                duration(Duration::from_secs(1)..=Duration::from_mins(1)),
            ),
            max_stranded: section.or("max_stranded", default.max_stranded, usd),
        }
    }
}
