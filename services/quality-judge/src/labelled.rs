//! Answers with labels: how often a check that complains is right, and how much it finds.
//!
//! A line of a file has the `prompt`, the `answer`, whether it is `good`, and which `defects` it
//! has, by the names of the checks that should see them; also what the judge is told of it
//! (`finish`, `format`, `code_language`). Each check is asked by itself.

use serde::Deserialize;
use serde_json::{Value, json};
use terrace_domain::Score;

use crate::answer::{Answer, Case, CodeLanguage, Finish};
use crate::check::Check;
use crate::format::{Format, Pattern, Schema};
use crate::judge::Judge;
use crate::language::Language;
use crate::profile::Profiles;

/// The threshold that the whole judge is held against: the config's default.
const THRESHOLD: f64 = 0.7;
/// A finding below this is a complaint.
const COMPLAINT: f64 = 0.5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "kind")]
    _kind: String,
    source: String,
    prompt: String,
    answer: String,
    good: bool,
    #[serde(default)]
    defects: Vec<String>,
    finish: String,
    #[serde(default)]
    format: Option<Form>,
    #[serde(default)]
    code_language: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Json(bool),
    Schema(Value),
    Regex(String),
    Choice(Vec<String>),
}

/// What is wrong with a line of a file.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLabel {
    /// It is no labelled answer.
    #[error("{line}: {cause}")]
    Row {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        cause: serde_json::Error,
    },
    /// The form it asks for is none.
    #[error("{0}: the form that it asks for is none")]
    Form(usize),
    /// A built-in pattern is no pattern: a defect of the build.
    #[error("the judge's own patterns do not compile: {0}")]
    Pattern(#[from] regex::Error),
}

/// What all checks were worth on a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// How many answers there are.
    pub answers: usize,
    /// How many of them are good.
    pub good: usize,
    /// How many were written by models and not for the file.
    pub real: usize,
    /// A line a check in the order of their cost, and the whole judge at last.
    pub lines: Vec<Line>,
}

/// What one check was worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub check: &'static str,
    /// How many answers it complained about.
    pub complains: usize,
    /// How many of those are bad.
    pub complains_rightly: usize,
    /// How many it failed by itself.
    pub hard: usize,
    /// How many of those are bad.
    pub hard_rightly: usize,
    /// How many answers have the defect that it is there for.
    pub defects: usize,
    /// How many of those it complained about.
    pub found: usize,
}

impl Line {
    const fn new(check: &'static str) -> Self {
        Self {
            check,
            complains: 0,
            complains_rightly: 0,
            hard: 0,
            hard_rightly: 0,
            defects: 0,
            found: 0,
        }
    }

    /// How often an answer that it complains about is bad.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.complains_rightly, self.complains)
    }

    /// How often an answer that it fails by itself is bad.
    #[must_use]
    pub fn hard_precision(&self) -> Option<f64> {
        share(self.hard_rightly, self.hard)
    }

    /// How much of what it is there for it finds.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.defects)
    }

    fn add(&mut self, row: &Row, complains: bool, hard: bool, defect: bool) {
        let bad = usize::from(!row.good);
        self.complains += usize::from(complains);
        self.complains_rightly += bad * usize::from(complains);
        self.hard += usize::from(hard);
        self.hard_rightly += bad * usize::from(hard);
        self.defects += usize::from(defect);
        self.found += usize::from(defect && complains);
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Judges every answer of a file, given as its text.
///
/// # Errors
/// A line is no labelled answer.
pub fn measure(text: &str) -> Result<Tally, InvalidLabel> {
    let checks = crate::checks::all(crate::head::built_in())?;
    let judge = Judge::new(Profiles::default())?;
    let mut tally = Tally {
        answers: 0,
        good: 0,
        real: 0,
        lines: checks
            .iter()
            .map(|check| Line::new(check.kind().as_str()))
            .collect(),
    };
    let mut whole = Line::new("all together");
    for (index, line) in text.lines().enumerate() {
        let row: Row = serde_json::from_str(line).map_err(|cause| InvalidLabel::Row {
            line: index + 1,
            cause,
        })?;
        let answer = answer(&row).ok_or(InvalidLabel::Form(index + 1))?;
        tally.answers += 1;
        tally.good += usize::from(row.good);
        tally.real += usize::from(row.source != "written");
        for (check, line) in checks.iter().zip(&mut tally.lines) {
            asked(check.as_ref(), &answer, &row, line);
        }
        let verdict = judge.judge(&Case {
            answer,
            action: String::new(),
            threshold: Score::clamped(THRESHOLD),
        });
        let hard = verdict
            .findings
            .iter()
            .any(|found| found.finding.hard_failure);
        whole.add(&row, !verdict.passed, hard, !row.good);
    }
    tally.lines.push(whole);
    Ok(tally)
}

fn asked(check: &dyn Check, answer: &Answer, row: &Row, line: &mut Line) {
    let finding = check.check(answer);
    let complains = finding
        .as_ref()
        .is_some_and(|found| found.score.get() < COMPLAINT);
    let hard = finding.is_some_and(|found| found.hard_failure);
    let defect = row.defects.iter().any(|defect| defect == line.check);
    line.add(row, complains, hard, defect);
}

fn answer(row: &Row) -> Option<Answer> {
    let format = match &row.format {
        None | Some(Form::Json(false)) => Format::Free,
        Some(Form::Json(true)) => Format::Json,
        Some(Form::Schema(schema)) => Format::Schema(Schema::compile(&schema.to_string()).ok()?),
        Some(Form::Regex(pattern)) => Format::Pattern(Pattern::compile(pattern).ok()?),
        Some(Form::Choice(options)) => Format::Choice(options.clone()),
    };
    let language = row.code_language.as_deref();
    Some(Answer {
        question: row.prompt.clone(),
        text: row.answer.clone(),
        finish: match row.finish.as_str() {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            "content_filter" => Finish::ContentFilter,
            _ => Finish::Unknown,
        },
        format,
        code_expected: language.is_some(),
        code_language: language.map_or(CodeLanguage::Any, |name| {
            Language::of_name(name).map_or(CodeLanguage::Unknown, CodeLanguage::Known)
        }),
        ..Answer::default()
    })
}

impl Tally {
    /// The same as JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "check": line.check,
                "complains": line.complains,
                "precision": line.precision(),
                "hard": line.hard,
                "hard_precision": line.hard_precision(),
                "defects": line.defects,
                "recall": line.recall(),
            })
        };
        json!({
            "answers": self.answers,
            "good": self.good,
            "real": self.real,
            "checks": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"id": "1", "kind": "fact", "source": "m", "prompt": "Why?", "answer": "", "good": false, "defects": ["empty"], "finish": "stop"}
{"id": "2", "kind": "fact", "source": "written", "prompt": "Why?", "answer": "Because it rains.", "good": true, "finish": "stop"}"#;

    #[test]
    fn complaints_are_counted_and_held_against_the_labels() {
        let tally = measure(FILE).unwrap();
        assert_eq!((tally.answers, tally.good, tally.real), (2, 1, 1));
        let empty = &tally.lines[0];
        assert_eq!((empty.complains, empty.hard), (1, 1));
        assert_eq!((empty.precision(), empty.recall()), (Some(1.0), Some(1.0)));
        assert_eq!(tally.lines.last().unwrap().complains, 1);
    }

    #[test]
    fn a_line_that_is_no_label_is_named() {
        let wrong = measure(&format!("{FILE}\n{{}}")).unwrap_err();
        assert!(wrong.to_string().starts_with("3: "), "{wrong}");
    }
}
