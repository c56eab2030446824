//! What a run says in the end, for people and for machines.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;
use terrace_domain::Failure;

use crate::callers::{Answer, Heard};
use crate::claims::Claim;
use crate::observer::Observed;
use crate::soak::Window;

/// What clients heard, counted.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// Questions that were asked.
    pub asked: usize,
    /// Of these, answered.
    pub answered: usize,
    /// The others, by what their clients were told; what has a digit in it is left out.
    pub unanswered: BTreeMap<String, usize>,
    /// Questions that were sent more than once.
    pub sent_again: usize,
    /// The median time to an answer, in milliseconds.
    pub p50_ms: u64,
    /// The 99th percentile of it.
    pub p99_ms: u64,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of(heard: &[Heard]) -> Self {
        let mut tally = Self {
            asked: heard.len(),
            ..Self::default()
        };
        let mut took = Vec::new();
        for one in heard {
            tally.sent_again += usize::from(one.tries > 1);
            match &one.end {
                Ok(_) => took.push(one.took),
                Err(failure) => *tally.unanswered.entry(told(failure)).or_default() += 1,
            }
        }
        took.sort_unstable();
        let at = |percent: usize| {
            let time = took.get(took.len() * percent / 100).copied();
            u64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
        };
        tally.answered = took.len();
        (tally.p50_ms, tally.p99_ms) = (at(50), at(99));
        tally
    }

    /// Adds what was heard later; the longest of both medians and percentiles stands.
    pub fn add(&mut self, later: Self) {
        self.asked += later.asked;
        self.answered += later.answered;
        self.sent_again += later.sent_again;
        for (told, count) in later.unanswered {
            *self.unanswered.entry(told).or_default() += count;
        }
        self.p50_ms = self.p50_ms.max(later.p50_ms);
        self.p99_ms = self.p99_ms.max(later.p99_ms);
    }
}

/// What a client was told, the same for all that were told the same.
fn told(failure: &Failure) -> String {
    let has_digit = |word: &str| word.contains(|letter: char| letter.is_ascii_digit());
    let words = failure
        .message
        .split(' ')
        .map(|word| match has_digit(word) {
            true => "…",
            false => word,
        });
    let words: Vec<&str> = words.collect();
    format!("{}: {}", failure.reason, words.join(" "))
}

/// The answers among what was heard.
#[must_use]
pub fn answers(heard: &[Heard]) -> Vec<Answer> {
    heard
        .iter()
        .filter_map(|one| one.end.clone().ok())
        .collect()
}

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was done, in words.
    pub attack: String,
    /// From the first question to the last answer.
    pub seconds: f64,
    /// What clients heard.
    pub clients: Tally,
    /// What the observer saw of the budgets, where one looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budgets: Option<Observed>,
    /// Figures of this kind of attack.
    pub figures: BTreeMap<&'static str, i64>,
    /// What came of each fault, where there were some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Survived>,
    /// What could not be done on this machine, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// What was measured of each window of a soak.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// What has to be true.
    pub claims: Vec<Claim>,
}

/// What clients saw of one fault.
#[derive(Debug, Serialize)]
pub struct Survived {
    /// Its name, as `stopped/cost-ledger`.
    pub fault: String,
    /// Questions asked from shortly before it until all was well again.
    pub asked: usize,
    /// Of these, answered.
    pub answered: usize,
    /// The others, by the reason.
    pub reasons: BTreeMap<String, usize>,
    /// From its end until a free and a paid question were answered, in milliseconds; absent: never.
    pub back_ms: Option<u64>,
}

impl Survived {
    /// Counts what clients heard while it went on.
    #[must_use]
    pub fn of(fault: String, heard: &[Heard], back: Option<Duration>) -> Self {
        let mut reasons = BTreeMap::new();
        for failure in heard.iter().filter_map(|one| one.end.as_ref().err()) {
            *reasons.entry(failure.reason.to_string()).or_default() += 1;
        }
        let unanswered: usize = reasons.values().sum();
        Self {
            fault,
            asked: heard.len(),
            answered: heard.len() - unanswered,
            reasons,
            back_ms: back.map(|back| u64::try_from(back.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl Report {
    /// Whether every claim is true.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.claims.iter().all(Claim::holds)
    }

    /// Questions a second.
    fn rate(&self) -> f64 {
        let asked = u32::try_from(self.clients.asked).unwrap_or(u32::MAX);
        f64::from(asked) / self.seconds.max(0.001)
    }
}

/// Tells whoever waits how far a run has got; standard output is the report's alone.
pub fn progress(text: &str) {
    // Nobody may be listening.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// A time with its fractions.
#[must_use]
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = &self.clients;
        writeln!(f, "{}", self.attack)?;
        writeln!(
            f,
            "{} asked in {} s ({:.0} a second), {} answered (p50 {} ms, p99 {} ms), {} sent again",
            clients.asked,
            self.seconds,
            self.rate(),
            clients.answered,
            clients.p50_ms,
            clients.p99_ms,
            clients.sent_again
        )?;
        for (told, count) in &clients.unanswered {
            writeln!(f, "  {count:>7}  {told}")?;
        }
        for (name, value) in &self.figures {
            writeln!(f, "  {value:>7}  {name}")?;
        }
        if let Some(seen) = &self.budgets {
            budgets(seen, f)?;
        }
        self.faults.iter().try_for_each(|one| survived(one, f))?;
        self.windows.iter().try_for_each(|one| window(one, f))?;
        for skipped in &self.skipped {
            writeln!(f, "skipped  {skipped}")?;
        }
        self.claims.iter().try_for_each(|claim| line(claim, f))
    }
}

fn budgets(seen: &Observed, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fullest = seen.fullest_per_mille;
    writeln!(
        f,
        "budgets read {} times, away {} times, at most {}.{} % spent and reserved",
        seen.looks,
        seen.away,
        fullest / 10,
        fullest % 10
    )
}

fn survived(one: &Survived, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let back = one.back_ms.map_or_else(
        || "not well again".to_owned(),
        |back| format!("well after {back} ms"),
    );
    let reasons: Vec<_> = one
        .reasons
        .iter()
        .map(|(why, n)| format!("{n} {why}"))
        .collect();
    writeln!(
        f,
        "  {:<32} {:>4} of {:<4} answered, {back:<22} {}",
        one.fault,
        one.answered,
        one.asked,
        reasons.join(", ")
    )
}

fn window(one: &Window, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let memory: i64 = one.memory_kib.values().sum();
    writeln!(
        f,
        "  {:>6} of {:<6} answered, p50 {:>5} ms, p99 {:>5} ms, cores {:>3} % busy, {:>6} MiB  {}",
        one.answered,
        one.asked,
        one.p50_ms,
        one.p99_ms,
        one.busy_percent,
        memory / 1024,
        one.fault.as_deref().unwrap_or_default()
    )
}

fn line(claim: &Claim, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (about, checked, wrong) = (claim.about, claim.checked, claim.wrong);
    match wrong {
        0 => writeln!(f, "holds  {about} ({checked})"),
        _ => writeln!(f, "WRONG  {about}: {wrong} of {checked}"),
    }?;
    let mut findings = claim.findings.iter();
    findings.try_for_each(|finding| writeln!(f, "         {finding}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::Reason;

    #[test]
    fn failures_that_differ_in_ids_and_amounts_are_counted_as_one() {
        let message = "request_id 01a21884-976a is open and has cost $0.000600 so far";
        let failure = Failure::new(Reason::RequestIdUsed, message);
        let wanted = "REQUEST_ID_USED: request_id … is open and has cost … so far";
        assert_eq!(told(&failure), wanted);
    }
}
