//! How an attempt ended, before anybody looked at the clock, and what that is billed.

use terrace_domain::{NanoUsd, Usage};

use crate::answer::Answer;
use crate::opinion::SecondOpinion;
use crate::route::plan::Candidate;
use crate::route::record::CallEnd;
use crate::route::trail::{Hops, Outcome};
use crate::verdict::Verdict;
/// How an attempt ended, before anybody looked at the clock.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) opinions: Vec<SecondOpinion>,
    pub(super) code_tree: Option<String>,
    pub(super) usage: Usage,
    pub(super) answer: Option<Answer>,
    pub(super) committed: bool,
    /// How the call of the model ended, as far as that says something of the model.
    pub(super) call: Option<CallEnd>,
    pub(super) hops: Hops,
}

impl Ended {
    pub(super) fn new(outcome: Outcome, usage: Usage) -> Self {
        let detail = match &outcome {
            Outcome::Failed(failure) | Outcome::Unjudged(failure) | Outcome::Skipped(failure) => {
                failure.message.clone()
            }
            Outcome::Cancelled => "the caller went away or its deadline passed".to_owned(),
            Outcome::Accepted | Outcome::Rejected | Outcome::CalledOff => String::new(),
        };
        Self {
            outcome,
            detail,
            verdict: None,
            opinions: Vec::new(),
            code_tree: None,
            usage,
            answer: None,
            committed: false,
            call: None,
            hops: Hops::default(),
        }
    }

    pub(super) fn answered(self, answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }
}

/// What the attempt cost; a call that was never made costs nothing, whatever its price a request.
pub(super) fn bill(candidate: &Candidate, ended: &Ended) -> NanoUsd {
    let used_anything = ended.usage.input_tokens > 0 || ended.usage.output_tokens > 0;
    if used_anything || ended.answer.is_some() {
        candidate.price.cost(ended.usage)
    } else {
        NanoUsd::ZERO
    }
}
