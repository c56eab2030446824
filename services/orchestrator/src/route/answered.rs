//! What a request comes to: an answer with everything about how it came to be, or why there is none.

use std::time::Duration;

use terrace_domain::{Failure, ModelName, NanoUsd, RequestId, Usage};

use crate::classification::Classification;
use crate::route::consensus::Consensus;
use crate::route::trail::Attempt;

/// An answer with everything about how it came to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Id of the request.
    pub id: RequestId,
    /// What the request was taken for.
    pub classification: Classification,
    /// Every attempt in order.
    pub attempts: Vec<Attempt>,
    /// What came of the consensus, if one was held.
    pub consensus: Option<Consensus>,
    /// Position of the attempt that answers.
    pub answering: usize,
    /// Whether its answer passed.
    pub passed: bool,
    /// What all attempts and the second opinions on them used.
    pub usage: Usage,
    /// What all attempts and the second opinions on them cost.
    pub cost: NanoUsd,
    /// What the answer's tokens would have cost on the baseline model.
    pub baseline: Option<NanoUsd>,
    /// The model that the baseline is the price of.
    pub baseline_model: Option<ModelName>,
    /// From the request's arrival to this answer.
    pub latency: Duration,
}

/// A request without an answer, and what was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Unanswered {
    /// Id of the request.
    pub id: RequestId,
    /// Why there is no answer.
    pub failure: Failure,
    /// Every attempt in order.
    pub attempts: Vec<Attempt>,
    /// What all attempts and the second opinions on them cost.
    pub cost: NanoUsd,
}

impl Unanswered {
    /// A request that tried nobody.
    #[must_use]
    pub fn without_attempts(id: RequestId, failure: Failure) -> Box<Self> {
        Self::new(id, failure, Vec::new())
    }

    pub(super) fn new(id: RequestId, failure: Failure, attempts: Vec<Attempt>) -> Box<Self> {
        Box::new(Self {
            id,
            failure,
            cost: total(&attempts, Attempt::whole_cost, NanoUsd::plus),
            attempts,
        })
    }
}

/// What something of all attempts adds up to.
pub(super) fn total<T: Default>(
    attempts: &[Attempt],
    of: fn(&Attempt) -> T,
    plus: fn(T, T) -> T,
) -> T {
    attempts.iter().map(of).fold(T::default(), plus)
}
