//! What a request comes to once no candidate is left: an answer, or one failure that tells all.

use terrace_domain::{Failure, Reason};

use crate::request::OnExhausted;
use crate::route::plan::Plan;
use crate::route::trail::{Attempt, Outcome, RequestOutcome};

/// The end of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// The attempt with this index answers.
    Answered {
        /// Position among the attempts.
        index: usize,
        /// Whether its answer passed.
        passed: bool,
    },
    /// Nobody answers.
    Failed(Failure),
}

impl End {
    /// The failure, if it is that another request has the same id.
    #[must_use]
    pub fn of_a_used_id(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) if failure.reason == Reason::RequestIdUsed => Some(failure),
            Self::Failed(_) | Self::Answered { .. } => None,
        }
    }

    /// The end in the ledger's words.
    #[must_use]
    pub fn outcome(&self) -> RequestOutcome {
        match self {
            Self::Answered { passed: true, .. } => RequestOutcome::Passed,
            Self::Answered { passed: false, .. } => RequestOutcome::BestEffort,
            Self::Failed(failure) => match failure.reason {
                Reason::Cancelled | Reason::DeadlineExceeded => RequestOutcome::Cancelled,
                _ => RequestOutcome::Failed,
            },
        }
    }
}

/// Decides what a request comes to; `out_of_time` tells a passed deadline from a caller that left.
#[must_use]
pub fn decide(plan: &Plan, attempts: &[Attempt], out_of_time: bool) -> End {
    if let Some(index) = accepted(attempts) {
        let judged = attempts
            .get(index)
            .is_some_and(|attempt| attempt.verdict.is_some());
        return End::Answered {
            index,
            passed: judged || !plan.quality_check,
        };
    }
    if position(attempts, |outcome| *outcome == Outcome::Cancelled).is_some() {
        return End::Failed(gone(out_of_time));
    }
    if let Some(index) = committed_answer(attempts) {
        // The caller has it already; all that is left to say is how good it is.
        return match plan.on_exhausted {
            OnExhausted::BestEffort => End::Answered {
                index,
                passed: false,
            },
            OnExhausted::Strict => End::Failed(short(attempts, index)),
        };
    }
    let mut hard_ends = attempts.iter().filter(|attempt| attempt.ends_request());
    if let Some(failure) = hard_ends.find_map(Attempt::failure) {
        return End::Failed(failure.clone());
    }
    match (best(attempts), plan.on_exhausted) {
        (Some(index), OnExhausted::BestEffort) => End::Answered {
            index,
            passed: false,
        },
        (Some(index), OnExhausted::Strict) => End::Failed(short(attempts, index)),
        (None, _) => End::Failed(nobody_answered(plan, attempts)),
    }
}

/// The accepted attempt. Several are when a consensus agreed on them: then the best-scored, of equals
/// the cheapest, of those the first.
fn accepted(attempts: &[Attempt]) -> Option<usize> {
    let all = attempts.iter().enumerate();
    let accepted = all.filter(|(_, attempt)| attempt.outcome == Outcome::Accepted);
    let best_first = accepted.min_by(|(_, a), (_, b)| {
        let by_score = b.score().get().total_cmp(&a.score().get());
        by_score.then_with(|| a.cost.cmp(&b.cost))
    });
    best_first.map(|(index, _)| index)
}

/// The attempt that was committed and then fell short, if there is one.
fn committed_answer(attempts: &[Attempt]) -> Option<usize> {
    let (index, last) = attempts.iter().enumerate().next_back()?;
    let fell_short = last.committed && last.outcome == Outcome::Rejected;
    fell_short.then_some(index)
}

fn position(attempts: &[Attempt], is: impl Fn(&Outcome) -> bool) -> Option<usize> {
    attempts.iter().position(|attempt| is(&attempt.outcome))
}

fn gone(out_of_time: bool) -> Failure {
    if out_of_time {
        Failure::new(
            Reason::DeadlineExceeded,
            "the deadline passed before an answer was ready",
        )
    } else {
        Failure::new(Reason::Cancelled, "the caller went away")
    }
}

/// The attempt with the best-scored answer; of equals the last, which is of the higher tier.
fn best(attempts: &[Attempt]) -> Option<usize> {
    let answered = attempts
        .iter()
        .enumerate()
        .filter(|(_, attempt)| attempt.answer.is_some());
    answered
        .max_by(|(_, a), (_, b)| a.score().get().total_cmp(&b.score().get()))
        .map(|(index, _)| index)
}

fn short(attempts: &[Attempt], best: usize) -> Failure {
    let detail = attempts
        .get(best)
        .map_or("", |attempt| attempt.detail.as_str());
    Failure::new(
        Reason::QualityNotReached,
        format!("no answer was good enough; the best one {detail}"),
    )
}

fn nobody_answered(plan: &Plan, attempts: &[Attempt]) -> Failure {
    let Some(last) = attempts.iter().rev().find_map(Attempt::failure) else {
        return no_candidate(plan);
    };
    if attempts
        .iter()
        .all(|attempt| attempt.reason() == Some(last.reason))
    {
        return last.clone();
    }
    let told = attempts.iter().filter_map(|attempt| {
        let candidate = &attempt.candidate;
        let reason = attempt.reason()?;
        Some(format!(
            "{} {}: {reason}, {}",
            candidate.tier, candidate.model, attempt.detail
        ))
    });
    let mut failure = Failure::new(
        Reason::AllAttemptsFailed,
        format!("nobody answered. {}", told.collect::<Vec<_>>().join(". ")),
    );
    failure.quotas = attempts
        .iter()
        .filter_map(Attempt::failure)
        .flat_map(|failure| failure.quotas.clone())
        .collect();
    failure.retry_after = attempts
        .iter()
        .filter_map(Attempt::failure)
        .filter_map(|failure| failure.retry_after)
        .min();
    failure
}

fn no_candidate(plan: &Plan) -> Failure {
    let told = plan
        .left_out
        .iter()
        .map(|left_out| format!("{} {}: {}", left_out.tier, left_out.model, left_out.why))
        .collect::<Vec<_>>();
    let message = if told.is_empty() {
        "no gateway has listed any model yet: are the gateways running?".to_owned()
    } else {
        format!("no model can serve this request. {}", told.join(". "))
    };
    Failure::new(Reason::NoCandidate, message)
}

#[cfg(test)]
mod tests;
