//! What is known of one request, and what can happen to it. Plain values, without what was asked and
//! answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use terrace_domain::{
    ActionName, BackendName, Failure, ModelName, NanoUsd, ProjectName, RequestId, Score, TierName,
};

use crate::route::events::Started;
use crate::route::plan::{Candidate, LeftOut, Plan};
use crate::route::trail::{Answering, Attempt, Close, RequestOutcome};
use crate::route::{Answered, Unanswered};

/// A request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// When.
    pub at: SystemTime,
    /// Who pays.
    pub project: ProjectName,
    /// Key that it came with; empty without one.
    pub key_id: String,
    /// What the caller is doing.
    pub action: Option<ActionName>,
}

/// The plan is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// From the request's arrival to its plan, the classifier included.
    pub took: Duration,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When.
    pub at: SystemTime,
    /// Who answered, and whether that passed; or why nobody did.
    pub outcome: Result<(Answerer, bool), Failure>,
    /// What it cost.
    pub cost: NanoUsd,
    /// What the answer's tokens would have cost on the baseline model.
    pub baseline: Option<NanoUsd>,
    /// From its arrival to its end.
    pub latency: Duration,
    /// Of that, how long the ledger took to write its end down.
    pub settling: Option<Duration>,
    /// Whether it was given another request's answer.
    pub reused: bool,
}

/// Who answered, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Answerer {
    /// Tier, backend and model; `None` for an answer that nobody here knows the maker of.
    pub by: Option<(TierName, BackendName, ModelName)>,
    /// Score of the answer, if it was judged.
    pub score: Option<Score>,
}

/// All that is known of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: RequestId,
    /// What came.
    pub begun: Begun,
    /// Its plan, once there is one.
    pub planned: Option<Planned>,
    /// Attempts that are being made.
    pub running: Vec<Started>,
    /// Attempts that have ended, without their answers.
    pub attempts: Vec<Arc<Attempt>>,
    /// How it ended; `None` while it is being answered.
    pub ended: Option<Ended>,
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// The request.
    pub id: RequestId,
    /// Who pays for it.
    pub project: ProjectName,
    /// When.
    pub at: SystemTime,
    /// What.
    pub what: What,
}

/// What can happen to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// It has come.
    Begun(Begun),
    /// Its plan is made.
    Planned(Planned),
    /// A candidate is being tried.
    AttemptStarted(Started),
    /// An attempt has ended.
    AttemptEnded(Arc<Attempt>),
    /// It has ended.
    Ended(Ended),
}

impl Ended {
    pub(super) fn of(result: Result<&Answered, &Unanswered>) -> Self {
        match result {
            Ok(answered) => {
                let answering = answered.attempts.get(answered.answering);
                let score = answering.and_then(|attempt| Some(attempt.verdict.as_ref()?.score));
                let by = answering.map(|attempt| {
                    let candidate = &attempt.candidate;
                    let (tier, backend) = (candidate.tier.clone(), candidate.backend.clone());
                    (tier, backend, candidate.model.clone())
                });
                Self {
                    cost: answered.cost,
                    baseline: answered.baseline,
                    ..Self::with(Ok((Answerer { by, score }, answered.passed)))
                }
            }
            Err(unanswered) => Self {
                cost: unanswered.cost,
                ..Self::failed(&unanswered.failure)
            },
        }
    }

    pub(super) fn reused(close: &Close) -> Self {
        let named = |by: &Answering| (by.tier.clone(), by.backend.clone(), by.model.clone());
        let answerer = Answerer {
            by: close.answering.as_ref().map(named),
            score: close.score,
        };
        Self {
            baseline: close.baseline,
            reused: true,
            ..Self::with(Ok((answerer, close.outcome == RequestOutcome::Passed)))
        }
    }

    pub(super) fn failed(failure: &Failure) -> Self {
        Self::with(Err(failure.clone()))
    }

    /// One whose times nobody has measured yet.
    const fn with(outcome: Result<(Answerer, bool), Failure>) -> Self {
        Self {
            at: SystemTime::UNIX_EPOCH,
            outcome,
            cost: NanoUsd::ZERO,
            baseline: None,
            latency: Duration::ZERO,
            settling: None,
            reused: false,
        }
    }
}

impl Trace {
    pub(super) const fn new(id: RequestId, begun: Begun) -> Self {
        Self {
            id,
            begun,
            planned: None,
            running: Vec::new(),
            attempts: Vec::new(),
            ended: None,
        }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let plan = self
            .planned
            .as_ref()
            .map_or(0, |planned| bytes_of(&planned.plan));
        let attempts = self.attempts.iter().map(|attempt| bytes_of_one(attempt));
        size_of::<Self>() + plan + attempts.sum::<usize>()
    }
}

fn bytes_of(plan: &Plan) -> usize {
    let evidence = &plan.classification.evidence;
    let members = plan.consensus.iter().flat_map(|round| &round.members);
    let candidates = plan.candidates.iter().chain(members);
    let candidates = candidates.map(|candidate| size_of::<Candidate>() + candidate.why.len());
    let left_out = plan.left_out.iter();
    let left_out = left_out.map(|left_out| size_of::<LeftOut>() + left_out.why.len());
    let hashed = plan.classification.taught.hashed.as_ref();
    let why = plan
        .decision
        .as_ref()
        .map_or(0, |decision| decision.why.len());
    let evidence = evidence
        .iter()
        .map(|one| 64 + one.feature.len() + one.detail.len());
    size_of::<Plan>()
        + why
        + hashed.map_or(0, |hashed| hashed.bytes())
        + candidates.chain(left_out).chain(evidence).sum::<usize>()
}

fn bytes_of_one(attempt: &Attempt) -> usize {
    let checks = attempt.verdict.iter().flat_map(|verdict| &verdict.checks);
    let checks = checks.map(|check| 96 + check.check.len() + check.finding.len());
    // The candidate may be the plan's own or a copy for a repair.
    size_of::<Attempt>() + size_of::<Candidate>() + attempt.detail.len() + checks.sum::<usize>()
}
