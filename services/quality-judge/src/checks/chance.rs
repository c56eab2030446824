//! How likely is it that the number it comes to is right?
//!
//! A learned head over measures of the answer. Where the router's opinion of the question is known,
//! the chance is that a higher tier's answer would be no better. It has seen worked answers to
//! questions with numbers, and speaks of those alone.

use terrace_learned::head::Question;
use terrace_learned::{Features, Head};

use crate::answer::Answer;
use crate::asked::Reader;
use crate::check::{Check, Finding, Kind};
use crate::head::{NAMES, measures};
use crate::working;

/// The learned chance.
#[derive(Debug)]
pub struct Chance {
    reader: Reader,
    head: Head,
}

impl Chance {
    /// Makes the check of a head that was learned from the measures of [`NAMES`].
    #[must_use]
    pub const fn new(reader: Reader, head: Head) -> Self {
        Self { reader, head }
    }
}

impl Check for Chance {
    fn kind(&self) -> Kind {
        Kind::Chance
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        let applies = answer.is_prose()
            && self.reader.wants_working(&answer.question)
            && !working::equations(&answer.text).is_empty();
        if !applies || self.head.examples == 0 {
            return None;
        }
        let suffices = answer.lower_tier_suffices;
        let opinion = match suffices {
            Some(suffices) => {
                let features = Features::of(&answer.question);
                let question = Question {
                    grams: &features.grams,
                    suffices: suffices.get(),
                };
                self.head.opinion(&measures(answer), Some(question))
            }
            None => self.head.opinion(&measures(answer), None),
        };
        let percent = (opinion.chance * 100.0).round();
        let against = worst(&opinion.parts)
            .map_or_else(String::new, |name| format!("; most against it: {name}"));
        let so = if suffices.is_some() {
            "are as good as a higher tier's"
        } else {
            "are right"
        };
        let words = format!("{percent} of 100 such answers {so}{against}");
        Some(Finding::scored(opinion.chance, words))
    }

    /// The end of an answer decides: nothing is said of a beginning.
    fn applies(&self, _beginning: &Answer) -> bool {
        false
    }
}

/// The measure that takes most from the chance.
fn worst(parts: &[f64]) -> Option<&'static str> {
    let against = parts.iter().zip(NAMES).filter(|(part, _)| **part < 0.0);
    let worst = against.min_by(|a, b| a.0.total_cmp(b.0));
    worst.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head;
    use terrace_domain::Score;

    const QUESTION: &str = "Tom has 12 apples, eats 5 and buys 9 more. How many has he now?";
    const RIGHT: &str = "12 - 5 = 7\n7 + 9 = 16\n#### 16";
    const WRONG: &str = "However, we do not know, but let us assume that 12 - 5 = 8, so 8.5";

    fn look(text: &str, suffices: Option<f64>) -> Option<Finding> {
        let check = Chance::new(Reader::new().unwrap(), head::built_in());
        check.check(&Answer {
            lower_tier_suffices: suffices.map(Score::clamped),
            ..Answer::plain(text).to(QUESTION)
        })
    }

    #[test]
    fn sound_working_is_likelier_to_be_right_than_doubtful_one() {
        let chance = |text| look(text, None).unwrap().score.get();
        assert!(
            chance(RIGHT) > 0.6 && chance(WRONG) < 0.4,
            "{} {}",
            chance(RIGHT),
            chance(WRONG)
        );
    }

    #[test]
    fn a_question_that_the_router_finds_hard_lowers_the_chance() {
        let chance = |suffices| look(RIGHT, Some(suffices)).unwrap().score;
        assert!(chance(0.9) > chance(0.4));
    }

    #[test]
    fn of_other_questions_and_answers_nothing_is_said() {
        assert_eq!(look("He has some.", None), None);
        let check = Chance::new(Reader::new().unwrap(), head::built_in());
        let other = Answer::plain("Paris, since 508").to("What is the capital of France?");
        assert_eq!(check.check(&other), None);
    }
}
