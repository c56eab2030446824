//! Outcomes as examples: read by the classifier, as it reads requests.

use terrace_classifier::request::{Request, Speaker, Turn};
use terrace_learned::text::Words;
use terrace_learned::train::label_of;
use terrace_learned::{Example, quality::Scored};

use super::outcomes::{Outcome, Outcomes};

/// Words of an opening: questions that begin with the same ones are twins.
const OPENING_WORDS: usize = 12;

/// A question with all that it can be ranked by.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What is learned from, label included.
    pub(super) example: Example,
    /// Bytes of the question.
    pub(super) length: f64,
    /// What the stronger model gained, not centred.
    pub(super) gain: f64,
}

impl Row {
    fn of(outcome: &Outcome) -> Self {
        let request = Request {
            turns: vec![Turn::new(Speaker::User, outcome.prompt.as_str())],
            ..Request::default()
        };
        let reading = terrace_classifier::read(&request);
        let gain = outcome.strong - outcome.weak;
        Self {
            length: outcome.prompt.len() as f64,
            gain,
            example: Example {
                features: reading.text,
                prior: reading.prior,
                label: outcome.label.as_deref().map(label_of),
                gain,
                suffices: gain <= 0.0,
                count: 1.0,
                group: opening(&outcome.prompt),
            },
        }
    }

    /// The question with a score.
    pub(super) const fn scored(&self, score: f64) -> Scored {
        Scored {
            score,
            gain: self.gain,
        }
    }
}

/// Every row of a file.
pub(super) fn all(outcomes: &Outcomes) -> Vec<Row> {
    outcomes.rows.iter().map(Row::of).collect()
}

/// The rows of several files to learn from together.
///
/// What two models differ by on average says something about the models and nothing about the
/// questions: each comparison is centred, so that rows of one do not look hard beside another's.
pub(super) fn together(files: &[Outcomes]) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut compared: Vec<&str> = files.iter().map(|file| file.compared.as_str()).collect();
    compared.sort_unstable();
    compared.dedup();
    let overall = mean(files.iter().flat_map(|file| &file.rows));
    for pair in compared {
        let of_pair = || files.iter().filter(|file| file.compared == pair);
        let shift = overall - mean(of_pair().flat_map(|file| &file.rows));
        for row in of_pair().flat_map(all) {
            let gain = row.gain + shift;
            examples.push(Example {
                gain,
                label: None,
                ..row.example
            });
        }
    }
    examples
}

fn mean<'a>(rows: impl Iterator<Item = &'a Outcome>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in rows {
        sum += row.strong - row.weak;
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}

fn opening(prompt: &str) -> u64 {
    let words = Words::of(prompt).take(OPENING_WORDS);
    words.fold(0, |hash: u64, word| hash.rotate_left(5) ^ word.hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_with_the_same_opening_are_of_one_group() {
        let begin = "Q: There are 3 houses in a row, numbered 1 on the left to 3";
        let (a, b) = (format!("{begin} one"), format!("{begin} two"));
        assert_eq!(opening(&a), opening(&b));
        assert_ne!(opening(&a), opening("Q: There are no houses in a row"));
    }

    #[test]
    fn each_comparison_is_centred() {
        let file = |compared: &str, strong: f64| Outcomes {
            compared: compared.to_owned(),
            rows: vec![Outcome {
                prompt: "a".to_owned(),
                label: None,
                weak: 0.0,
                strong,
            }],
        };
        let examples = together(&[file("a", 0.2), file("b", 0.8)]);
        assert!(
            examples
                .iter()
                .all(|example| (example.gain - 0.5).abs() < 1e-9)
        );
        assert!(examples.iter().all(|example| !example.suffices));
    }
}
