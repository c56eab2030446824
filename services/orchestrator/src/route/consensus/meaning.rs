//! What an answer says, stripped of how it says it: what a consensus compares.
//!
//! Pure. Calls of tools are compared by name and arguments, whatever is said around them, in every
//! way of comparing but by vectors.

use terrace_proto::common::v1::ToolCall;
use unicode_normalization::UnicodeNormalization as _;

use crate::answer::Answer;
use crate::route::consensus::Equivalence;
use crate::route::consensus::json;
use crate::route::consensus::number;

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// In words: the same when they are.
    Said(String),
    /// As a direction in a space of meanings: the same when they point nearly the same way.
    Direction(Vec<f32>),
}

/// How close two directions have to be: the cosine between them.
const NEARLY: f32 = 0.9;

impl Meaning {
    /// Whether two answers say the same.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Said(a), Self::Said(b)) => a == b,
            (Self::Direction(a), Self::Direction(b)) => cosine(a, b) >= NEARLY,
            (Self::Said(_), Self::Direction(_)) | (Self::Direction(_), Self::Said(_)) => false,
        }
    }
}

/// What `answer` says in words.
///
/// # Errors
/// Why it has no vote: it says nothing that can be compared in this way.
pub fn in_words(
    answer: &Answer,
    equivalence: Equivalence,
    options: &[String],
) -> Result<Meaning, &'static str> {
    if !answer.tool_calls.is_empty() {
        return Ok(Meaning::Said(calls(&answer.tool_calls)));
    }
    let text = answer.text.as_str();
    let said = match equivalence {
        Equivalence::Text | Equivalence::Code | Equivalence::Embedding => {
            Some(plain(text)).filter(|text| !text.is_empty())
        }
        Equivalence::Number => number::last_in(text),
        Equivalence::Json => json::canonical(text),
        Equivalence::Choice => choice(text, options),
    };
    said.map(Meaning::Said).ok_or(match equivalence {
        Equivalence::Text | Equivalence::Code | Equivalence::Embedding => "it says nothing",
        Equivalence::Number => "there is no number in it",
        Equivalence::Json => "it is no JSON",
        Equivalence::Choice => "it is not one of the choices",
    })
}

/// A text without what does not change its meaning: case, forms of the same letter, white space,
/// emphasis, and the punctuation around it.
fn plain(text: &str) -> String {
    let text: String = text.nfkc().collect();
    let text = text.to_lowercase().replace(['*', '`'], "");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let around = |letter: char| {
        letter.is_whitespace()
            || matches!(
                letter,
                '.' | ','
                    | '!'
                    | '?'
                    | ':'
                    | ';'
                    | '"'
                    | '\''
                    | '('
                    | ')'
                    | '\u{201c}'
                    | '\u{201d}'
            )
    };
    let inner = words.trim_matches(around);
    // A text of punctuation alone is its own meaning.
    if inner.is_empty() {
        words
    } else {
        inner.to_owned()
    }
}

/// The one option that a text is, or else the only one that it names; without options the text.
fn choice(text: &str, options: &[String]) -> Option<String> {
    let text = plain(text);
    if options.is_empty() {
        return Some(text).filter(|text| !text.is_empty());
    }
    let options: Vec<String> = options.iter().map(|option| plain(option)).collect();
    if options.contains(&text) {
        return Some(text);
    }
    let mut named = options.into_iter().filter(|option| names(&text, option));
    let only = named.next()?;
    named.next().is_none().then_some(only)
}

/// Whether `option` stands in `text` as words of its own.
fn names(text: &str, option: &str) -> bool {
    let is_edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    text.match_indices(option).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        is_edge(before.chars().next_back()) && is_edge(after.chars().next())
    })
}

fn calls(calls: &[ToolCall]) -> String {
    let call = |call: &ToolCall| {
        let arguments = json::canonical(&call.arguments_json);
        let arguments = arguments.unwrap_or_else(|| call.arguments_json.clone());
        format!("{}({arguments})", call.name)
    };
    calls.iter().map(call).collect::<Vec<_>>().join("; ")
}

/// The cosine of the angle between two vectors; zero for vectors that cannot be compared.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if a.len() != b.len() || lengths <= 0.0 || !lengths.is_finite() {
        return 0.0;
    }
    product(a, b) / lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, equivalence: Equivalence, options: &[&str]) -> Option<String> {
        let answer = Answer {
            text: text.to_owned(),
            ..Answer::default()
        };
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        match in_words(&answer, equivalence, &options).ok()? {
            Meaning::Said(said) => Some(said),
            Meaning::Direction(_) => None,
        }
    }

    fn text(text: &str) -> Option<String> {
        said(text, Equivalence::Text, &[])
    }

    #[test]
    fn case_space_emphasis_and_punctuation_around_do_not_change_a_text() {
        let same = [
            "Paris",
            " paris. ",
            "**Paris**!",
            "\"PARIS\"",
            "`paris`\n",
            "\u{ff30}aris",
        ];
        for other in same {
            assert_eq!(text(other), text("Paris"), "{other}");
        }
        assert_ne!(text("Paris"), text("Paris, Texas"));
        assert_ne!(text("1.5"), text("15"));
        assert_eq!(text("a  b\nc"), text("A b c"));
        assert_eq!((text(" \n"), text("?")), (None, Some("?".to_owned())));
    }

    #[test]
    fn a_choice_is_the_option_itself_or_the_only_one_named() {
        let choice = |text: &str| said(text, Equivalence::Choice, &["yes", "no"]);
        assert_eq!(choice("Yes."), Some("yes".to_owned()));
        assert_eq!(choice("The answer is: no"), Some("no".to_owned()));
        assert_eq!(choice("yes and no"), None);
        assert_eq!(choice("nobody knows"), None);
        assert_eq!(choice("perhaps"), None);
        assert_eq!(
            said("Red", Equivalence::Choice, &[]),
            Some("red".to_owned())
        );
    }

    #[test]
    fn calls_of_tools_are_the_same_by_name_and_arguments() {
        let call = |name: &str, arguments: &str, text: &str| {
            let answer = Answer {
                text: text.to_owned(),
                tool_calls: vec![ToolCall {
                    id: text.to_owned(),
                    name: name.to_owned(),
                    arguments_json: arguments.to_owned(),
                }],
                ..Answer::default()
            };
            in_words(&answer, Equivalence::Number, &[]).unwrap()
        };
        let first = call("read", r#"{"path": "a", "line": 1}"#, "I will look");
        assert_eq!(first, call("read", r#"{"line":1,"path":"a"}"#, ""));
        assert_ne!(first, call("read", r#"{"line":2,"path":"a"}"#, ""));
        assert_ne!(first, call("write", r#"{"line":1,"path":"a"}"#, ""));
    }

    #[test]
    fn directions_agree_when_they_are_nearly_one() {
        let direction = |x, y| Meaning::Direction(vec![x, y]);
        assert!(direction(1.0, 0.0).agrees_with(&direction(2.0, 0.2)));
        assert!(!direction(1.0, 0.0).agrees_with(&direction(0.0, 1.0)));
        assert!(!direction(0.0, 0.0).agrees_with(&direction(0.0, 0.0)));
        assert!(!direction(1.0, 0.0).agrees_with(&Meaning::Direction(vec![1.0])));
    }
}
