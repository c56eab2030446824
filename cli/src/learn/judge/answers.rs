//! Outcomes with their answers: what the judge's head is learned from.

use std::path::Path;

use serde_json::Value;
use terrace_domain::Failure;
use terrace_learned::head::Judged;
use terrace_learned::logistic::logit;
use terrace_learned::{Example, Fit, Weights};
use terrace_quality_judge::answer::Answer;
use terrace_quality_judge::head::measures;

use crate::learn::invalid;
use crate::learn::outcomes::{self, Pair};
use crate::learn::rows::{self, Row};

/// From this quality on an answer is right.
const RIGHT: f64 = 0.5;
/// Parts that the router's held-out scores are made with.
const FOLDS: u64 = 5;

/// An answer with its question.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    /// The question, with what the stronger model gained.
    pub(super) row: Row,
    /// The answer, as the judge gets it.
    pub(super) measures: Vec<f64>,
    /// Bytes of the answer.
    pub(super) length: f64,
    /// Whether it is right.
    pub(super) right: bool,
}

/// Reads the answers of a file, which stand under `key`.
pub(super) fn read(path: &Path, pair: &Pair, key: &str) -> Result<Vec<Answered>, Failure> {
    let outcomes = outcomes::read(path, pair)?;
    let objects = outcomes::objects(path)?;
    let rows = rows::all(&outcomes);
    let parts = rows.into_iter().zip(&outcomes.rows).zip(&objects);
    let answered = parts.map(|((row, outcome), (line, object))| {
        let text = object.get(key).and_then(Value::as_str);
        let missing = || invalid(format!("{}:{line}: has no answer `{key}`", path.display()));
        let text = text.ok_or_else(missing)?;
        Ok(Answered {
            row,
            measures: measures(&Answer::plain(text).to(outcome.prompt.as_str())),
            length: text.len() as f64,
            right: outcome.weak >= RIGHT,
        })
    });
    answered.collect()
}

/// What a router that learned from these answers' questions says of others.
#[derive(Debug)]
pub(super) struct Router(Weights);

impl Router {
    pub(super) fn learned_from(answers: &[&Answered]) -> Self {
        Self(Fit::default().train(&examples(answers)))
    }

    /// Log-odds that the lower tier does for a question.
    pub(super) fn log_odds(&self, answer: &Answered) -> f64 {
        logit(self.chance(answer))
    }

    /// The chance of that.
    pub(super) fn chance(&self, answer: &Answered) -> f64 {
        let example = &answer.row.example;
        self.0
            .estimate(&example.features, example.prior, None)
            .suffices
    }
}

/// The answers as the head learns from them, each with what a router says that has not seen it.
pub(super) fn judged(answers: &[&Answered], router: &Router) -> Vec<Judged> {
    let fold = |answer: &Answered| answer.row.example.group % FOLDS;
    let held_out: Vec<Router> = (0..FOLDS)
        .map(|out| {
            let rest = answers.iter().filter(|answer| fold(answer) != out);
            let rest: Vec<&Answered> = rest.copied().collect();
            let mut weights = Fit::default().fit(&examples(&rest));
            weights.head.suffices = router.0.head.suffices;
            Router(weights)
        })
        .collect();
    let judged = |answer: &&Answered| {
        let router = held_out.get(fold(answer) as usize);
        Judged {
            measures: answer.measures.clone(),
            grams: answer.row.example.features.grams.clone(),
            router: router.map(|router| router.log_odds(answer)),
            right: answer.right,
            gain: answer.row.gain,
            group: answer.row.example.group,
        }
    };
    answers.iter().map(judged).collect()
}

fn examples(answers: &[&Answered]) -> Vec<Example> {
    let example = |answer: &&Answered| Example {
        label: None,
        ..answer.row.example.clone()
    };
    answers.iter().map(example).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_line_without_its_answer_is_named() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let row = r#"{"prompt": "a", "weak_correct": 1, "strong_correct": 1, "weak_answer": "7"}"#;
        writeln!(file, "{row}\n{}", row.replace("weak_answer", "other")).unwrap();
        let wrong = read(file.path(), &Pair::default(), "weak_answer").unwrap_err();
        assert!(
            wrong.message.ends_with(":2: has no answer `weak_answer`"),
            "{wrong}"
        );
    }
}
