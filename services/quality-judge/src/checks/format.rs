//! Does it have the form that was asked for?
//!
//! JSON has to be the whole answer. One fenced block around it, with nothing beside it, is a
//! habit of models that callers can undo: it scores lower and does not fail. Anything else that
//! does not parse, does not satisfy the schema, does not match or is no choice is a hard failure,
//! because no program can use it. Arguments of tool calls are held to be JSON too.

use serde_json::Value;

use crate::answer::Answer;
use crate::check::{Check, Finding, Kind};
use crate::fences;
use crate::format::{Format, Schema};

/// Score of JSON that stands in a fence.
const FENCED: f64 = 0.8;
/// Score of a choice that is right but for case or punctuation.
const NEARLY: f64 = 0.6;

/// Not in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Form;

impl Check for Form {
    fn kind(&self) -> Kind {
        Kind::Format
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        if !answer.tool_calls.is_empty() {
            return Some(calls(&answer.tool_calls));
        }
        let text = answer.text.trim();
        Some(match &answer.format {
            Format::Free => return None,
            Format::Json => json(text, None),
            Format::Schema(schema) => json(text, Some(schema)),
            Format::Pattern(pattern) if pattern.matches(&answer.text) || pattern.matches(text) => {
                Finding::good("matches the pattern")
            }
            Format::Pattern(_) => Finding::hard("does not match the pattern"),
            Format::Choice(options) => choice(text, options),
        })
    }

    fn applies(&self, beginning: &Answer) -> bool {
        !beginning.format.is_free() || !beginning.tool_calls.is_empty()
    }

    fn outlook(&self, beginning: &Answer) -> Option<Finding> {
        let text = beginning.text.trim();
        match &beginning.format {
            Format::Json | Format::Schema(_) => cannot_become_json(text),
            Format::Choice(options) => cannot_become_choice(text, options),
            Format::Free | Format::Pattern(_) => None,
        }
    }
}

/// A text that does not parse, and not because it ends too early; what may be a fence is open.
fn cannot_become_json(text: &str) -> Option<Finding> {
    if text.is_empty() || text.contains("```") || text.contains("~~~") {
        return None;
    }
    let may_be_a_fence = ["`", "~"].iter().any(|mark| text.starts_with(mark));
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    // Prose before a fenced block fails all the same, but only the end says that a block came.
    let is_wrong = !error.is_eof() && !may_be_a_fence;
    let line = error.line();
    is_wrong.then(|| Finding::hard(format!("is no JSON: line {line} does not parse")))
}

/// A text that is longer than every choice with all that may stand around it.
fn cannot_become_choice(text: &str, options: &[String]) -> Option<Finding> {
    const AROUND: usize = 16;
    let longest = options.iter().map(String::len).max().unwrap_or_default();
    let is_too_long = bare(text).len() > longest + AROUND;
    is_too_long.then(|| Finding::hard(format!("is none of the {} choices", options.len())))
}

fn calls(arguments: &[String]) -> Finding {
    let is_object = |text: &String| {
        let parsed = serde_json::from_str::<Value>(text);
        // No arguments at all is how some backends write an empty object.
        text.trim().is_empty() || parsed.is_ok_and(|value| value.is_object())
    };
    match arguments.iter().position(|text| !is_object(text)) {
        None => Finding::good("the arguments of its tool calls are JSON objects"),
        Some(index) => Finding::hard(format!(
            "the arguments of tool call {} are no JSON object",
            index + 1
        )),
    }
}

fn json(text: &str, schema: Option<&Schema>) -> Finding {
    let (value, fenced) = match read(text) {
        Ok(read) => read,
        Err(finding) => return finding,
    };
    if let Some(place) = schema.and_then(|schema| schema.violated_by(&value)) {
        return Finding::hard(format!("is JSON and breaks the schema at {place}"));
    }
    if fenced {
        Finding::scored(FENCED, "is JSON, in a fenced block")
    } else {
        Finding::good("is the JSON that was asked for")
    }
}

