//! From findings to one score.
//!
//! The score is the weighted *harmonic* mean of what the checks gave. In a plain mean four checks
//! with nothing to complain about would buy off a fifth that found the answer worthless; in a
//! harmonic one a low score pulls the whole down in proportion to how bad it is, and a zero makes
//! it zero. A hard failure makes the score zero whatever the weights.
//!
//! Where a learned chance is known, the score is no higher than that: it was learned from answers
//! with the same defects, and means what it says where the checks have found none.
//!
//! Second opinions move what came of that, up or down, each by the odds that its word is worth.

use std::sync::Arc;

use terrace_domain::Score;
use terrace_learned::logistic::{logit, squash};

use crate::check::{Finding, Kind};

/// What a judge says of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Weighted score of the checks; means nothing when undecided.
    pub score: Score,
    /// Whether it reaches the threshold and no hard check failed.
    pub passed: bool,
    /// What it was held against.
    pub threshold: Score,
    /// What each check found, in the order of their cost.
    pub findings: Vec<Weighed>,
    /// Whether no check could say anything.
    pub undecided: bool,
}

/// A finding with its weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// Which check found it.
    pub kind: Kind,
    /// The name that the user gave a rule or a judge of their own.
    pub named: Option<Arc<str>>,
    /// How much it counts.
    pub weight: f64,
    /// What was found.
    pub finding: Finding,
}

impl Weighed {
    /// What a built-in check found.
    #[must_use]
    pub const fn of(kind: Kind, weight: f64, finding: Finding) -> Self {
        Self {
            kind,
            named: None,
            weight,
            finding,
        }
    }

    /// The name of the check, as `refusal` or `rule/cites`.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = self.kind.as_str();
        match &self.named {
            Some(name) => format!("{kind}/{name}"),
            None => kind.to_owned(),
        }
    }
}

/// No check is surer than that where others have a say: 19 of 20.
const SUREST: f64 = 0.95;

/// Adds findings up to a verdict.
#[must_use]
pub fn verdict(findings: Vec<Weighed>, threshold: Score) -> Verdict {
    let failed = findings.iter().any(|weighed| weighed.finding.hard_failure);
    let score = if failed {
        Score::ZERO
    } else {
        moved(&findings)
    };
    let undecided = !findings.iter().any(counts);
    Verdict {
        score,
        passed: !failed && score.passes(threshold),
        threshold,
        findings,
        undecided,
    }
}

/// What has no weight is told and counts for nothing.
fn counts(weighed: &Weighed) -> bool {
    weighed.weight > 0.0
}

const fn is_second(kind: Kind) -> bool {
    matches!(kind, Kind::Agreement | Kind::Critique)
}

/// What the checks come to, moved by second opinions; without any check they begin at even odds.
fn moved(findings: &[Weighed]) -> Score {
    let is_opinion = |weighed: &&Weighed| is_second(weighed.kind) && counts(weighed);
    let mut opinions = findings.iter().filter(is_opinion).peekable();
    if opinions.peek().is_none() {
        return scored(findings);
    }
    let is_check = |weighed: &Weighed| !is_second(weighed.kind) && counts(weighed);
    let begin = if findings.iter().any(is_check) {
        scored(findings).get().clamp(1.0 - SUREST, SUREST)
    } else {
        0.5
    };
    let moves = opinions.map(|weighed| weighed.weight * logit(weighed.finding.score.get()));
    Score::clamped(squash(logit(begin) + moves.sum::<f64>()))
}

/// The mean of the checks, or the lowest chance if that is less.
fn scored(findings: &[Weighed]) -> Score {
    let is_chance = |weighed: &&Weighed| weighed.kind == Kind::Chance;
    let chances = findings.iter().filter(is_chance);
    let chance = chances.map(|weighed| weighed.finding.score.get());
    let chance = chance.min_by(f64::total_cmp);
    let checked = findings
        .iter()
        .any(|weighed| !is_chance(&weighed) && !is_second(weighed.kind) && counts(weighed));
    match chance {
        Some(chance) if checked => Score::clamped(mean(findings).get().min(chance)),
        Some(chance) => Score::clamped(chance),
        None => mean(findings),
    }
}

