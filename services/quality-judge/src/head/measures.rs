//! The measures, each a number about one answer.

use std::collections::HashSet;

use crate::answer::{Answer, Finish};
use crate::working::{Equation, Numbers, end_of, equations, in_words, result, same};

/// How many there are.
const COUNT: usize = 20;

/// Their names, in order: a file of weights is written in terms of them.
pub const NAMES: [&str; COUNT] = [
    "length",
    "steps",
    "wrong_equation",
    "rounded",
    "numbers_from_nowhere",
    "no_number",
    "whole_result",
    "negative",
    "repeats_the_question",
    "result_of_the_working",
    "long_decimals",
    "numbers_used",
    "numbers_given",
    "question_length",
    "steps_for_numbers",
    "hedging",
    "cut_off",
    "repeats_itself",
    "words_per_step",
    "marked_result",
];

/// Words of doubt, and of talk about the question instead of work on it.
const HEDGES: [&str; 18] = [
    "however",
    "but ",
    "assum",
    "not ",
    "n't",
    "since",
    "because",
    "if ",
    "would",
    "approximately",
    "about",
    "actually",
    "instead",
    "unknown",
    "cannot",
    "let ",
    "explanation",
    "therefore",
];

/// Measures an answer in the order of [`NAMES`].
#[must_use]
pub fn measures(answer: &Answer) -> Vec<f64> {
    let text = end_of(&answer.text);
    let question = end_of(&answer.question);
    let equations = equations(text);
    let given: Vec<f64> = Numbers::of(question).collect();
    let steps = equations.len();
    let result = result(text);
    let value = result.map_or(0.0, |result| result.value);
    let last = equations.last();
    let all = [
        log(text.len()),
        log(steps),
        yes(equations.iter().any(|equation| !equation.holds())),
        yes(equations.iter().any(Equation::is_rounded)),
        from_nowhere(&equations, question, &given),
        yes(result.is_none()),
        yes(same(value, value.round())),
        yes(equations.iter().any(|equation| equation.claimed < 0.0)),
        yes(given.iter().any(|number| same(*number, value))),
        yes(last.is_some_and(|equation| same(equation.claimed, value))),
        yes(has_long_decimals(text)),
        used(&given, text),
        log(given.len()),
        log(question.len()),
        log(steps) - log(given.len()),
        log(hedges(text)),
        yes(answer.finish == Finish::Length || breaks_off(text)),
        yes(repeats(text)),
        log1p(text.split_whitespace().count() as f64 / steps.max(1) as f64),
        yes(result.is_some_and(|result| result.marked)),
    ];
    let all: [f64; COUNT] = all;
    all.to_vec()
}

fn yes(so: bool) -> f64 {
    f64::from(u8::from(so))
}

fn log(count: usize) -> f64 {
    log1p(count as f64)
}

/// The same on every machine, so that weights are the same to the last byte.
fn log1p(value: f64) -> f64 {
    libm::log1p(value)
}

/// Share of the numbers worked with that neither the question gave nor a step before came to.
fn from_nowhere(equations: &[Equation], question: &str, given: &[f64]) -> f64 {
    let mut known: Vec<f64> = given.to_vec();
    known.extend(in_words(question));
    known.extend([1.0, 100.0]);
    let (mut strange, mut all) = (0, 0);
    for equation in equations {
        for operand in &equation.operands {
            all += 1;
            strange += usize::from(!known.iter().any(|one| same(*one, *operand)));
        }
        known.extend([equation.claimed, equation.value]);
    }
    strange as f64 / all.max(1) as f64
}

/// Share of the numbers given that the answer has too.
fn used(given: &[f64], text: &str) -> f64 {
    let there: Vec<f64> = Numbers::of(text).take(1000).collect();
    let is_used = |number: &&f64| there.iter().any(|one| same(*one, **number));
    let used = given.iter().take(100).filter(is_used).count();
    used as f64 / given.len().clamp(1, 100) as f64
}

fn has_long_decimals(text: &str) -> bool {
    let mut decimals = 0;
    let mut previous = ' ';
    let mut before_point = false;
    text.chars().any(|c| {
        if c == '.' {
            before_point = previous.is_ascii_digit();
            decimals = 0;
        } else if c.is_ascii_digit() && before_point {
            decimals += 1;
        } else {
            before_point = false;
            decimals = 0;
        }
        previous = c;
        decimals >= 3
    })
}

fn hedges(text: &str) -> usize {
    let lower = text.to_lowercase();
    HEDGES.iter().map(|word| lower.matches(word).count()).sum()
}

/// Whether it ends where no answer ends: inside a step, or in the middle of a sentence.
fn breaks_off(text: &str) -> bool {
    let open = text.rfind("<<") > text.rfind(">>");
    let ends = |c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | '%' | '!' | '}' | '*');
    open || !text.trim_end().ends_with(ends)
}

/// Whether three lines or more stand there twice.
fn repeats(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let different: HashSet<&str> = lines.iter().copied().collect();
    different.len() + 2 < lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUESTION: &str = "Tom has 12 apples and eats 5. How many are left?";

    fn measure(text: &str, name: &str) -> f64 {
        let place = NAMES.iter().position(|one| *one == name).unwrap();
        measures(&Answer::plain(text).to(QUESTION))[place]
    }

    #[test]
    fn working_that_hangs_together_is_told_from_numbers_out_of_nowhere() {
        let good = "12 - 5 = 7\n#### 7";
        assert_eq!(measure(good, "numbers_from_nowhere"), 0.0);
        assert_eq!(measure(good, "result_of_the_working"), 1.0);
        assert_eq!(measure(good, "marked_result"), 1.0);
        assert_eq!(measure(good, "numbers_used"), 1.0);
        let odd = "30 - 5 = 24, so 12";
        assert_eq!(measure(odd, "numbers_from_nowhere"), 0.5);
        assert_eq!(measure(odd, "wrong_equation"), 1.0);
        assert_eq!(measure(odd, "repeats_the_question"), 1.0);
    }

    #[test]
    fn the_end_and_the_decimals_are_looked_at() {
        assert_eq!(measure("12 - 5 = <<12-5", "cut_off"), 1.0);
        assert_eq!(measure("He has 7.", "cut_off"), 0.0);
        assert_eq!(measure("It is 6.6667", "long_decimals"), 1.0);
        assert_eq!(measure("It is 6.67 and 10000.", "long_decimals"), 0.0);
    }

    proptest! {
        #[test]
        fn any_answer_has_finite_measures(text in "(?s).{0,200}", question in "(?s).{0,100}") {
            let measures = measures(&Answer::plain(text).to(question));
            prop_assert!(measures.iter().all(|measure| measure.is_finite()));
        }
    }
}