/// The JSON of an answer, and whether it stands in a fence.
fn read(text: &str) -> Result<(Value, bool), Finding> {
    let whole = match serde_json::from_str(text) {
        Ok(value) => return Ok((value, false)),
        Err(error) => error,
    };
    let fenced = fences::find(text);
    match fenced.blocks.as_slice() {
        [] => Err(Finding::hard(format!(
            "is no JSON: line {} does not parse",
            whole.line()
        ))),
        [block] if !fenced.has_prose => serde_json::from_str(block.code.trim())
            .map(|value| (value, true))
            .map_err(|error| {
                let line = error.line();
                Finding::hard(format!(
                    "its fenced block is no JSON: line {line} does not parse"
                ))
            }),
        _ => Err(Finding::hard(
            "has other text beside its fenced block, where JSON was asked for",
        )),
    }
}

fn choice(text: &str, options: &[String]) -> Finding {
    if options.iter().any(|option| option.trim() == text) {
        return Finding::good("is one of the choices");
    }
    let bare = bare(text);
    if !bare.is_empty() && options.iter().any(|option| self::bare(option) == bare) {
        return Finding::scored(NEARLY, "is one of the choices but for case or punctuation");
    }
    Finding::hard(format!("is none of the {} choices", options.len()))
}

/// A text without case and without the punctuation that models put around a label.
fn bare(text: &str) -> String {
    let around =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '*' | '`' | '.' | '!' | ':');
    text.trim_matches(around).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Pattern;

    fn look(text: &str, format: Format) -> Finding {
        let answer = Answer {
            format,
            ..Answer::plain(text)
        };
        Form.check(&answer).unwrap()
    }

    #[test]
    fn json_has_to_be_the_whole_answer_or_one_fenced_block() {
        assert_eq!(look(" {\"a\": [1]}\n", Format::Json).score.get(), 1.0);
        let fenced = look("```json\n{\"a\": 1}\n```", Format::Json);
        assert!(!fenced.hard_failure && fenced.score.get() < 1.0);
        for text in [
            "",
            "a",
            "{\"a\": 1",
            "Sure:\n```json\n{}\n```",
            "```json\n{]\n```",
            "{} {}",
        ] {
            assert!(look(text, Format::Json).hard_failure, "{text}");
        }
    }

    #[test]
    fn json_that_breaks_its_schema_is_a_hard_failure_without_a_quote() {
        let schema = || {
            let text = r#"{"type": "object", "properties": {"n": {"type": "integer"}}}"#;
            Format::Schema(Schema::compile(text).unwrap())
        };
        assert_eq!(look(r#"{"n": 1}"#, schema()).score.get(), 1.0);
        let broken = look(r#"{"n": "zanzibar"}"#, schema());
        assert!(broken.hard_failure && !broken.words.contains("zanzibar"));
        assert!(broken.words.contains("/properties/n/type"));
    }

    #[test]
    fn a_pattern_has_to_match_as_a_whole() {
        let pattern = || Format::Pattern(Pattern::compile("[a-z]+(-[a-z]+)*").unwrap());
        assert_eq!(look("kebab-case\n", pattern()).score.get(), 1.0);
        assert!(look("The topic is kebab-case", pattern()).hard_failure);
    }

    #[test]
    fn a_choice_may_differ_in_case_at_a_price() {
        let options = || Format::Choice(vec!["positive".into(), "negative".into()]);
        assert_eq!(look("positive", options()).score.get(), 1.0);
        let nearly = look("**Positive.**", options());
        assert!(!nearly.hard_failure && nearly.score.get() < 1.0);
        assert!(look("It is positive", options()).hard_failure);
        assert!(look("...", options()).hard_failure);
    }

    #[test]
    fn arguments_of_tool_calls_have_to_be_json_objects() {
        let answer = |arguments: &str| Answer {
            tool_calls: vec![arguments.to_owned()],
            ..Answer::plain("")
        };
        assert_eq!(Form.check(&answer("{\"a\": 1}")).unwrap().score.get(), 1.0);
        assert_eq!(Form.check(&answer("")).unwrap().score.get(), 1.0);
        assert!(Form.check(&answer("{\"a\": ")).unwrap().hard_failure);
        assert!(Form.check(&answer("[]")).unwrap().hard_failure);
    }

    #[test]
    fn free_text_is_not_asked() {
        assert_eq!(Form.check(&Answer::plain("anything")), None);
    }
}
