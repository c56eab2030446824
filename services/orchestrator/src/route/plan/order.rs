//! In which order candidates are tried, and why each stands where it does. Pure.
//!
//! From the start tier upwards, then, as a last resort, from just below it downwards. Within a tier:
//!
//! 1. the model that the request's session is at home with,
//! 2. models that are made for the task,
//! 3. what a good enough answer is expected to cost: the price of a call over the share of its
//!    answers that reach the wanted score; a model twice as late as the wished latency counts as
//!    twice as dear,
//! 4. who reaches the wished latency, who is more often good enough, who does not fail, who is
//!    less busy, each in coarse steps, so that equals stay in the order of the config.

use std::cmp::Ordering;
use std::time::Duration;

use terrace_domain::NanoUsd;

use crate::classification::{Classification, Source};
use crate::request::Request;
use crate::route::plan::Candidate;
use crate::route::plan::decision::{Course, Decision, Facts};
use crate::route::plan::share::rounded;
use crate::route::record::Record;
use crate::route::sessions::Home;

/// Answers that have to be judged before a plan speaks of them.
const ENOUGH: u32 = 5;
/// So many calls in flight are one step of load.
const STEP_OF_LOAD: u32 = 8;

/// Where a request starts, and why there.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) rank: usize,
    pub(super) because: String,
    /// Whether the judge is left out although answers are judged.
    unjudged: bool,
}

impl Start {
    /// A forced tier, else what an override or a marker demands, else what was decided or where the
    /// session is at home, whichever is higher. The decision tells its reason, and what it was made
    /// from where the request was free to go either way.
    pub(super) fn of(facts: &Facts<'_>, home: Option<&Home>) -> (Self, Decision) {
        let (request, rules) = (facts.request, facts.rules);
        let wanted = request.policy.tier.as_ref();
        let wanted = wanted.or(facts.classification.tier.as_ref());
        let demanded = wanted.and_then(|tier| rules.rank_of(tier));
        let is_free = demanded.is_none() && request.policy.model.is_none();
        let own = match demanded {
            Some(rank) => Self::demanded(rank, facts),
            None if request.policy.model.is_some() => Self::by_difficulty(facts),
            None => Self::chosen(facts),
        };
        let start = own.or_at_home(facts, home, demanded.is_some());
        let decision = Decision {
            // Filled in by whoever knows which tiers can be asked.
            course: Course::LowWithJudge,
            why: start.because.clone(),
            weights: facts.weights(),
            gain: facts.gain(),
            cut: facts.cut.map(|cut| cut.gain),
            ways: facts.ways().filter(|_| is_free),
        };
        (start, decision)
    }

    fn demanded(rank: usize, facts: &Facts<'_>) -> Self {
        Self {
            rank,
            because: because(facts.request, facts.classification),
            unjudged: false,
        }
    }

    fn by_difficulty(facts: &Facts<'_>) -> Self {
        Self::demanded(facts.rules.rank_of_difficulty(facts.classification), facts)
    }

    fn chosen(facts: &Facts<'_>) -> Self {
        let choice = facts.choose();
        if let Some(rank) = choice.rank {
            return Self {
                rank,
                because: choice.why,
                unjudged: choice.unjudged,
            };
        }
        let mut start = Self::by_difficulty(facts);
        if !choice.why.is_empty() {
            start.because = format!("{} ({})", start.because, choice.why);
        }
        start
    }

    /// The session's home, where that is higher and nothing else was demanded.
    fn or_at_home(self, facts: &Facts<'_>, home: Option<&Home>, is_demanded: bool) -> Self {
        let request = facts.request;
        let home = home.and_then(|home| facts.rules.rank_of(&home.tier));
        let is_higher = |home: &usize| *home > self.rank && request.policy.tier.is_none();
        let Some(rank) = home.filter(is_higher) else {
            return self;
        };
        let because = if request.prompt.ends_in_tool_result() {
            "the session is in the middle of a tool exchange in this tier"
        } else if is_demanded {
            return self;
        } else {
            "the session was served well in this tier"
        };
        Self {
            rank,
            because: because.to_owned(),
            unjudged: false,
        }
    }

    /// What the request is in for, when the tiers up to `highest` can be asked.
    pub(super) fn course(&self, facts: &Facts<'_>, highest: usize) -> Course {
        if self.rank >= highest {
            Course::DirectHigh
        } else if self.unjudged || !facts.request.policy.quality_check {
            Course::DirectLow
        } else {
            Course::LowWithJudge
        }
    }