/// The weighted harmonic mean, chances and opinions left out; zero for no findings at all.
fn mean(findings: &[Weighed]) -> Score {
    let (mut weights, mut inverses) = (0.0, 0.0);
    let checks = findings
        .iter()
        .filter(|weighed| weighed.kind != Kind::Chance && !is_second(weighed.kind))
        .filter(|weighed| counts(weighed));
    for weighed in checks {
        let score = weighed.finding.score.get();
        if score <= 0.0 {
            return Score::ZERO;
        }
        weights += weighed.weight;
        inverses += weighed.weight / score;
    }
    // Zero over zero is no number, which is clamped to zero: nothing was found.
    Score::clamped(weights / inverses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weighed(score: f64, weight: f64) -> Weighed {
        Weighed::of(Kind::Empty, weight, Finding::scored(score, ""))
    }

    fn threshold(value: f64) -> Score {
        Score::new(value).unwrap()
    }

    #[test]
    fn opinions_move_a_score_by_their_odds_and_one_without_any_moves_nothing() {
        let with = |chance| {
            let opinion = Weighed::of(Kind::Agreement, 1.0, Finding::scored(chance, ""));
            verdict(vec![weighed(0.6, 1.0), opinion], threshold(0.7))
                .score
                .get()
        };
        assert!((with(0.5) - 0.6).abs() < 1e-9);
        assert!((with(0.9) - 1.5 * 9.0 / (1.5 * 9.0 + 1.0)).abs() < 1e-9);
        assert!(with(0.1) < 0.2);
    }

    #[test]
    fn an_opinion_alone_begins_at_even_odds() {
        let opinion = Weighed::of(Kind::Critique, 1.0, Finding::scored(0.8, ""));
        let verdict = verdict(vec![opinion], threshold(0.7));
        assert!(!verdict.undecided && verdict.passed);
        assert!((verdict.score.get() - 0.8).abs() < 1e-9);
    }

    #[test]
    fn one_bad_finding_is_not_bought_off_by_good_ones() {
        let findings = vec![
            weighed(1.0, 1.0),
            weighed(1.0, 1.0),
            weighed(1.0, 1.0),
            weighed(0.3, 1.0),
        ];
        let verdict = verdict(findings, threshold(0.7));
        assert!(!verdict.passed);
        assert!((verdict.score.get() - 4.0 / (3.0 + 1.0 / 0.3)).abs() < 1e-9);
    }

    #[test]
    fn weights_say_how_much_a_finding_counts() {
        let score =
            |weight| verdict(vec![weighed(1.0, 1.0), weighed(0.5, weight)], Score::ZERO).score;
        assert!(score(5.0) < score(1.0) && score(1.0) < score(0.1));
    }

    #[test]
    fn a_hard_failure_passes_no_threshold() {
        let failed = Weighed {
            finding: Finding::hard("no"),
            ..weighed(0.0, 1.0)
        };
        let verdict = verdict(vec![weighed(1.0, 1.0), failed], Score::ZERO);
        assert!(!verdict.passed && !verdict.undecided);
        assert_eq!(verdict.score, Score::ZERO);
    }

    #[test]
    fn a_threshold_of_zero_passes_everything_that_did_not_fail_hard() {
        assert!(verdict(vec![weighed(0.0, 1.0)], Score::ZERO).passed);
    }

    #[test]
    fn no_findings_decide_nothing() {
        let verdict = verdict(Vec::new(), threshold(0.7));
        assert!(verdict.undecided && !verdict.passed);
    }

    #[test]
    fn a_learned_chance_caps_the_score_and_raises_nothing() {
        let chance = |chance| Weighed {
            kind: Kind::Chance,
            ..weighed(chance, 1.0)
        };
        let score = |findings| verdict(findings, Score::ZERO).score.get();
        assert!((score(vec![weighed(1.0, 1.0), chance(0.6)]) - 0.6).abs() < 1e-9);
        assert!((score(vec![weighed(0.5, 1.0), chance(0.9)]) - 0.5).abs() < 1e-9);
        assert!((score(vec![chance(0.9)]) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn a_finding_of_no_weight_is_told_and_changes_nothing() {
        let told = weighed(0.0, 0.0);
        let verdict = verdict(vec![weighed(0.9, 1.0), told.clone()], threshold(0.7));
        assert!(verdict.passed && verdict.findings.len() == 2);
        assert!(super::verdict(vec![told], threshold(0.7)).undecided);
    }

    proptest! {
        #[test]
        fn the_mean_lies_between_the_worst_and_the_best(
            scores in proptest::collection::vec((0.001_f64..=1.0, 0.01_f64..10.0), 1..6),
        ) {
            let findings: Vec<_> = scores.iter().map(|(score, weight)| weighed(*score, *weight)).collect();
            let worst = scores.iter().map(|one| one.0).fold(1.0, f64::min);
            let best = scores.iter().map(|one| one.0).fold(0.0, f64::max);
            let mean = mean(&findings).get();
            prop_assert!(mean >= worst - 1e-9 && mean <= best + 1e-9);
        }
    }
}
