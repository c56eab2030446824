//! What a caller gets: an answer that was made for it, or one that is reused.

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{NanoUsd, RequestId, Score};
use terrace_proto::router::v1 as wire;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::request::Request;
use crate::route::Answered;
use crate::route::trail::{Answering, Close, RequestOutcome};

/// An answer, made for this request or reused.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer, as it was made.
    pub made: Made,
    /// Whose it was before; `None` when it was made now.
    pub reuse: Option<Reuse>,
}

/// An answer with everything about how it came to be.
#[derive(Debug, Clone)]
pub enum Made {
    /// By this orchestrator.
    Here(Arc<Answered>),
    /// By one that shares its answers, in the words in which it told of it.
    Told(Arc<Told>),
}

/// An answer as its orchestrator told of it. Carried in wire form: nobody here looks into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Id of the request that made it.
    pub id: RequestId,
    /// Position of the attempt that answers.
    pub answering: u32,
    /// What its caller was told.
    pub response: wire::RouteResponse,
}

/// How an answer comes to be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// How old it is.
    pub age: Duration,
    /// The request that has it now, and how long that took; `None` when it is the same request,
    /// sent again, whose attempts and cost it is told.
    pub by: Option<(RequestId, Duration)>,
}

impl Made {
    /// Id of the request that made it.
    #[must_use]
    pub fn id(&self) -> RequestId {
        match self {
            Self::Here(answered) => answered.id,
            Self::Told(told) => told.id,
        }
    }

    /// Position of the attempt that answers.
    #[must_use]
    pub fn answering(&self) -> u32 {
        match self {
            Self::Here(answered) => u32::try_from(answered.answering).unwrap_or(u32::MAX),
            Self::Told(told) => told.answering,
        }
    }

    /// The end of a request that is given this answer: nobody was called for it, and what it saved
    /// is its whole baseline.
    pub(super) fn close(&self, latency: Duration) -> Close {
        let (passed, baseline) = match self {
            Self::Here(answered) => (answered.passed, answered.baseline),
            Self::Told(told) => {
                let response = &told.response;
                (
                    response.passed,
                    response.baseline_nano_usd.map(NanoUsd::new),
                )
            }
        };
        let outcome = match passed {
            true => RequestOutcome::Passed,
            false => RequestOutcome::BestEffort,
        };
        Close {
            outcome,
            answering: self.maker(),
            baseline,
            score: self.score(),
            latency,
            reused: true,
        }
    }

    /// Who said it.
    fn maker(&self) -> Option<Answering> {
        match self {
            Self::Here(answered) => {
                let candidate = &answered.attempts.get(answered.answering)?.candidate;
                Some(Answering {
                    tier: candidate.tier.clone(),
                    backend: candidate.backend.clone(),
                    model: candidate.model.clone(),
                })
            }
            Self::Told(told) => {
                let decision = told.response.decision.as_ref()?;
                Some(Answering {
                    tier: decision.tier.parse().ok()?,
                    backend: decision.backend.parse().ok()?,
                    model: decision.model.parse().ok()?,
                })
            }
        }
    }

    fn score(&self) -> Option<Score> {
        match self {
            Self::Here(answered) => {
                let answering = answered.attempts.get(answered.answering)?;
                Some(answering.verdict.as_ref()?.score)
            }
            Self::Told(told) => {
                let verdict = told.response.verdict.as_ref()?;
                Score::new(verdict.score).ok()
            }
        }
    }

    /// What the model said.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Here(answered) => {
                let answering = answered.attempts.get(answered.answering);
                let answer = answering.and_then(|attempt| attempt.answer.clone());
                answer.unwrap_or_default()
            }
            Self::Told(told) => {
                let response = &told.response;
                Answer {
                    logprobs: response.logprobs.clone(),
                    finish_reason: response.finish_reason,
                    ..Answer::of_output(response.output.clone().unwrap_or_default())
                }
            }
        }
    }
}

impl Reply {
    /// An answer made for this request.
    pub(super) fn made(answered: Answered) -> Self {
        Self {
            made: Made::Here(Arc::new(answered)),
            reuse: None,
        }
    }

    /// The answer that this very request got before.
    pub(super) fn again(
        made: &Made,
        age: Duration,
        (request, arrived): (&Request, Instant),
    ) -> Self {
        if made.id() != request.id {
            // It had another one's answer then.
            return Self::reused(made, age, (request, arrived));
        }
        Self {
            made: made.clone(),
            reuse: Some(Reuse { age, by: None }),
        }
    }

    /// Another request's answer to the same question.
    pub(super) fn reused(
        made: &Made,
        age: Duration,
        (request, arrived): (&Request, Instant),
    ) -> Self {
        let by = Some((request.id, arrived.elapsed()));
        Self {
            made: made.clone(),
            reuse: Some(Reuse { age, by }),
        }
    }

    /// From the arrival of the request that reuses it.
    pub(super) fn latency(&self) -> Duration {
        let by = self.reuse.and_then(|reuse| reuse.by);
        by.map_or(Duration::ZERO, |(_, latency)| latency)
    }

    /// How old the answer is.
    pub(super) fn age(&self) -> Duration {
        self.reuse.map_or(Duration::ZERO, |reuse| reuse.age)
    }
}
