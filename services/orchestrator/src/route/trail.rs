//! The trail of a request: every attempt made, in order, and what of it the ledger knows already.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Reason, Score, TierName, Usage};

use crate::answer::Answer;
use crate::opinion::SecondOpinion;
use crate::route::consensus::Consensus;
use crate::route::plan::{Candidate, Plan};
use crate::route::repair;
use crate::verdict::Verdict;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The judge passed it, or nobody asked the judge.
    Accepted,
    /// The judge found it short, or could not look at it and the config says to go on.
    Rejected,
    /// The backend or a service failed.
    Failed(Failure),
    /// The judge could not look at it, and the config says that the request fails then.
    Unjudged(Failure),
    /// The caller went away or its deadline passed in the middle of it.
    Cancelled,
    /// Others had decided before it came to its end.
    CalledOff,
    /// It was never called.
    Skipped(Failure),
}

/// One candidate tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Position among the attempts, from 0.
    pub index: u32,
    /// What was tried.
    pub candidate: Arc<Candidate>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, in a sentence; empty when there is nothing to say.
    pub detail: String,
    /// What the judge said.
    pub verdict: Option<Verdict>,
    /// Models that the judge asked for that.
    pub opinions: Vec<SecondOpinion>,
    /// What tells its code from other code, where a consensus compares that.
    pub code_tree: Option<String>,
    /// What it used, second opinions apart.
    pub usage: Usage,
    /// What it cost, second opinions apart.
    pub cost: NanoUsd,
    /// When it began.
    pub started_at: SystemTime,
    /// How long it took, judge included.
    pub latency: Duration,
    /// What the model said, if it came to an end.
    pub answer: Option<Answer>,
    /// Whether the caller has got some of it for good, so that nobody else may answer.
    pub committed: bool,
    /// Position of the attempt whose answer it was to repair.
    pub repair_of: Option<u32>,
    /// The attempt beside which it was started because that one was late.
    pub hedges: Option<u32>,
    /// Where its time went.
    pub hops: Hops,
}

/// Where the time of an attempt went, hop by hop in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hops {
    /// Until its worst case was held.
    pub reserving: Duration,
    /// From the call of the model to the first piece, if one came.
    pub first_piece: Option<Duration>,
    /// From the call of the model to the end of its answer, if it was called.
    pub generating: Option<Duration>,
    /// The verdict on the whole answer, if the judge was asked.
    pub judging: Option<Duration>,
}

impl Attempt {
    /// The same without what the model said, and without what others may have quoted of it.
    #[must_use]
    pub fn without_answer(&self) -> Self {
        Self {
            index: self.index,
            candidate: Arc::clone(&self.candidate),
            outcome: self.outcome.clone(),
            detail: self.detail.clone(),
            verdict: self.verdict.as_ref().map(Verdict::public),
            usage: self.usage,
            cost: self.cost,
            started_at: self.started_at,
            latency: self.latency,
            answer: None,
            committed: self.committed,
            repair_of: self.repair_of,
            hedges: self.hedges,
            hops: self.hops,
            opinions: self.opinions.clone(),
            code_tree: None,
        }
    }

    /// What it and the second opinions on it used.
    #[must_use]
    pub fn whole_usage(&self) -> Usage {
        let opinions = self.opinions.iter().map(|opinion| opinion.usage);
        opinions.fold(self.usage, Usage::plus)
    }

    /// What it and the second opinions on it cost.
    #[must_use]
    pub fn whole_cost(&self) -> NanoUsd {
        let opinions = self.opinions.iter().map(|opinion| opinion.cost);
        self.cost.plus(opinions.sum())
    }

    /// Why it failed or was skipped.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) | Outcome::Unjudged(failure) | Outcome::Skipped(failure) => {
                Some(failure)
            }
            Outcome::Accepted | Outcome::Rejected | Outcome::Cancelled | Outcome::CalledOff => None,
        }
    }

    /// Why it failed or was skipped, as a reason.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.failure().map(|failure| failure.reason)
    }

    /// Whether no other candidate may follow this attempt.
    #[must_use]
    pub fn ends_request(&self) -> bool {
        if self.committed {
            return true;
        }
        match &self.outcome {
            Outcome::Accepted | Outcome::Cancelled | Outcome::Unjudged(_) => true,
            Outcome::Rejected | Outcome::CalledOff => false,
            Outcome::Failed(failure) | Outcome::Skipped(failure) => !failure.reason.may_fall_back(),
        }
    }

    /// The score of its answer; zero when nobody could judge it.
    #[must_use]
    pub fn score(&self) -> Score {
        self.verdict
            .as_ref()
            .map_or(Score::ZERO, |verdict| verdict.score)
    }
}

/// How a whole request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// An answer that passed.
    Passed,
    /// The best answer there was, although none passed.
    BestEffort,
    /// No answer.
    Failed,
    /// The caller went away or its deadline passed.
    Cancelled,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// Tier that answered.
    pub tier: TierName,
    /// Backend that answered.
    pub backend: BackendName,
    /// Model that answered.
    pub model: ModelName,
}

