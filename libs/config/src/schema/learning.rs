//! `routing.learning`: whether the router learns from what becomes of its answers.

use std::path::PathBuf;

use terrace_domain::NanoUsd;

use crate::decode::Section;
use crate::read::{self, boolean, count, number};

/// The largest share of requests that is asked of another tier too.
const MOST_SHARE: f64 = 0.05;

/// Whether the router learns from what becomes of its answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Learning {
    /// Whether it does. Default: no.
    pub enabled: bool,
    /// Where the classifier keeps what it has learned. Default: in memory alone.
    pub folder: Option<PathBuf>,
    /// Lessons after which it is written down. Default: 100.
    pub snapshot_every: u64,
    /// Snapshots that can be rolled back to. Default: 5.
    pub keep: usize,
    /// How many answered requests are asked of another tier too.
    pub shadow: Shadow,
}

/// Shadow calls: another tier is asked what one has answered, to learn from the difference.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shadow {
    /// The share of answered requests, 0 to 0.05. Default: none.
    pub share: f64,
    /// The most that they may cost in a day. Default: nothing, so that only models are asked that
    /// cost nothing.
    pub daily_budget: NanoUsd,
    /// Which requests are chosen: the same seed chooses the same ids. Default: 0.
    pub seed: u64,
}

impl Shadow {
    /// The project that pays for them.
    pub const PROJECT: &'static str = "terrace-shadow";

    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            share: section.or("share", 0.0, number(0.0..=MOST_SHARE)),
            daily_budget: section.or("daily_budget", NanoUsd::ZERO, read::usd),
            seed: section.or("seed", 0, count(0..=u64::MAX)),
        }
    }
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            enabled: false,
            folder: None,
            snapshot_every: 100,
            keep: 5,
            shadow: Shadow::default(),
        }
    }
}

impl Learning {
    /// Whether, and how, another tier is asked too.
    #[must_use]
    pub fn shadow(&self) -> Option<Shadow> {
        let is_on = self.enabled && self.shadow.share > 0.0;
        is_on.then_some(self.shadow)
    }

    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let enabled = section.or("enabled", own.enabled, boolean);
        let shadow = section.section("shadow", Shadow::read);
        if shadow.share > 0.0 && !enabled {
            section.warning(
                "shadow",
                "has no effect without `routing.learning.enabled: true`",
            );
        }
        Self {
            enabled,
            shadow,
            folder: section.get("folder", read::word).map(PathBuf::from),
            snapshot_every: section.or("snapshot_every", own.snapshot_every, count(1..=1_000_000)),
            keep: section.or("keep", own.keep, count(1..=1000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::parse;

    const TIERS: &str = "tiers: {low: {models: [{name: llama3, backend: local}]}}\nbackends: {local: {kind: ollama, url: \"http://127.0.0.1:9\"}}\n";

    fn learning(text: &str) -> String {
        format!("{TIERS}routing:\n  learning:\n{text}")
    }

    #[test]
    fn shadow_calls_are_off_until_a_share_is_given_and_then_ask_what_is_free() {
        let read = |text: &str| {
            parse(&learning(text), "t.yaml", [])
                .unwrap()
                .config
                .routing
                .learning
        };
        assert_eq!(read("    enabled: true\n").shadow(), None);
        let some = read("    enabled: true\n    shadow: {share: 0.02}\n");
        let expected = Shadow {
            share: 0.02,
            ..Shadow::default()
        };
        assert_eq!(some.shadow(), Some(expected));
        assert_eq!(expected.daily_budget, NanoUsd::ZERO);
        let off = read("    shadow: {share: 0.02, daily_budget: 0.5, seed: 7}\n");
        assert_eq!(off.shadow(), None, "learning is off");
        assert_eq!(
            (off.shadow.daily_budget, off.shadow.seed),
            ("0.5".parse().unwrap(), 7)
        );
    }

    #[test]
    fn a_share_above_a_twentieth_is_refused() {
        let problems = parse(&learning("    shadow: {share: 0.06}\n"), "t.yaml", []);
        let problems = problems.unwrap_err().to_string();
        assert!(
            problems.contains("routing.learning.shadow.share"),
            "{problems}"
        );
    }
}
