//! What is to be learned from a request: from the verdicts on its answers, and from what its caller
//! says became of the one it got. Pure.
//!
//! A verdict tells something of gain where a lower tier answered first: if it passed, nothing higher
//! would have gained; if it was rejected, those above it gained what they made of it. An answer of the
//! highest tier tells how good its model is, and nothing of what a lower one would have done. What a
//! person says counts more than what the judge or the other members of a consensus think.

use std::sync::Arc;

use terrace_domain::{ActionName, ModelName, ProjectName};

use crate::classification::{Classification, Hashed};
use crate::request::Request;
use crate::route::Answered;
use crate::route::plan::Rules;
use crate::route::trail::Attempt;

/// What a verdict counts, and what a person says.
const OF_A_JUDGE: f64 = 0.5;
const OF_A_PERSON: f64 = 1.0;
/// What the highest tier would have made of a question, as far as anybody knows.
const OF_THE_HIGHEST: f64 = 0.9;
/// The most models that one request tells of.
const MOST_MODELS: usize = 16;

/// What is to be learned from one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The question; `None` when only the label is known.
    pub hashed: Option<Arc<Hashed>>,
    /// Whose traffic it is.
    pub project: ProjectName,
    /// What the caller was doing.
    pub action: Option<ActionName>,
    /// How much a higher tier gained over a lower, or would have, -1 to 1.
    pub gain: Option<f64>,
    /// How good the answers of models were, 0 to 1.
    pub models: Vec<(ModelName, f64)>,
    /// How much it counts.
    pub count: f64,
}

/// What a caller did with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Used as it was.
    Accepted,
    /// Used after changes.
    Edited,
    /// Thrown away.
    Rejected,
    /// Asked again.
    Retried,
}

impl Reported {
    /// How good the answer was, 0 to 1.
    const fn quality(self) -> f64 {
        match self {
            Self::Accepted => 1.0,
            Self::Edited => 0.5,
            Self::Rejected | Self::Retried => 0.0,
        }
    }
}

/// An answer that its caller may still say something of.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    hashed: Option<Arc<Hashed>>,
    project: ProjectName,
    action: Option<ActionName>,
    model: ModelName,
    /// Whether a higher tier could have been asked.
    is_low: bool,
}

impl Given {
    /// What a caller may say something of later.
    #[must_use]
    pub fn of(request: &Request, answered: &Answered, rules: &Rules) -> Option<Self> {
        let answering = answered.attempts.get(answered.answering)?;
        Some(Self {
            hashed: answered.classification.taught.hashed.clone(),
            project: request.project.clone(),
            action: request.action.clone(),
            model: answering.candidate.model.clone(),
            is_low: is_low(answering, rules),
        })
    }

    /// What its caller's word teaches.
    #[must_use]
    pub fn lesson(&self, reported: Reported) -> Lesson {
        let quality = reported.quality();
        let gain = (OF_THE_HIGHEST - quality).max(0.0);
        Lesson {
            hashed: self.hashed.clone(),
            project: self.project.clone(),
            action: self.action.clone(),
            gain: self.is_low.then_some(gain),
            models: vec![(self.model.clone(), quality)],
            count: OF_A_PERSON,
        }
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        256 + self.hashed.as_ref().map_or(0, |hashed| hashed.bytes())
    }
}

/// What the verdicts on a request's attempts teach; `None` when there is nothing to learn.
#[must_use]
pub fn of_verdicts(
    request: &Request,
    classification: &Classification,
    attempts: &[Attempt],
    rules: &Rules,
) -> Option<Lesson> {
    let judged = || attempts.iter().filter(|attempt| is_told(attempt));
    let models: Vec<_> = judged()
        .take(MOST_MODELS)
        .map(|attempt| (attempt.candidate.model.clone(), passed(attempt)))
        .collect();
    if models.is_empty() {
        return None;
    }
    let first = judged().next().filter(|first| is_low(first, rules));
    Some(Lesson {
        hashed: classification.taught.hashed.clone(),
        project: request.project.clone(),
        action: request.action.clone(),
        gain: first.and_then(|first| gain(first, judged(), rules)),
        models,
        count: OF_A_JUDGE,
    })
}

/// What is known of the answer that a caller got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Whether its judge passed it.
    pub passed: bool,
    /// Whether that was not known when the request ended, so that nothing was learned of it yet.
    pub is_news: bool,
}

/// What the answer of another tier teaches beside the one that the caller got; `None` when nobody
/// could judge it. Here both are known, so that a gain may also be a loss.
#[must_use]
pub fn of_shadow(
    request: &Request,
    answered: &Answered,
    (given, shadow): (Compared, &Attempt),
    rules: &Rules,
) -> Option<Lesson> {
    let answering = answered.attempts.get(answered.answering)?;
    if !is_told(shadow) {
        return None;
    }
    let (own, other) = (f64::from(u8::from(given.passed)), passed(shadow));
    let rank = |attempt: &Attempt| rules.rank_of(&attempt.candidate.tier);
    let gain = if rank(shadow) > rank(answering) {
        other - own
    } else {
        own - other
    };
    let news = given
        .is_news
        .then(|| (answering.candidate.model.clone(), own));
    let asked = (shadow.candidate.model.clone(), other);
    Some(Lesson {
        hashed: answered.classification.taught.hashed.clone(),
        project: request.project.clone(),
        action: request.action.clone(),
        gain: Some(gain),
        models: news.into_iter().chain([asked]).collect(),
        count: OF_A_JUDGE,
    })
}

/// An answer that somebody judged, and that was not made of another's.
fn is_told(attempt: &Attempt) -> bool {
    let is_judged = attempt.verdict.as_ref().is_some_and(|own| !own.undecided);
    is_judged && attempt.repair_of.is_none()
}

/// Members of a consensus were accepted because they agreed, or rejected because they did not.
fn passed(attempt: &Attempt) -> f64 {
    use crate::route::trail::Outcome;
    f64::from(u8::from(attempt.outcome == Outcome::Accepted))
}

fn is_low(attempt: &Attempt, rules: &Rules) -> bool {
    let rank = rules.rank_of(&attempt.candidate.tier);
    rank.is_some_and(|rank| rank + 1 < rules.tiers.len())
}

/// What those above the first made of it; nothing is known when it fell short and nobody above was
/// judged.
fn gain<'a>(
    first: &Attempt,
    judged: impl Iterator<Item = &'a Attempt>,
    rules: &Rules,
) -> Option<f64> {
    if passed(first) > 0.0 {
        return Some(0.0);
    }
    let rank = rules.rank_of(&first.candidate.tier);
    let above = judged.filter(|other| rules.rank_of(&other.candidate.tier) > rank);
    above.map(passed).reduce(f64::max)
}

#[cfg(test)]
mod tests;
