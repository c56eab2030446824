//! Whether two answers to one question come to the same, where that can be told.
//!
//! The question's words or the answer's form say what is compared: a number, a lettered option, one of
//! two words, a JSON value, a few words. Of longer prose nothing is said.

use serde_json::Value;

use crate::asked::{Asked, Reader};
use crate::working::{result, same};

/// As many words may a text have that is compared as it stands.
const FEW_WORDS: usize = 12;
/// As much JSON is compared.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// What answers are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The number that they come to.
    Number,
    /// The letter of an option.
    Option(Vec<(String, String)>),
    /// One of two words.
    Either([&'static str; 2]),
    /// A JSON value.
    Json,
    /// A few words.
    Words,
}

impl Form {
    /// What an answer can be compared by; `None` where nothing can.
    #[must_use]
    pub fn of(reader: &Reader, question: &str, answer: &str) -> Option<Self> {
        let form = match reader.read(question) {
            Some(Asked::Number { .. }) => Self::Number,
            Some(Asked::Option(options)) => Self::Option(options),
            Some(Asked::Either(words)) => Self::Either(words),
            None if json(answer).is_some_and(|value| value.is_object() || value.is_array()) => {
                Self::Json
            }
            None => Self::Words,
        };
        form.same(answer, answer).map(|_| form)
    }

    /// Whether two answers come to the same; `None` where one comes to nothing.
    #[must_use]
    pub fn same(&self, ours: &str, theirs: &str) -> Option<bool> {
        match self {
            Self::Number => {
                let (ours, theirs) = (result(ours)?, result(theirs)?);
                Some(same(ours.value, theirs.value))
            }
            Self::Option(options) => Some(letter(ours, options)? == letter(theirs, options)?),
            Self::Either(words) => Some(either(ours, *words)? == either(theirs, *words)?),
            Self::Json => Some(json(ours)? == json(theirs)?),
            Self::Words => Some(few_words(ours)? == few_words(theirs)?),
        }
    }
}

fn json(text: &str) -> Option<Value> {
    (text.len() <= MAX_JSON_BYTES).then_some(())?;
    serde_json::from_str(text.trim()).ok()
}

/// The last option that is named by its letter, else the one whose text stands there.
fn letter<'a>(text: &str, options: &'a [(String, String)]) -> Option<&'a str> {
    let named = words(text).filter_map(|word| {
        let named = options.iter().find(|(letter, _)| letter == word)?;
        Some(named.0.as_str())
    });
    if let Some(named) = named.last() {
        return Some(named);
    }
    let lower = text.trim().to_lowercase();
    let stands = |(letter, option): &&(String, String)| {
        lower == letter.to_lowercase() || lower.contains(&option.to_lowercase())
    };
    let mut standing = options.iter().filter(stands);
    let first = standing.next()?;
    standing.next().is_none().then_some(first.0.as_str())
}

/// Which of two words is said, if only one is.
fn either(text: &str, wanted: [&'static str; 2]) -> Option<&'static str> {
    let says = |wanted: &str| words(text).any(|word| word.eq_ignore_ascii_case(wanted));
    match (says(wanted[0]), says(wanted[1])) {
        (true, false) => Some(wanted[0]),
        (false, true) => Some(wanted[1]),
        _ => None,
    }
}

fn few_words(text: &str) -> Option<Vec<String>> {
    let words: Vec<_> = words(text)
        .take(FEW_WORDS + 1)
        .map(str::to_lowercase)
        .collect();
    (1..=FEW_WORDS).contains(&words.len()).then_some(words)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(question: &str, ours: &str, theirs: &str) -> Option<bool> {
        Form::of(&Reader::new().unwrap(), question, ours)?.same(ours, theirs)
    }

    #[test]
    fn numbers_are_the_same_however_they_are_reached() {
        let apples = "Tom has 12 apples and eats 5. How many are left?";
        assert_eq!(same(apples, "12 - 5 = 7", "He has 7.0 left"), Some(true));
        assert_eq!(same(apples, "12 - 5 = 7", "The answer is 8"), Some(false));
        assert_eq!(same(apples, "12 - 5 = 7", "some"), None);
        assert_eq!(same(apples, "a few", "7"), None, "nothing to compare");
    }

    #[test]
    fn options_are_compared_by_letter_or_by_their_text() {
        let question = "Which is red?\nA. the sky\nB. a rose\n";
        assert_eq!(same(question, "B", "It is a rose."), Some(true));
        assert_eq!(same(question, "The answer is A.", "B"), Some(false));
        assert_eq!(same(question, "b", "neither"), None);
    }

    #[test]
    fn one_of_two_words_json_and_few_words_are_compared() {
        let yes = "Is it so? Answer yes or no.";
        assert_eq!(same(yes, "Yes.", "yes, it is"), Some(true));
        assert_eq!(same(yes, "Yes.", "No"), Some(false));
        let json = "As JSON, please.";
        assert_eq!(
            same(json, r#"{"a": 1, "b": 2}"#, r#"{"b":2,"a":1}"#),
            Some(true)
        );
        assert_eq!(same(json, r#"{"a": 1}"#, "no idea"), None);
        assert_eq!(same("Capital of France?", "Paris", "paris."), Some(true));
        assert_eq!(same("Capital of France?", "Paris", "Lyon"), Some(false));
    }

    #[test]
    fn megabytes_and_endless_nesting_are_compared_in_bounds_or_not_at_all() {
        let options = "Which is red?\nA. the sky\nB. a rose\n";
        let texts = [
            "[".repeat(60_000),
            "7 ".repeat(500_000),
            "A".repeat(1_000_000),
            "\u{0}\u{ffff}".repeat(200_000),
        ];
        for question in [
            "How many are 2 and 3?",
            options,
            "Answer yes or no.",
            "As JSON.",
        ] {
            for (ours, theirs) in texts.iter().zip(texts.iter().rev()) {
                let _ends = same(question, ours, theirs);
                assert_ne!(same(question, ours, ours), Some(false), "{question}");
            }
        }
    }

    #[test]
    fn of_long_prose_nothing_is_said() {
        let long = "word ".repeat(200);
        assert_eq!(same("Tell me of the sea.", &long, &long), None);
    }
}
