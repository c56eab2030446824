//! What recent requests stood to gain by the highest tier, so that a target can be met by a quantile
//! of it and not by a constant.
//!
//! An orchestrator keeps the last thousand for itself. A cut is the least gain with which a request
//! goes to the highest tier: with the wanted share of calls it is the quantile of that share, less
//! those that came there anyhow because an answer was rejected; with a wanted quality, the highest
//! one that reaches it; with a wanted cost, the lowest one that keeps to it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use terrace_domain::NanoUsd;

use crate::route::plan::decision::{Course, Target, Way};
use crate::route::plan::{Plan, Rules};
use crate::route::trail::{Attempt, Outcome};

/// Requests that are remembered.
const REMEMBERED: usize = 1000;
/// Fewer say nothing of the next.
const ENOUGH: usize = 50;
/// After as many requests the cut is taken anew.
const EVERY: usize = 10;

/// The least gain with which a request goes to the highest tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// In shares of a perfect answer; infinite when none goes there.
    pub gain: f64,
    /// What it is to reach.
    pub target: Target,
}

impl Cut {
    /// What it is for, in words.
    #[must_use]
    pub fn why(&self) -> String {
        let least = if self.gain == f64::INFINITY {
            "more than any".to_owned()
        } else {
            format!("{:.3}", self.gain)
        };
        match self.target {
            Target::ApiShare(share) => format!("a share of {share} of calls to it ({least})"),
            Target::Quality(wanted) => format!("a mean quality of {wanted} ({least})"),
            Target::PerRequest(most) => format!("{most} a request ({least})"),
        }
    }
}

/// A request that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The best way below the highest tier.
    pub low: Way,
    /// That of the highest tier.
    pub high: Way,
    /// Whether the highest tier was called because an answer was rejected.
    pub escalated: bool,
}

impl Seen {
    /// What a request that was free to go either way came to; `None` when it was not.
    #[must_use]
    pub fn of(plan: &Plan, attempts: &[Attempt], rules: &Rules) -> Option<Self> {
        let decision = plan.decision.as_ref()?;
        let (low, high) = decision.ways?;
        let highest = plan.highest_rank(rules);
        let is_call_of_it = |attempt: &Attempt| {
            let was_called = !matches!(attempt.outcome, Outcome::Skipped(_));
            was_called && rules.rank_of(&attempt.candidate.tier) == highest
        };
        let was_low = decision.course != Course::DirectHigh;
        Some(Self {
            low,
            high,
            escalated: was_low && attempts.iter().any(is_call_of_it),
        })
    }

    fn gain(&self) -> f64 {
        self.high.quality - self.low.quality
    }
}

/// The last requests of this orchestrator, and the cut that they make for its target.
#[derive(Debug)]
pub struct Recent {
    target: Option<Target>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    seen: VecDeque<Seen>,
    noted: usize,
    cut: Option<Cut>,
}

impl Recent {
    /// Knows no request yet.
    #[must_use]
    pub fn new(target: Option<Target>) -> Self {
        Self {
            target,
            kept: Mutex::default(),
        }
    }

