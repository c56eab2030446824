//! What a question asks for, as far as its words say it plainly: a number, or one of some options.

use regex::{Regex, RegexSet};

use crate::working::{Numbers, in_words};

/// How much of a question is read, from its end: the end has what is asked.
const MAX_BYTES: usize = 8 * 1024;
/// As many options as a question may have.
const MAX_OPTIONS: usize = 26;

/// Questions that want a number.
const NUMBER: &str = concat!(
    r"(?i)\bhow (?:many|much|old|far|long|tall|fast)\b|\bwhat is (?:the )?(?:\d|sum|product|total)",
    r"|\b(?:calculate|compute|evaluate) ",
);
/// Words that want nothing but a number.
const NUMBER_ONLY: &str = concat!(
    r"(?i)\b(?:reply|answer|respond)\b[^.\n]{0,40}\b(?:number|digits|integer)\b",
    r"|\b(?:only|just) (?:the |a )?(?:number|result)\b|\bnumber only\b",
);
/// A line that is a lettered option.
const OPTION: &str = r"(?m)^\s*\(?([A-Z])[.):]\s+(\S.*)$";
/// Words that want one of two.
const EITHER: &str = r"(?i)\b(?:answer|reply|respond)\b[^.\n]{0,40}?\b(yes or no|true or false)\b";

/// Reads questions.
#[derive(Debug, Clone)]
pub struct Reader {
    /// What is asked for, in the order of [`EITHER`], [`NUMBER_ONLY`], [`NUMBER`]: one look finds all.
    asks: RegexSet,
    option: Regex,
    either: Regex,
}

/// What a question asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A number, and whether nothing but that.
    Number {
        /// Whether it says so in so many words.
        only: bool,
    },
    /// One of these: letter and text.
    Option(Vec<(String, String)>),
    /// One of two words.
    Either([&'static str; 2]),
}

impl Reader {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// One of them is no pattern: a defect of the build.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            asks: RegexSet::new([EITHER, NUMBER_ONLY, NUMBER])?,
            option: Regex::new(OPTION)?,
            either: Regex::new(EITHER)?,
        })
    }

    /// What a question asks for; `None` where its words leave that open.
    #[must_use]
    pub fn read(&self, question: &str) -> Option<Asked> {
        let question = end_of(question);
        let options = self.options(question);
        if options.len() > 1 {
            return Some(Asked::Option(options));
        }
        let asks = self.asks.matches(question);
        let [either, only, number] = [0, 1, 2].map(|pattern| asks.matched(pattern));
        if let Some(either) = either.then(|| self.either.captures(question)).flatten() {
            let is_yes = either[1].to_ascii_lowercase().starts_with("yes");
            return Some(Asked::Either(if is_yes {
                ["yes", "no"]
            } else {
                ["true", "false"]
            }));
        }
        (only || number).then_some(Asked::Number { only })
    }

    /// Whether a question has numbers to work with and asks for another.
    #[must_use]
    pub fn wants_working(&self, question: &str) -> bool {
        let question = end_of(question);
        if !matches!(self.read(question), Some(Asked::Number { .. })) {
            return false;
        }
        let given = Numbers::of(question).chain(in_words(question));
        given.take(2).count() == 2
    }

    /// Options from A on without a gap.
    fn options(&self, question: &str) -> Vec<(String, String)> {
        let lines = self.option.captures_iter(question).take(MAX_OPTIONS);
        let found = lines.map(|line| (line[1].to_owned(), line[2].trim().to_owned()));
        let expected = ('A'..='Z').map(|letter| letter.to_string());
        found
            .zip(expected)
            .take_while(|((letter, _), expected)| letter == expected)
            .map(|(option, _)| option)
            .collect()
    }
}

fn end_of(question: &str) -> &str {
    &question[question.ceil_char_boundary(question.len().saturating_sub(MAX_BYTES))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(question: &str) -> Option<Asked> {
        Reader::new().unwrap().read(question)
    }

    #[test]
    fn numbers_are_asked_for_in_many_words() {
        for question in [
            "How many apples are left?",
            "What is 3 + 4?",
            "Calculate the mean of 3 and 5.",
        ] {
            assert_eq!(
                read(question),
                Some(Asked::Number { only: false }),
                "{question}"
            );
        }
        let only = read("What is 3 + 4? Reply with the number only.");
        assert_eq!(only, Some(Asked::Number { only: true }));
        assert_eq!(read("Why is the sky blue?"), None);
    }

    #[test]
    fn options_are_lines_with_letters_from_a_on() {
        let question = "How many?\nA. one\nB) two\n(C) three\nAnswer with the letter.";
        let Some(Asked::Option(options)) = read(question) else {
            panic!("no options");
        };
        assert_eq!(options[2], ("C".to_owned(), "three".to_owned()));
        assert_eq!(read("B. Meyer and\nC. Jones wrote it"), None);
    }

    #[test]
    fn one_of_two_is_asked_for() {
        let asked = read("Is the sun a star? Answer yes or no.");
        assert_eq!(asked, Some(Asked::Either(["yes", "no"])));
        assert_eq!(read("Is it yes or no, I wonder"), None);
    }

    #[test]
    fn working_is_wanted_where_there_is_something_to_work_with() {
        let reader = Reader::new().unwrap();
        assert!(reader.wants_working("Tom has 3 apples and two pears. How many fruits?"));
        assert!(!reader.wants_working("How many legs does a spider have?"));
    }
}
