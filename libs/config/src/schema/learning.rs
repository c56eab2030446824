//! `routing.learning`: whether the router learns from what becomes of its answers.

use std::path::PathBuf;

use crate::decode::Section;
use crate::read::{self, boolean, count};

/// Whether the router learns from what becomes of its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    /// Whether it does. Default: no.
    pub enabled: bool,
    /// Where the classifier keeps what it has learned. Default: in memory alone.
    pub folder: Option<PathBuf>,
    /// Lessons after which it is written down. Default: 100.
    pub snapshot_every: u64,
    /// Snapshots that can be rolled back to. Default: 5.
    pub keep: usize,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            enabled: false,
            folder: None,
            snapshot_every: 100,
            keep: 5,
        }
    }
}

impl Learning {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        Self {
            enabled: section.or("enabled", own.enabled, boolean),
            folder: section.get("folder", read::word).map(PathBuf::from),
            snapshot_every: section.or("snapshot_every", own.snapshot_every, count(1..=1_000_000)),
            keep: section.or("keep", own.keep, count(1..=1000)),
        }
    }
}