    /// From the start tier upwards, then from just below it downwards.
    pub(super) fn distance(&self, rank: usize) -> (bool, usize) {
        (rank < self.rank, rank.abs_diff(self.rank))
    }
}

/// What puts a candidate before others of its tier; the lower, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Merit {
    is_away_from_home: bool,
    is_general: bool,
    cost: i128,
    is_late: bool,
    /// Quarters of its answers that are expected to fall short.
    short: u8,
    is_failing: bool,
    load: u32,
}

impl Merit {
    pub(super) fn of(
        candidate: &Candidate,
        record: &Record,
        request: &Request,
        (is_special, is_home): (bool, bool),
    ) -> Self {
        let target = request.policy.latency_target;
        Self {
            is_away_from_home: !is_home,
            is_general: !is_special,
            cost: weighed(candidate, record, target),
            is_late: overshoot(candidate, target) > 1000,
            short: 4 - quarters(record),
            is_failing: record.failing,
            load: record.in_flight / STEP_OF_LOAD,
        }
    }
}

/// Nano-USD that a good enough answer is expected to cost, the wish for speed weighed in.
fn weighed(candidate: &Candidate, record: &Record, target: Option<Duration>) -> i128 {
    let cost = i128::from(candidate.expected.max(NanoUsd::ZERO).get());
    let late = i128::from(overshoot(candidate, target));
    let passes = i128::from(thousandths(record).max(1));
    cost * late / passes
}

/// How much longer than wished it is expected to take, in thousandths; 1000 when it does not.
fn overshoot(candidate: &Candidate, target: Option<Duration>) -> u64 {
    let (Some(target), Some(expected)) = (target, candidate.expected_latency) else {
        return 1000;
    };
    let target = target.as_millis().max(1);
    let share = expected.as_millis() * 1000 / target;
    u64::try_from(share).unwrap_or(u64::MAX).max(1000)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a score is between 0 and 1"
)]
fn thousandths(record: &Record) -> u32 {
    (record.expected_to_pass().get() * 1000.0).round() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a score is between 0 and 1"
)]
fn quarters(record: &Record) -> u8 {
    (record.expected_to_pass().get() * 4.0).round() as u8
}

fn because(request: &Request, classification: &Classification) -> String {
    if request.policy.model.is_some() {
        return "the request asks for this model".to_owned();
    }
    if request.policy.tier.is_some() {
        return "the request asks for this tier".to_owned();
    }
    match classification.source {
        Source::ActionOverride => {
            format!("action_tier_overrides sends {} here", request.action())
        }
        Source::Marker => "the prompt's marker sends it here".to_owned(),
        Source::Scorer => format!(
            "its difficulty of {} starts in this tier",
            classification.difficulty
        ),
        Source::Unavailable => "the classifier could not be asked, so it starts low".to_owned(),
    }
}

/// Why a candidate stands where it does.
pub(super) fn why(
    candidate: &Candidate,
    record: &Record,
    request: &Request,
    (start, rank): (&Start, usize),
    merit: Merit,
) -> String {
    let mut parts = vec![match rank.cmp(&start.rank) {
        Ordering::Equal => start.because.clone(),
        Ordering::Greater => "the next tier up, if the ones before fall short".to_owned(),
        Ordering::Less => "last resort: only if nobody above gives any answer".to_owned(),
    }];
    if !merit.is_away_from_home {
        parts.push("it served the session before".to_owned());
    }
    if !merit.is_general {
        parts.push("made for code".to_owned());
    }
    if record.judged >= ENOUGH {
        let (good, judged) = (record.good, record.judged);
        let wanted = request.policy.quality_threshold;
        parts.push(format!(
            "{good} of its last {judged} answers reached {wanted}"
        ));
    }
    if merit.is_late
        && let Some(expected) = candidate.expected_latency
    {
        parts.push(format!("slower than wished: about {}", rounded(expected)));
    }
    if merit.is_failing {
        parts.push("it failed in most of its last calls".to_owned());
    }
    if merit.load > 0 {
        parts.push(format!("busy: {} calls in flight", record.in_flight));
    }
    if let Some(failure) = &candidate.no_budget {
        parts.push(format!("not called for now: {}", failure.message));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests;