/// The end of a request, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Close {
    /// How it ended.
    pub outcome: RequestOutcome,
    /// Who answered.
    pub answering: Option<Answering>,
    /// What the answer's tokens would have cost on the baseline model.
    pub baseline: Option<NanoUsd>,
    /// Score of the answer, if it was judged.
    pub score: Option<Score>,
    /// From the request's arrival to its end.
    pub latency: Duration,
    /// Whether the answer is another request's, for which nobody was called.
    pub reused: bool,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<'plan> {
    /// Who is tried; for a repair, with what that can cost.
    pub candidate: Cow<'plan, Candidate>,
    /// Its position in the plan.
    pub position: usize,
    /// Position of the attempt whose answer is to be repaired.
    pub repair_of: Option<u32>,
}

/// Every attempt of a request so far.
#[derive(Debug, Default)]
pub struct Trail {
    attempts: Vec<Attempt>,
    /// Attempts before this index are in the ledger.
    settled: usize,
    /// Candidates before this index were tried or passed over.
    tried: usize,
    /// So many of the first attempts were made at once, in a consensus.
    at_once: usize,
    consensus: Option<Consensus>,
}

impl Trail {
    /// Says who is to be tried next, if anybody is worth it: the last model once more when its answer
    /// can be repaired, else the next candidate of the plan.
    ///
    /// Skipped attempts called nothing and do not count against the limit; those of a consensus
    /// count as one.
    pub fn next<'plan>(&mut self, plan: &'plan Plan) -> Option<Turn<'plan>> {
        if self.attempts.iter().any(Attempt::ends_request) {
            return None;
        }
        if self.called() >= plan.max_attempts as usize {
            return None;
        }
        self.repair(plan).or_else(|| self.next_candidate(plan))
    }

    fn repair<'plan>(&self, plan: &Plan) -> Option<Turn<'plan>> {
        let is_repair = |attempt: &&Attempt| attempt.repair_of.is_some();
        let made = self.attempts.iter().filter(is_repair).count();
        // What members of a consensus say is not repaired: the next tier decides.
        let last = self.attempts.get(self.at_once..)?.last()?;
        if made >= plan.max_repairs as usize || !repair::is_worth_a_try(last) {
            return None;
        }
        Some(Turn {
            candidate: Cow::Owned(Candidate {
                worst_case: last.candidate.repair_worst_case?,
                ..Candidate::clone(&last.candidate)
            }),
            position: self.tried.checked_sub(1)?,
            repair_of: Some(last.index),
        })
    }

    /// Takes the next candidate of the plan, unless it is a last resort that nobody needs.
    pub fn next_candidate<'plan>(&mut self, plan: &'plan Plan) -> Option<Turn<'plan>> {
        let somebody_answered = self.attempts.iter().any(|attempt| attempt.answer.is_some());
        let position = self.tried;
        let candidate = plan.candidates.get(position)?;
        if candidate.last_resort && somebody_answered {
            return None;
        }
        self.tried += 1;
        Some(Turn {
            candidate: Cow::Borrowed(candidate),
            position,
            repair_of: None,
        })
    }

    /// The next candidate, if it may be tried beside the one taken last.
    #[must_use]
    pub fn beside<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Candidate> {
        let next = plan.candidates.get(self.tried);
        next.filter(|next| {
            let can = !next.last_resort && next.no_budget.is_none();
            can && self.has_room_beside(plan)
        })
    }

    /// Whether the limit leaves an attempt beside the one that is being made.
    #[must_use]
    pub fn has_room_beside(&self, plan: &Plan) -> bool {
        self.called() + 1 < plan.max_attempts as usize
    }

    /// Gives the candidate taken last back, to be tried again.
    pub const fn give_back(&mut self) {
        self.tried -= 1;
    }

    /// How many attempts count against the limit.
    #[must_use]
    pub fn called(&self) -> usize {
        let called = |attempt: &&Attempt| !matches!(attempt.outcome, Outcome::Skipped(_));
        let (at_once, in_turn) = self.attempts.split_at(self.at_once);
        let consensus = at_once.iter().any(|attempt| called(&attempt));
        usize::from(consensus) + in_turn.iter().filter(called).count()
    }

    /// Begins the trail with the attempts of a consensus and what came of it.
    pub fn begin_with(&mut self, attempts: Vec<Attempt>, consensus: Consensus) {
        self.at_once = attempts.len();
        self.attempts = attempts;
        self.consensus = Some(consensus);
    }

    /// What came of the consensus, if one was held.
    pub fn take_consensus(&mut self) -> Option<Consensus> {
        self.consensus.take()
    }

    /// Adds an attempt.
    pub fn push(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    /// Index of the attempt that would be added next.
    #[must_use]
    pub fn next_index(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// All attempts in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Ends the trail.
    #[must_use]
    pub fn into_attempts(self) -> Vec<Attempt> {
        self.attempts
    }

    /// What all attempts cost.
    #[must_use]
    pub fn cost(&self) -> NanoUsd {
        self.attempts.iter().map(Attempt::whole_cost).sum()
    }

    /// Attempts that the ledger does not know yet.
    #[must_use]
    pub fn unsettled(&self) -> &[Attempt] {
        self.attempts.get(self.settled..).unwrap_or_default()
    }

    /// Notes that the ledger knows every attempt now.
    pub fn mark_settled(&mut self) {
        self.settled = self.attempts.len();
    }
}
