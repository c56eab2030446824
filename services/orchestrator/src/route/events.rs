//! What happens to a request while it is being answered, for callers that asked for a stream and for
//! whoever watches ([`super::traces`]), and when an answer may leave.

use std::sync::Arc;
use std::time::SystemTime;

use terrace_domain::{BackendName, ModelName, RequestId, TierName};
use tokio::sync::mpsc;

use crate::answer::Delta;
use crate::route::plan::{Candidate, Plan};
use crate::route::traces::Tracer;
use crate::route::trail::{Attempt, Outcome};

/// An attempt that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Position among the attempts.
    pub index: u32,
    /// Tier of the model.
    pub tier: TierName,
    /// Backend that runs it.
    pub backend: BackendName,
    /// The model.
    pub model: ModelName,
    /// Position of the attempt whose answer it is to repair.
    pub repair_of: Option<u32>,
    /// When it began.
    pub at: SystemTime,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The plan is made.
    PlanMade {
        /// Id of the request.
        id: RequestId,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// A candidate is being tried.
    AttemptStarted(Started),
    /// More of an answer.
    Chunk {
        /// Position of its attempt.
        index: u32,
        /// What came.
        delta: Delta,
        /// Whether a rejection may still take it back.
        provisional: bool,
    },
    /// Nothing can take back what left of this attempt, nor what follows of it.
    Committed {
        /// Position of the attempt.
        index: u32,
    },
    /// An attempt fell short or failed.
    AttemptRejected(Box<Attempt>),
}

/// When an answer may leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Commit {
    /// Not before its verdict.
    #[default]
    HoldBack,
    /// When its first tokens have been looked at and nothing is against them.
    Prefix {
        /// How many tokens are held back until then.
        tokens: u64,
    },
    /// At once, to be taken back when the attempt is rejected.
    Provisional,
}

/// Where events go: to the caller's stream, if there is one, and into the request's trace.
#[derive(Debug, Clone, Default)]
pub struct Events {
    sender: Option<mpsc::Sender<Event>>,
    commit: Commit,
    tracer: Option<Tracer>,
}

impl Events {
    /// Events that nobody wants.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self {
            sender: None,
            commit: Commit::HoldBack,
            tracer: None,
        }
    }

    /// Events into a channel; a full one makes the request wait, a closed one is ignored.
    #[must_use]
    pub const fn to(sender: mpsc::Sender<Event>, commit: Commit) -> Self {
        Self {
            sender: Some(sender),
            commit,
            tracer: None,
        }
    }

    /// The same, noted in a trace too.
    #[must_use]
    pub fn traced(&self, tracer: &Tracer) -> Self {
        Self {
            tracer: Some(tracer.clone()),
            ..self.clone()
        }
    }

    /// When an answer may leave.
    #[must_use]
    pub const fn commit(&self) -> Commit {
        self.commit
    }

    /// Sends one event.
    pub async fn send(&self, event: Event) {
        if let Some(tracer) = &self.tracer {
            tracer.note(&event);
        }
        if let Some(sender) = &self.sender {
            // A receiver that is gone is a caller that is gone: its cancel ends the request.
            let _gone = sender.send(event).await;
        }
    }

    /// The end of the request is about to be written down.
    pub(super) fn settling(&self) {
        if let Some(tracer) = &self.tracer {
            tracer.settling();
        }
    }

    /// Tells of an attempt that has ended: the caller of one that did not answer, unless it was
    /// committed, which nobody can take back.
    pub async fn attempt_ended(&self, attempt: &Attempt) {
        if let Some(tracer) = &self.tracer {
            tracer.attempt_ended(attempt);
        }
        let stands = attempt.committed || attempt.outcome == Outcome::Accepted;
        if self.sender.is_some() && !stands {
            self.send(Event::AttemptRejected(Box::new(attempt.clone())))
                .await;
        }
    }
}

impl Event {
    /// A candidate is being tried.
    pub(super) fn attempt_started(
        index: u32,
        candidate: &Candidate,
        repair_of: Option<u32>,
    ) -> Self {
        Self::AttemptStarted(Started {
            index,
            tier: candidate.tier.clone(),
            backend: candidate.backend.clone(),
            model: candidate.model.clone(),
            repair_of,
            at: SystemTime::now(),
        })
    }
}
