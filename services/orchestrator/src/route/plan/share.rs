//! Who may take how much of the deadline. Pure.
//!
//! 1. While others may follow, an attempt may take half of what is left; more when its answers are
//!    known to need more, as long as the next one keeps what it needs, at least a quarter.
//! 2. With nobody behind it, it may take all but what judge and settlement need.
//! 3. Who cannot finish even so is not tried: its time is worth more to the others.
//!
//! The plan hands out shares as if everybody took all of theirs; whoever is quicker, or is skipped,
//! leaves more to those behind, by the same rules.

use std::time::Duration;

use terrace_domain::{Failure, Reason};

use crate::route::plan::{Candidate, LeftOut, Plan};

/// Kept back from the last attempt for the judge and the settlement after it.
const KEPT_BACK: Duration = Duration::from_millis(500);

impl Plan {
    /// What the candidate at `position` may take of `left`, when so many attempts before it count
    /// against the limit.
    #[must_use]
    pub fn share(&self, position: usize, called: usize, left: Duration) -> Duration {
        let attempts = (self.max_attempts as usize).saturating_sub(called);
        share(&self.candidates, position, attempts, left)
    }

    /// What the members of a consensus may take of `left`, before any candidate.
    #[must_use]
    pub fn share_at_once(&self, left: Duration) -> Duration {
        at_once(&self.candidates, self.max_attempts, left)
    }
}

impl Candidate {
    /// Why it is not worth a try within `share`, if it is not.
    #[must_use]
    pub fn cannot_finish_in(&self, share: Duration) -> Option<Failure> {
        let expected = self.expected_latency.filter(|expected| *expected > share)?;
        let message = format!(
            "answers of {} take about {}, and it could have {} of the deadline: allow more time",
            self.model,
            rounded(expected),
            rounded(share)
        );
        Some(Failure::new(Reason::BackendTimeout, message))
    }
}

/// What those who are asked at once may take: half while somebody may follow, else all but what
/// judge and settlement need.
pub(super) fn at_once(candidates: &[Candidate], max_attempts: u32, left: Duration) -> Duration {
    let is_followed = max_attempts > 1 && candidates.iter().any(|next| !next.last_resort);
    if is_followed {
        left / 2
    } else {
        left.saturating_sub(kept_back(left))
    }
}

/// Hands out `time`, and takes out whoever cannot finish in what it would get.
pub(super) fn hand_out(
    candidates: &mut Vec<Candidate>,
    max_attempts: u32,
    time: Duration,
) -> Vec<LeftOut> {
    let alone = time.saturating_sub(kept_back(time));
    let mut too_slow = Vec::new();
    let cannot = |candidate: &Candidate| candidate.cannot_finish_in(alone).is_some();
    for candidate in candidates.extract_if(.., |candidate| cannot(candidate)) {
        too_slow.push(left_out(&candidate, alone));
    }
    loop {
        give(candidates, max_attempts as usize, time);
        // Those behind the first may yet get more than it looks now.
        let Some(first) = candidates.first() else {
            return too_slow;
        };
        let share = first.share.unwrap_or(alone);
        if first.cannot_finish_in(share).is_none() {
            return too_slow;
        }
        too_slow.push(left_out(&candidates.remove(0), share));
    }
}

/// Gives everybody who would be called its share, as if those before took all of theirs.
fn give(candidates: &mut [Candidate], max_attempts: usize, time: Duration) {
    let (mut left, mut attempts) = (time, max_attempts);
    for position in 0..candidates.len() {
        let wanted = share(candidates, position, attempts, left);
        let Some(candidate) = candidates.get_mut(position) else {
            return;
        };
        let is_called = attempts > 0 && candidate.no_budget.is_none();
        candidate.share = is_called.then_some(wanted);
        if is_called {
            left = left.saturating_sub(wanted);
            attempts -= 1;
        }
    }
}

fn share(candidates: &[Candidate], position: usize, attempts: usize, left: Duration) -> Duration {
    let own = candidates.get(position);
    let needed = own.map(needed).unwrap_or_default();
    match follower(candidates, position, attempts) {
        None => left.saturating_sub(kept_back(left)),
        Some(next) => {
            let kept = self::needed(next).clamp(left / 4, left / 2);
            needed.clamp(left / 2, left.saturating_sub(kept))
        }
    }
}

/// Who would be tried if the candidate at `position` fell short.
fn follower(candidates: &[Candidate], position: usize, attempts: usize) -> Option<&Candidate> {
    if attempts < 2 {
        return None;
    }
    let is_last_resort = candidates.get(position)?.last_resort;
    let behind = candidates.get(position + 1..)?;
    // A last resort is for when nobody answers: nothing is kept for it.
    let counts = |next: &&Candidate| is_last_resort || !next.last_resort;
    behind
        .iter()
        .find(|next| next.no_budget.is_none())
        .filter(counts)
}

/// What a candidate needs, with a quarter more than expected; nothing when that is not known.
fn needed(candidate: &Candidate) -> Duration {
    let expected = candidate.expected_latency.unwrap_or_default();
    expected.saturating_add(expected / 4)
}

fn kept_back(left: Duration) -> Duration {
    KEPT_BACK.min(left / 10)
}

fn left_out(candidate: &Candidate, share: Duration) -> LeftOut {
    let why = candidate.cannot_finish_in(share);
    LeftOut {
        tier: candidate.tier.clone(),
        backend: candidate.backend.clone(),
        model: candidate.model.clone(),
        why: why.map(|failure| failure.message).unwrap_or_default(),
    }
}

/// A span as people say it.
pub(super) fn rounded(span: Duration) -> String {
    match span.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{} ms", span.as_millis()),
        seconds => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests;
