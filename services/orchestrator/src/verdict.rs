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

/// What the checks of judges that are not ours are called by.
const OF_OTHERS: &str = "external/";

/// Stands where the words of such a judge would.
const THEIR_WORDS: &str = "its own words are for the caller alone";

impl CheckFinding {
    /// What it found, as anybody may read it. A judge that is not ours may have quoted the answer:
    /// its words go to the caller, whose answer that is, and nowhere else.
    #[must_use]
    pub fn public_words(&self) -> &str {
        match self.check.starts_with(OF_OTHERS) {
            true => THEIR_WORDS,
            false => &self.finding,
        }
    }
}

impl Verdict {
    /// The same as anybody may read it.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut public = self.clone();
        for check in &mut public.checks {
            check.finding = check.public_words().to_owned();
        }
        public
    }

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
                check.check,
                check.public_words()
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

    #[test]
    fn words_of_a_judge_that_is_not_ours_are_for_the_caller_alone() {
        let verdict = Verdict {
            score: Score::ZERO,
            passed: false,
            threshold: Score::clamped(0.7),
            undecided: false,
            checks: vec![
                finding("external/quoting", 0.1, true),
                finding("syntax", 0.2, false),
            ],
        };
        assert!(!verdict.why_short().contains("found it"));
        let words = |verdict: Verdict| verdict.checks.into_iter().map(|check| check.finding);
        let public: Vec<_> = words(verdict.public()).collect();
        assert_eq!(public, [THEIR_WORDS, "syntax found it"]);
        let own: Vec<_> = words(verdict).collect();
        assert_eq!(own, ["external/quoting found it", "syntax found it"]);
    }
}
