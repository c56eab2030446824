//! Whether enough of those asked say the same. Pure: weights in, a standing out.
//!
//! A group wins when its votes reach the threshold's part of the votes of all members asked, and it
//! has more of them than any other group: a tie is no agreement. Whoever failed counts among those
//! asked. The vote is over as soon as nothing that the others may still say can change its end.

use terrace_domain::Score;

/// What a vote weighs while nothing is known of its member; a whole number, so that sums do not
/// depend on their order.
const EQUAL: u64 = 1_000;

/// Wrong answers that a member chooses among, where nobody has said which there are: as if each
/// question had four, which is what fitted public answers best. Members who are wrong often give the
/// same wrong answer, so it is far fewer than there could be.
pub const ALTERNATIVES: usize = 4;

/// What the members' votes weigh, by how often each is right among so many alternatives: the log-odds
/// against a guess, the weights under which a vote of independent members is right most often. All weigh
/// the same unless the accuracies of all are known, because a known and an unknown member cannot be
/// compared.
#[must_use]
pub fn weights(accuracies: &[Option<Score>], alternatives: usize) -> Vec<u64> {
    let known: Option<Vec<Score>> = accuracies.iter().copied().collect();
    match known {
        Some(known) if !known.is_empty() => {
            let weigh = |accuracy| log_odds(accuracy, alternatives);
            known.into_iter().map(weigh).collect()
        }
        _ => vec![EQUAL; accuracies.len()],
    }
}

/// At least one: a member that guesses was asked all the same.
fn log_odds(accuracy: Score, alternatives: usize) -> u64 {
    let others = alternatives.max(2) as f64 - 1.0;
    let guess = 1.0 / (others + 1.0);
    let accuracy = accuracy.get().clamp(guess, 0.99);
    let weight = (others * accuracy / (1.0 - accuracy)).ln() * EQUAL as f64;
    // From 0 to a few thousand.
    (weight.round() as u64).max(1)
}

/// How a vote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It depends on those who have not voted yet.
    Open,
    /// The group at this place has won.
    Agreed(usize),
    /// No group can win.
    Disagreed,
}

/// What there is to count.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    /// The votes of each group so far.
    pub groups: &'a [u64],
    /// The votes that may still come.
    pub outstanding: u64,
    /// The votes of all members asked.
    pub asked: u64,
    /// Whether an answer that comes may make one group of several, as vectors do.
    pub may_join: bool,
}

impl Count<'_> {
    /// How the vote stands.
    #[must_use]
    pub fn standing(self, threshold: Score) -> Standing {
        let bar = bar(threshold, self.asked);
        let winner = |group: usize, votes: u64| votes >= bar && votes > self.most_of_others(group);
        let indexed = || self.groups.iter().copied().enumerate();
        if let Some((group, _)) = indexed().find(|(group, votes)| winner(*group, *votes)) {
            return Standing::Agreed(group);
        }
        if self.may_still_agree(bar) {
            Standing::Open
        } else {
            Standing::Disagreed
        }
    }

    /// The most votes that one group beside `group` can come to.
    fn most_of_others(self, group: usize) -> u64 {
        let others = || self.rivals(group);
        if self.may_join && self.outstanding > 0 {
            others().sum::<u64>() + self.outstanding
        } else {
            others().max().unwrap_or(0) + self.outstanding
        }
    }

    fn may_still_agree(self, bar: u64) -> bool {
        if self.outstanding == 0 {
            return false;
        }
        if self.may_join {
            return self.groups.iter().sum::<u64>() + self.outstanding >= bar;
        }
        // The one after the last is a group that nobody has begun yet.
        (0..=self.groups.len()).any(|group| {
            let votes = self.groups.get(group).copied().unwrap_or(0) + self.outstanding;
            votes >= bar && votes > self.rivals(group).max().unwrap_or(0)
        })
    }

    fn rivals(&self, group: usize) -> impl Iterator<Item = u64> {
        let indexed = self.groups.iter().copied().enumerate();
        let others = indexed.filter(move |(other, _)| *other != group);
        others.map(|(_, votes)| votes)
    }
}

/// The fewest votes that reach the threshold's part of `asked`; at least one.
#[must_use]
pub fn bar(threshold: Score, asked: u64) -> u64 {
    // What is lacking by rounding of the product is not lacking.
    const ROUNDING: f64 = 1e-6;
    // Weights are small: the product is exact enough, and never negative.
    let votes = (threshold.get() * asked as f64 - ROUNDING).ceil();
    (votes as u64).max(1)
}

#[cfg(test)]
mod tests;
