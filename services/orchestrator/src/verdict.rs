//! What the judge says of an answer.

use terrace_domain::Score;

/// What one check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckFinding {
    /// Name of the check.
    pub check: String,
    /// Its score.
    pub score: Score,
    /// How much it counts.
    pub weight: f64,
    /// Whether it fails the answer by itself.
    pub hard_failure: bool,
    /// What it found, in words.
    pub finding: String,
}

/// What the judge says of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Weighted score of the checks.
    pub score: Score,
    /// Whether it reaches the threshold and no hard check failed.
    pub passed: bool,
    /// Threshold it was held against.
    pub threshold: Score,
    /// Set when no check could say anything: the score means nothing then.
    pub undecided: bool,
    /// Every check that had something to say.
    pub checks: Vec<CheckFinding>,
}

impl Verdict {
    /// What counts most against the answer: a hard finding, else the weakest check.
    #[must_use]
    pub fn weightiest(&self) -> Option<&CheckFinding> {
        let hard = self.checks.iter().find(|check| check.hard_failure);
        let by_score =
            |a: &&CheckFinding, b: &&CheckFinding| a.score.get().total_cmp(&b.score.get());
        hard.or_else(|| self.checks.iter().min_by(by_score))
    }

    /// Why the answer fell short, in a sentence: hard findings first, then the weakest check.
    #[must_use]
    pub fn why_short(&self) -> String {
        let (score, threshold) = (self.score, self.threshold);
        match self.weightiest() {
            Some(check) => format!(
                "scored {score} of the wanted {threshold}; {}: {}",
                check.check, check.finding
            ),
            None => format!("scored {score} of the wanted {threshold}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: &str, score: f64, hard_failure: bool) -> CheckFinding {
        CheckFinding {
            check: check.to_owned(),
            score: Score::clamped(score),
            weight: 1.0,
            hard_failure,
            finding: format!("{check} found it"),
        }
    }

    #[test]
    fn a_hard_finding_is_named_before_a_weaker_soft_one() {
        let verdict = Verdict {
            score: Score::ZERO,
            passed: false,
            threshold: Score::clamped(0.7),
            undecided: false,
            checks: vec![finding("syntax", 0.1, false), finding("refusal", 0.5, true)],
        };
        let why = verdict.why_short();
        assert_eq!(
            why,
            "scored 0.00 of the wanted 0.70; refusal: refusal found it"
        );
    }
}
