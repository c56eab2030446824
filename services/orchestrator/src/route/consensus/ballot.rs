//! The votes of one round as they come, and what each member's attempt comes to at the end. Pure.

use std::collections::BTreeMap;

use crate::route::consensus::group::Said;
use crate::route::consensus::meaning::Meaning;
use crate::route::consensus::plan::Round;
use crate::route::consensus::votes::{Count, Standing};
use crate::route::consensus::{Consensus, Equivalence, Group};
use crate::route::trail::{Attempt, Outcome};

/// The votes of one round.
#[derive(Debug)]
pub(super) struct Ballot<'a> {
    round: &'a Round,
    /// What each member's vote weighs.
    weights: Vec<u64>,
    said: Said,
    /// Members that have ended, by their place in the round.
    attempts: BTreeMap<usize, Attempt>,
    end: Option<End>,
}

/// How a round came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The group of this member has won.
    Agreed { member: usize, early: bool },
    /// No group can win.
    Disagreed { early: bool },
    /// A member met something that ends the whole request.
    BrokenOff,
}

impl<'a> Ballot<'a> {
    pub(super) fn new(round: &'a Round) -> Self {
        Self {
            round,
            weights: round.weights(),
            said: Said::default(),
            attempts: BTreeMap::new(),
            end: None,
        }
    }

    /// Whether nothing that the other members say can change the end.
    pub(super) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Takes in a member's attempt, with what its answer says or why it has no vote.
    pub(super) fn take(&mut self, member: usize, attempt: Attempt, says: Result<Meaning, String>) {
        let ends_request = ends_request(&attempt);
        let attempt = match says {
            Ok(meaning) => {
                self.said.add(member, meaning);
                attempt
            }
            Err(why) => without_vote(attempt, &why),
        };
        self.attempts.insert(member, attempt);
        if self.end.is_none() {
            self.end = if ends_request {
                Some(End::BrokenOff)
            } else {
                self.standing()
            };
        }
    }

    fn standing(&self) -> Option<End> {
        let groups = self.said.groups();
        let votes: Vec<u64> = groups.iter().map(|group| self.votes(group)).collect();
        let asked = self.weights.iter().sum();
        let heard: Vec<usize> = self.attempts.keys().copied().collect();
        let outstanding = asked - self.votes(&heard);
        let count = Count {
            groups: &votes,
            outstanding,
            asked,
            may_join: self.round.equivalence == Equivalence::Embedding,
        };
        let early = outstanding > 0;
        match count.standing(self.round.threshold) {
            Standing::Open => None,
            Standing::Disagreed => Some(End::Disagreed { early }),
            Standing::Agreed(group) => {
                let member = *groups.get(group)?.first()?;
                Some(End::Agreed { member, early })
            }
        }
    }

    fn votes(&self, members: &[usize]) -> u64 {
        let weight = |member: &usize| self.weights.get(*member).copied().unwrap_or_default();
        members.iter().map(weight).sum()
    }

    /// Ends the round: every attempt as it is to stand in the response, and what they agreed on.
    /// `caller_left` tells a caller's leaving from our own calling off.
    pub(super) fn close(mut self, caller_left: bool) -> (Vec<Attempt>, Consensus) {
        let asked = self.weights.iter().sum::<u64>().max(1);
        let winner = match self.end {
            Some(End::Agreed { member, .. }) => Some(member),
            _ => None,
        };
        let mut groups = Vec::new();
        for members in self.said.groups() {
            let votes = self.votes(&members);
            groups.push(Group {
                share: votes as f64 / asked as f64,
                answers: winner.is_some_and(|winner| members.contains(&winner)),
                attempts: members,
            });
        }
        // Stable: of equals the one with the first member stays first.
        groups.sort_by(|a, b| b.share.total_cmp(&a.share));
        for group in &groups {
            for member in &group.attempts {
                if let Some(attempt) = self.attempts.get_mut(member) {
                    counted(attempt, group, &groups, self.round);
                }
            }
        }
        let end = self.end;
        let attempts = self.attempts.into_values();
        let attempts = attempts.map(|attempt| called_off(attempt, end, caller_left));
        let consensus = Consensus {
            agreed: winner.is_some(),
            decided_early: matches!(
                end,
                Some(End::Agreed { early: true, .. } | End::Disagreed { early: true })
            ),
            asked: self.round.members.len(),
            threshold: self.round.threshold,
            equivalence: self.round.equivalence,
            groups,
        };
        (attempts.collect(), consensus)
    }
}

/// Whether no other candidate may follow, whatever the others say.
fn ends_request(attempt: &Attempt) -> bool {
    match &attempt.outcome {
        Outcome::Unjudged(_) => true,
        Outcome::Failed(failure) | Outcome::Skipped(failure) => !failure.reason.may_fall_back(),
        Outcome::Accepted | Outcome::Rejected | Outcome::Cancelled | Outcome::CalledOff => false,
    }
}

/// An answer that the judge may have passed, and that cannot be compared.
fn without_vote(attempt: Attempt, why: &str) -> Attempt {
    if attempt.outcome != Outcome::Accepted {
        return attempt;
    }
    Attempt {
        outcome: Outcome::Rejected,
        detail: format!("no vote: {why}"),
        ..attempt
    }
}

/// What becomes of an attempt whose vote was counted.
fn counted(attempt: &mut Attempt, own: &Group, groups: &[Group], round: &Round) {
    if own.answers {
        attempt.outcome = Outcome::Accepted;
        attempt.detail.clear();
        return;
    }
    attempt.outcome = Outcome::Rejected;
    let winner = groups.iter().find(|group| group.answers);
    attempt.detail = match winner {
        Some(winner) => format!(
            "outvoted: {} of the votes say otherwise",
            percent(winner.share)
        ),
        None => format!(
            "no agreement: {} of the votes say this, {} are needed",
            percent(own.share),
            percent(round.threshold.get())
        ),
    };
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What becomes of an attempt that was stopped: its caller left, or the others had decided.
fn called_off(attempt: Attempt, end: Option<End>, caller_left: bool) -> Attempt {
    let agreed = matches!(end, Some(End::Agreed { .. }));
    if attempt.outcome != Outcome::Cancelled || (caller_left && !agreed) {
        return attempt;
    }
    let why = match end {
        Some(End::Agreed { .. }) => "the others had agreed",
        Some(End::Disagreed { .. }) => "no agreement was possible any more",
        Some(End::BrokenOff) | None => "another attempt ended the request",
    };
    Attempt {
        outcome: Outcome::CalledOff,
        detail: format!("called off: {why}"),
        ..attempt
    }
}
