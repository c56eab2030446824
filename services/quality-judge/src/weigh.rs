//! From findings to one score.
//!
//! The score is the weighted *harmonic* mean of what the checks gave. In a plain mean four checks
//! with nothing to complain about would buy off a fifth that found the answer worthless; in a
//! harmonic one a low score pulls the whole down in proportion to how bad it is, and a zero makes
//! it zero. A hard failure makes the score zero whatever the weights.

use terrace_domain::Score;

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
    /// How much it counts.
    pub weight: f64,
    /// What was found.
    pub finding: Finding,
}

/// Adds findings up to a verdict.
#[must_use]
pub fn verdict(findings: Vec<Weighed>, threshold: Score) -> Verdict {
    let failed = findings.iter().any(|weighed| weighed.finding.hard_failure);
    let score = if failed { Score::ZERO } else { mean(&findings) };
    let undecided = findings.is_empty();
    Verdict {
        score,
        passed: !failed && score.passes(threshold),
        threshold,
        findings,
        undecided,
    }
}

/// The weighted harmonic mean; zero for no findings at all.
fn mean(findings: &[Weighed]) -> Score {
    let (mut weights, mut inverses) = (0.0, 0.0);
    for weighed in findings {
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
        Weighed {
            kind: Kind::Empty,
            weight,
            finding: Finding::scored(score, ""),
        }
    }

    fn threshold(value: f64) -> Score {
        Score::new(value).unwrap()
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
