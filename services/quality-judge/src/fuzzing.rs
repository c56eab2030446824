//! What reads bytes from outside, as fuzz targets see it: bytes in, nothing out.

use std::sync::LazyLock;

use terrace_domain::Score;

use crate::answer::{Answer, Case, CodeLanguage};
use crate::format::{Pattern, Schema};
use crate::judge::Judge;
use crate::language::Language;
use crate::profile::Profiles;
use crate::rules::Rules;
use crate::{checks, grpc};

/// The most messages of a request.
const MESSAGES: usize = 64;
/// Languages of code that the first byte of an input can name.
const LANGUAGES: [&str; 10] = [
    "none", "python", "rust", "sql", "yaml", "json", "go", "java", "c", "bash",
];

static JUDGE: LazyLock<Option<Judge>> = LazyLock::new(|| {
    let profiles = Profiles::from_config(&terrace_config::Judge::default());
    Judge::new(profiles).ok()
});

/// The messages of callers, with the answers of models in them.
pub fn messages(data: &[u8]) {
    if let Some(judge) = &*JUDGE {
        grpc::read(data, judge, MESSAGES);
    }
}

/// An answer with code in the language that the first byte names, through every check.
pub fn answers(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let case = case(&String::from_utf8_lossy(rest), usize::from(*first));
    if let Some(judge) = &*JUDGE {
        drop(judge.judge(&case));
        drop(judge.outlook(&case));
        drop(checks::code_tree(&case.answer));
    }
}

/// A rule of an operator's own, and an answer that it is asked about: its lines.
pub fn rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (rule, answer) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(expression) = rule.parse() else {
        return;
    };
    let rule = terrace_config::Rule {
        name: "own".to_owned(),
        when: None,
        expression,
        hard: false,
        weight: 1.0,
    };
    if let Ok(rules) = Rules::new(&[rule]) {
        drop(rules.ask(&case(answer, 0)));
    }
}

/// A JSON Schema or a pattern of a caller's, and an answer: its lines.
pub fn formats(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (format, answer) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(pattern) = Pattern::compile(format) {
        let _matches = pattern.matches(answer);
    }
    if let (Ok(schema), Ok(value)) = (Schema::compile(format), serde_json::from_str(answer)) {
        drop(schema.violated_by(&value));
    }
}

fn case(answer: &str, language: usize) -> Case {
    let language = Language::of_name(LANGUAGES[language % LANGUAGES.len()]);
    let answer = Answer {
        question: "Write a function that adds two numbers.".to_owned(),
        text: answer.to_owned(),
        code_expected: language.is_some(),
        code_language: language.map_or(CodeLanguage::Any, CodeLanguage::Known),
        ..Answer::default()
    };
    Case {
        answer,
        action: String::new(),
        threshold: Score::clamped(0.7),
    }
}
