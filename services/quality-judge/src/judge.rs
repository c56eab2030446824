//! The use case: every check in the order of its cost, until one fails the answer by itself.
//!
//! After a hard failure nothing can save the answer, so the dearer checks are not made, and the
//! user's own rules come last. Checks whose weight is zero in the action's profile are not made either.

use terrace_learned::Head;

use crate::answer::Case;
use crate::check::{Check, Finding};
use crate::checks;
use crate::head;
use crate::profile::Profiles;
use crate::rules::Rules;
use crate::weigh::{self, Verdict, Weighed};

/// Judges answers by the built-in checks.
#[derive(Debug)]
pub struct Judge {
    checks: Vec<Box<dyn Check>>,
    profiles: Profiles,
    rules: Rules,
}

impl Judge {
    /// Makes a judge with all checks there are, the built-in head, and no rules.
    ///
    /// # Errors
    /// A built-in pattern is no pattern: a defect of the build.
    pub fn new(profiles: Profiles) -> Result<Self, regex::Error> {
        Ok(Self {
            checks: checks::all(head::built_in())?,
            profiles,
            rules: Rules::default(),
        })
    }

    /// The same judge with a head of its own.
    ///
    /// # Errors
    /// A built-in pattern is no pattern: a defect of the build.
    pub fn with_head(self, head: Head) -> Result<Self, regex::Error> {
        Ok(Self {
            checks: checks::all(head)?,
            ..self
        })
    }

    /// The same judge with rules of the user's own.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Judges one answer.
    #[must_use]
    pub fn judge(&self, case: &Case) -> Verdict {
        let profile = self.profiles.of(&case.action);
        let mut findings = Vec::new();
        for check in &self.checks {
            let kind = check.kind();
            let weight = profile.weight(kind);
            if weight <= 0.0 {
                continue;
            }
            let Some(finding) = check.check(&case.answer) else {
                continue;
            };
            let failed = finding.hard_failure;
            findings.push(Weighed::of(kind, weight, finding));
            if failed {
                return weigh::verdict(findings, case.threshold);
            }
        }
        findings.extend(self.rules.ask(case));
        weigh::verdict(findings, case.threshold)
    }
}

impl Judge {
    /// The verdict on the beginning of an answer if all goes well from here on. One that does not
    /// pass means that no more text can help.
    #[must_use]
    pub fn outlook(&self, case: &Case) -> Verdict {
        let profile = self.profiles.of(&case.action);
        let applying = self
            .checks
            .iter()
            .filter(|check| check.applies(&case.answer));
        let weighed = applying.map(|check| {
            let kind = check.kind();
            let finding = check.outlook(&case.answer);
            let finding = finding.unwrap_or_else(|| Finding::good("nothing against it so far"));
            Weighed::of(kind, profile.weight(kind), finding)
        });
        let counted = weighed.filter(|weighed| weighed.weight > 0.0);
        let verdict = weigh::verdict(counted.collect(), case.threshold);
        Verdict {
            // Without any check to make there is nothing against it.
            passed: verdict.passed || verdict.undecided,
            ..verdict
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;
    use crate::check::Kind;
    use crate::format::Format;
    use std::collections::BTreeMap;
    use terrace_config::Weights;
    use terrace_domain::{ActionName, Score};

    fn judge(weights: Weights) -> Judge {
        let action = ActionName::new("special").unwrap();
        let config = terrace_config::Judge {
            profiles: BTreeMap::from([(action, weights)]),
            ..terrace_config::Judge::default()
        };
        Judge::new(Profiles::from_config(&config)).unwrap()
    }

    fn case(answer: Answer, action: &str) -> Case {
        Case {
            answer,
            action: action.to_owned(),
            threshold: Score::new(0.7).unwrap(),
        }
    }

    fn kinds(verdict: &Verdict) -> Vec<Kind> {
        verdict
            .findings
            .iter()
            .map(|weighed| weighed.kind)
            .collect()
    }

    #[test]
    fn nothing_dearer_is_asked_after_a_hard_failure() {
        let answer = Answer {
            format: Format::Json,
            ..Answer::plain("  ")
        };
        let verdict = judge(Weights::default()).judge(&case(answer, ""));
        assert_eq!(kinds(&verdict), [Kind::Empty]);
        assert!(!verdict.passed);
    }

    #[test]
    fn a_check_of_no_weight_is_not_made() {
        let weights = Weights {
            refusal: 0.0,
            ..Weights::default()
        };
        let refusal = "I'm sorry, but I can't help with that.";
        let judge = judge(weights);
        assert!(judge.judge(&case(Answer::plain(refusal), "special")).passed);
        assert!(!judge.judge(&case(Answer::plain(refusal), "other")).passed);
    }

    #[test]
    fn a_judge_without_any_check_to_make_is_undecided() {
        let nothing = Weights {
            empty: 0.0,
            refusal: 0.0,
            repetition: 0.0,
            format: 0.0,
            syntax: 0.0,
            missing: 0.0,
            arithmetic: 0.0,
            chance: 0.0,
        };
        let verdict = judge(nothing).judge(&case(Answer::plain("fine"), "special"));
        assert!(verdict.undecided && verdict.findings.is_empty());
    }

    #[test]
    fn an_ordinary_answer_passes_with_a_finding_per_check_that_applies() {
        let verdict = judge(Weights::default()).judge(&case(Answer::plain("async-cache"), ""));
        assert!(verdict.passed);
        assert_eq!(
            kinds(&verdict),
            [Kind::Empty, Kind::Refusal, Kind::Repetition]
        );
    }

    #[test]
    fn a_refusal_has_no_outlook_where_the_best_it_could_become_is_not_enough() {
        let beginning = "I'm sorry, but I can't help with that. ";
        let judge = judge(Weights::default());
        let outlook = |threshold| {
            let case = Case {
                threshold: Score::new(threshold).unwrap(),
                ..case(Answer::plain(beginning), "")
            };
            judge.outlook(&case).passed
        };
        assert!(!outlook(0.9));
        assert!(outlook(0.3), "it may still say something of use");
    }

    #[test]
    fn an_ordinary_beginning_has_every_outlook() {
        let judge = judge(Weights::default());
        for beginning in ["", "Paris", "Sure! Here is the cod", "I can't"] {
            let verdict = judge.outlook(&case(Answer::plain(beginning), ""));
            assert!(verdict.passed, "{beginning:?}: {verdict:?}");
        }
    }

    #[test]
    fn whatever_passes_in_the_end_had_an_outlook_all_the_way() {
        let judge = judge(Weights::default());
        let text = "As an AI I love this. Paris is the capital of France, and it was so in 1900.";
        assert!(judge.judge(&case(Answer::plain(text), "")).passed);
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(judge.outlook(&case(Answer::plain(&text[..end]), "")).passed);
        }
    }

    #[test]
    fn a_refusal_that_turns_to_something_of_use_is_given_its_time() {
        let judge = judge(Weights::default());
        let outlook = |text: &str| judge.outlook(&case(Answer::plain(text), "")).passed;
        assert!(!outlook(
            "I'm sorry, but I can't help with that. It is not for me to say."
        ));
        assert!(outlook(
            "I'm sorry, but I can't help with that. However, here are "
        ));
        assert!(outlook(
            "I'm sorry, but I can't help with that. ```python\n"
        ));
    }
}
