//! How long a model's answers take, from those that were seen. Pure.

use std::time::Duration;

use crate::route::record::CallEnd;

/// Calls that have to be seen before anything is said.
const ENOUGH: usize = 5;

/// How long the answers of a model take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Half of the answers begin within this.
    pub first: Duration,
    /// All but one of twenty begin within this.
    pub late_first: Duration,
    /// Half of the answers have come to their end within this.
    pub whole: Duration,
    /// What one more token takes, in half of the answers.
    pub per_token: Duration,
}

impl Pace {
    /// The pace in these calls; `None` when they are too few.
    pub(super) fn of(calls: impl Iterator<Item = CallEnd>) -> Option<Self> {
        let (mut firsts, mut wholes, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        for call in calls {
            match call {
                CallEnd::Whole {
                    first,
                    took,
                    tokens: count,
                } => {
                    firsts.push(first);
                    wholes.push(took);
                    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
                    tokens.push(took.saturating_sub(first) / count);
                }
                CallEnd::CutAfter(span) => wholes.push(span),
                CallEnd::Hopeless | CallEnd::Failed => {}
            }
        }
        if wholes.len() < ENOUGH {
            return None;
        }
        let whole = quantile(&mut wholes, 50)?;
        Some(Self {
            first: quantile(&mut firsts, 50).unwrap_or(whole),
            late_first: quantile(&mut firsts, 95).unwrap_or(whole),
            whole,
            per_token: quantile(&mut tokens, 50).unwrap_or_default(),
        })
    }

    /// How long an answer of so many tokens can be expected to take; never more than its answers
    /// usually do, because how long this one will be is a guess.
    #[must_use]
    pub fn expected(&self, tokens: u32) -> Duration {
        let by_length = self.per_token.saturating_mul(tokens);
        self.first.saturating_add(by_length).min(self.whole)
    }
}

/// The span that so many of a hundred are not longer than.
fn quantile(spans: &mut [Duration], percent: usize) -> Option<Duration> {
    let at = (spans.len() * percent).div_ceil(100).saturating_sub(1);
    (at < spans.len()).then(|| *spans.select_nth_unstable(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn whole(took: u64) -> CallEnd {
        CallEnd::Whole {
            first: seconds(1),
            took: seconds(took),
            tokens: 10,
        }
    }

    #[test]
    fn nothing_is_said_before_enough_was_seen() {
        assert_eq!(Pace::of([whole(2); 4].into_iter()), None);
        let failed = [CallEnd::Failed; 10].into_iter();
        assert_eq!(Pace::of(failed.chain([whole(2); 4])), None);
        assert!(Pace::of([whole(2); 5].into_iter()).is_some());
    }

    #[test]
    fn one_slow_answer_does_not_make_a_slow_model() {
        let pace = Pace::of([2, 2, 3, 3, 600].into_iter().map(whole)).unwrap();
        assert_eq!(pace.whole, seconds(3));
        assert_eq!(pace.late_first, seconds(1));
    }

    #[test]
    fn a_short_answer_is_expected_sooner_and_a_long_one_never_later_than_usual() {
        let pace = Pace::of([whole(11); 5].into_iter()).unwrap();
        assert_eq!(pace.expected(2), seconds(3));
        assert_eq!(pace.expected(10), seconds(11));
        assert_eq!(pace.expected(1_000_000), seconds(11));
    }

    #[test]
    fn a_model_that_was_always_cut_takes_at_least_as_long() {
        let pace = Pace::of([CallEnd::CutAfter(seconds(20)); 5].into_iter()).unwrap();
        assert_eq!(pace.expected(1), seconds(20));
    }
}
