//! Where a difficulty stands among recent ones, so that a wanted share of requests can go up.
//!
//! A threshold that is a constant sends everything up or nothing as soon as the traffic changes;
//! one that is a quantile of recent scores keeps to its share. Scores are counted in narrow
//! classes, and what was counted fades: after `HALF_LIFE` requests it counts half.

use std::sync::Mutex;

use terrace_domain::Score;

/// Classes that scores are counted in.
const CLASSES: usize = 200;
/// Requests after which what was counted counts half.
const HALF_LIFE: f64 = 2000.0;
/// Fewer requests than this say nothing about the next.
const ENOUGH: f64 = 50.0;

/// Counts of recent scores; made for one thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    counts: Vec<f64>,
    total: f64,
    /// What a new one counts: it grows instead of all others being made smaller.
    weight: f64,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            counts: vec![0.0; CLASSES],
            total: 0.0,
            weight: 1.0,
        }
    }
}

impl Recent {
    /// Counts a score.
    pub fn note(&mut self, score: Score) {
        if let Some(count) = self.counts.get_mut(class_of(score)) {
            *count += self.weight;
            self.total += self.weight;
        }
        self.weight *= (std::f64::consts::LN_2 / HALF_LIFE).exp();
        if self.weight > 1e6 {
            self.rescale();
        }
    }

    /// The share of recent scores below this one, equal ones by half; `None` until there are enough.
    #[must_use]
    pub fn rank(&self, score: Score) -> Option<Score> {
        if self.total < ENOUGH * self.weight {
            return None;
        }
        let class = class_of(score);
        let below: f64 = self.counts.iter().take(class).sum();
        let equal = self.counts.get(class).copied().unwrap_or(0.0);
        Some(Score::clamped((below + equal / 2.0) / self.total))
    }

    /// The score that a share of recent ones reach; `None` until there are enough.
    #[must_use]
    pub fn threshold(&self, share: Score) -> Option<Score> {
        if self.total < ENOUGH * self.weight {
            return None;
        }
        let wanted = share.get() * self.total;
        let mut above = 0.0;
        for (class, count) in self.counts.iter().enumerate().rev() {
            if *count > 0.0 && above + count >= wanted {
                let part = (wanted - above) / count;
                return Some(Score::clamped((class as f64 + 1.0 - part) / CLASSES as f64));
            }
            above += count;
        }
        Some(Score::ZERO)
    }

    fn rescale(&mut self) {
        for count in &mut self.counts {
            *count /= self.weight;
        }
        self.total /= self.weight;
        self.weight = 1.0;
    }
}

fn class_of(score: Score) -> usize {
    ((score.get() * CLASSES as f64) as usize).min(CLASSES - 1)
}

/// [`Recent`] for several threads.
#[derive(Debug, Default)]
pub struct Ranks(Mutex<Recent>);

impl Ranks {
    /// Where a score stands among those before it; it is counted itself for those after it.
    #[must_use]
    pub fn place(&self, score: Score) -> Option<Score> {
        // Counts that a panic left half changed are still counts.
        let mut recent = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let rank = recent.rank(score);
        recent.note(score);
        rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(value: f64) -> Score {
        Score::clamped(value)
    }

    #[test]
    fn nothing_is_said_before_enough_was_seen() {
        let mut recent = Recent::default();
        assert_eq!(recent.rank(score(0.5)), None);
        for _ in 0..100 {
            recent.note(score(0.5));
        }
        assert!(
            recent
                .rank(score(0.9))
                .is_some_and(|rank| rank.get() > 0.99)
        );
    }

    #[test]
    fn what_was_seen_long_ago_fades() {
        let mut recent = Recent::default();
        for _ in 0..20_000 {
            recent.note(score(0.2));
        }
        for _ in 0..6_000 {
            recent.note(score(0.8));
        }
        assert!(
            recent
                .rank(score(0.5))
                .is_some_and(|rank| rank.get() < 0.15)
        );
    }

    proptest! {
        #[test]
        fn the_wanted_share_reaches_the_threshold(
            values in proptest::collection::vec(0.0_f64..1.0, 500..900), share in 0.05_f64..0.95,
        ) {
            let mut recent = Recent::default();
            for value in &values {
                recent.note(score(*value));
            }
            let threshold = recent.threshold(score(share)).unwrap();
            let reached = values.iter().filter(|value| score(**value).passes(threshold)).count();
            prop_assert!((reached as f64 / values.len() as f64 - share).abs() < 0.06);
            let rank = recent.rank(threshold).unwrap().get();
            prop_assert!((rank + share - 1.0).abs() < 0.06);
        }
    }
}