    /// The cut of the moment; `None` without a target, or until enough requests were seen.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.target?;
        self.lock().cut
    }

    /// Notes a request that was free to go either way.
    pub fn note(&self, seen: Seen) {
        let Some(target) = self.target else { return };
        let mut kept = self.lock();
        if kept.seen.len() == REMEMBERED {
            kept.seen.pop_front();
        }
        kept.seen.push_back(seen);
        kept.noted += 1;
        if kept.seen.len() >= ENOUGH && kept.noted.is_multiple_of(EVERY) {
            let gain = cut(kept.seen.make_contiguous(), target);
            kept.cut = Some(Cut { gain, target });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Requests that a panic left half noted are still requests.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The least gain with which a request should have gone to the highest tier.
fn cut(seen: &[Seen], target: Target) -> f64 {
    let mut by_gain = seen.to_vec();
    by_gain.sort_by(|a, b| b.gain().total_cmp(&a.gain()));
    match target {
        Target::ApiShare(share) => {
            let escalated = seen.iter().filter(|one| one.escalated).count();
            let wanted = share.get() * seen.len() as f64 - escalated as f64;
            at_most(&by_gain, wanted.max(0.0) as usize)
        }
        Target::Quality(wanted) => reaching(&by_gain, wanted.get()),
        Target::PerRequest(most) => at_most(&by_gain, within(&by_gain, most)),
    }
}

/// The least gain that no more than `count` have.
fn at_most(by_gain: &[Seen], count: usize) -> f64 {
    let Some(beyond) = by_gain.get(count).map(Seen::gain) else {
        return f64::NEG_INFINITY;
    };
    let above = by_gain.iter().take(count).map(Seen::gain);
    above
        .rev()
        .find(|gain| *gain > beyond)
        .unwrap_or(f64::INFINITY)
}

/// The highest gain from which on a mean quality of `wanted` is reached; all who gain anything when
/// it cannot be.
fn reaching(by_gain: &[Seen], wanted: f64) -> f64 {
    let needed = wanted * by_gain.len() as f64;
    let mut quality: f64 = by_gain.iter().map(|one| one.low.quality).sum();
    let mut least = f64::INFINITY;
    for one in by_gain {
        if quality >= needed || one.gain() <= 0.0 {
            break;
        }
        quality += one.gain();
        least = one.gain();
    }
    least
}

/// How many of those who gain the most can go up within `most` on average.
fn within(by_gain: &[Seen], most: NanoUsd) -> usize {
    let most = most.get() as f64 / 1e9 * by_gain.len() as f64;
    let mut spent: f64 = by_gain.iter().map(|one| one.low.usd).sum();
    let fits = |one: &&Seen| {
        spent += one.high.usd - one.low.usd;
        spent <= most
    };
    by_gain.iter().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use terrace_domain::Score;

    fn seen(low: f64, high: f64) -> Seen {
        let way = |quality, usd| Way {
            quality,
            usd,
            seconds: 1.0,
        };
        Seen {
            low: way(low, 0.0),
            high: way(high, 0.01),
            escalated: false,
        }
    }

    fn all() -> impl Strategy<Value = Vec<Seen>> {
        let one = (0.0_f64..1.0, 0.0_f64..1.0).prop_map(|(low, high)| seen(low, high));
        prop::collection::vec(one, ENOUGH..300)
    }

    fn above(all: &[Seen], cut: f64) -> usize {
        all.iter().filter(|one| one.gain() >= cut).count()
    }

    #[test]
    fn nothing_is_cut_without_a_target_or_before_enough_was_seen() {
        let target = Some(Target::ApiShare(Score::clamped(0.5)));
        let (free, bound) = (Recent::new(None), Recent::new(target));
        for index in 0..ENOUGH {
            assert_eq!((free.cut(), bound.cut()), (None, None), "after {index}");
            let one = seen(0.5, 0.5 + index as f64 / 100.0);
            free.note(one);
            bound.note(one);
        }
        assert_eq!(free.cut(), None);
        assert!((bound.cut().unwrap().gain - 0.25).abs() < 1e-9);
    }

    #[test]
    fn calls_that_a_rejection_made_count_towards_the_share() {
        let mut all: Vec<Seen> = (0..100)
            .map(|one| seen(0.0, f64::from(one) / 100.0))
            .collect();
        let share = Target::ApiShare(Score::clamped(0.2));
        assert_eq!(above(&all, cut(&all, share)), 20);
        for one in all.iter_mut().take(15) {
            one.escalated = true;
        }
        assert_eq!(above(&all, cut(&all, share)), 5);
        for one in all.iter_mut().take(30) {
            one.escalated = true;
        }
        assert_eq!(above(&all, cut(&all, share)), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recent = Recent::new(Some(Target::ApiShare(Score::ONE)));
        for _ in 0..REMEMBERED + 100 {
            recent.note(seen(0.1, 0.9));
        }
        assert_eq!(recent.lock().seen.len(), REMEMBERED);
    }

    proptest! {
        #[test]
        fn the_wanted_share_goes_up_and_never_more(all in all(), share in 0.0_f64..=1.0) {
            let cut = cut(&all, Target::ApiShare(Score::clamped(share)));
            let (up, wanted) = (above(&all, cut), share * all.len() as f64);
            prop_assert!(up as f64 <= wanted + 1e-9);
            prop_assert!(wanted - up as f64 <= 1.0, "{} of {}", up, wanted);
        }

        #[test]
        fn the_wanted_quality_is_reached_by_as_few_as_can_be(all in all(), wanted in 0.0_f64..1.0) {
            let cut = cut(&all, Target::Quality(Score::clamped(wanted)));
            let quality = |least: f64| {
                let of = |one: &Seen| if one.gain() >= least { one.high } else { one.low };
                all.iter().map(|one| of(one).quality).sum::<f64>() / all.len() as f64
            };
            let best = quality(f64::MIN_POSITIVE);
            prop_assert!(quality(cut) >= wanted.min(best) - 1e-9);
            let fewer = all.iter().map(Seen::gain).filter(|gain| *gain > cut);
            let fewer = fewer.fold(f64::INFINITY, f64::min);
            prop_assert!(cut.is_infinite() || quality(fewer) < wanted);
        }

        #[test]
        fn the_wanted_cost_is_kept(all in all(), most in 0_i64..20_000_000) {
            let cut = cut(&all, Target::PerRequest(NanoUsd::new(most)));
            let cost = above(&all, cut) as f64 * 0.01 / all.len() as f64;
            prop_assert!(cost <= most as f64 / 1e9 + 1e-9);
        }
    }
}
