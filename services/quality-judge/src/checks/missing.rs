//! Is the number, or the option, there that the question asks for?
//!
//! A question that has numbers and wants another, and one that lists its options, are answered by
//! one of them; an answer without any is no answer. Where the question leaves room ("how much do
//! you know about it?") the finding is low and not hard.

use crate::answer::Answer;
use crate::asked::{Asked, Reader};
use crate::check::{Check, Finding, Kind};
use crate::working::{Numbers, in_words};

/// Score where something is missing that might not have been meant.
const PERHAPS: f64 = 0.3;
/// Words that answer "how many?" without a number.
const NUMBERLESS: [&str; 6] = ["none", "no", "nothing", "single", "both", "infinite"];

/// No number or option where one was asked for.
#[derive(Debug)]
pub struct Missing {
    reader: Reader,
}

impl Missing {
    /// Makes the check.
    #[must_use]
    pub const fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

impl Check for Missing {
    fn kind(&self) -> Kind {
        Kind::Missing
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        if !answer.is_prose() || answer.text.trim().is_empty() {
            return None;
        }
        let (there, what, hard) = match self.reader.read(&answer.question)? {
            Asked::Number { only } => {
                let hard = only || self.reader.wants_working(&answer.question);
                (has_number(&answer.text), "number", hard)
            }
            Asked::Option(options) => (names_one(&answer.text, &options), "option", true),
            Asked::Either(words) => (says_one(&answer.text, words), "yes or no", false),
        };
        Some(if there {
            Finding::good(format!("has the {what} that was asked for"))
        } else if hard {
            Finding::hard(format!("has no {what}, where one was asked for"))
        } else {
            Finding::scored(PERHAPS, format!("has no {what}, where one was asked for"))
        })
    }

    fn applies(&self, beginning: &Answer) -> bool {
        beginning.is_prose() && self.reader.read(&beginning.question).is_some()
    }
}

fn has_number(text: &str) -> bool {
    Numbers::of(text).next().is_some() || in_words(text).next().is_some() || {
        // What follows shows that there are number words this page does not know: "forty-two".
        words(text).any(|word| {
            let ends = ["teen", "ty", "teens"];
            NUMBERLESS
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
                || (word.len() < 10 && ends.iter().any(|end| word.ends_with(end)))
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn says_one(text: &str, wanted: [&str; 2]) -> bool {
    words(text).any(|word| wanted.iter().any(|one| word.eq_ignore_ascii_case(one)))
}

/// Whether an answer has the letter of an option, or its text.
fn names_one(text: &str, options: &[(String, String)]) -> bool {
    let is_letter = |word: &str| options.iter().any(|(letter, _)| letter == word);
    let trimmed = text.trim();
    if trimmed.len() == 1 {
        return is_letter(&trimmed.to_ascii_uppercase());
    }
    if words(text).any(is_letter) {
        return true;
    }
    let lower = text.to_lowercase();
    options.iter().any(|(_, option)| {
        let option = option.trim_end_matches('.').to_lowercase();
        !option.is_empty() && lower.contains(&option)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(question: &str, text: &str) -> Option<Finding> {
        let check = Missing::new(Reader::new().unwrap());
        check.check(&Answer::plain(text).to(question))
    }

    const APPLES: &str = "Tom has 12 apples and eats 5. How many are left?";
    const PLANET: &str = "Which is largest?\nA. Mars\nB. Jupiter\nAnswer with the letter.";

    #[test]
    fn a_number_in_digits_or_words_is_one() {
        for text in ["7", "He has seven left.", "Seventeen", "None are left."] {
            assert_eq!(look(APPLES, text).unwrap().score.get(), 1.0, "{text}");
        }
        assert!(
            look(APPLES, "Tom has apples left over.")
                .unwrap()
                .hard_failure
        );
        let open = look("How much do you like it?", "A great deal.").unwrap();
        assert!(!open.hard_failure && open.score.get() < 0.5);
    }

    #[test]
    fn an_option_is_named_by_its_letter_or_its_text() {
        for text in [
            "B",
            "b",
            "(B) it is",
            "The answer is B.",
            "That is Jupiter.",
        ] {
            assert_eq!(look(PLANET, text).unwrap().score.get(), 1.0, "{text}");
        }
        let none = look(PLANET, "The largest planet is Saturn.").unwrap();
        assert!(none.hard_failure && !none.words.contains("Saturn"));
    }

    #[test]
    fn one_of_two_words_may_be_missing_for_a_reason() {
        let question = "Is the sun a star? Answer yes or no.";
        assert_eq!(look(question, "Yes, it is.").unwrap().score.get(), 1.0);
        let neither = look(question, "The sun is a star.").unwrap();
        assert!(!neither.hard_failure && neither.score.get() < 1.0);
    }

    #[test]
    fn questions_that_ask_for_neither_and_answers_in_a_form_are_left_alone() {
        assert_eq!(look("Why is the sky blue?", "Scattering."), None);
        assert_eq!(look("", "Anything"), None);
    }
}
