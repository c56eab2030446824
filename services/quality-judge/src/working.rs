//! What an answer works out: its numbers, its equations, and the number it ends with.
//!
//! Reads text and knows no task: `3 + 4 = 7` is an equation wherever it stands. What is not plainly
//! arithmetic (variables, units between the numbers, powers) is passed over and not guessed at.

mod equation;
mod numbers;

pub use equation::{Equation, equations};
pub use numbers::{Numbers, in_words};

/// How much of a text is read, from its end: the end has the result.
const MAX_BYTES: usize = 32 * 1024;
/// Equations after which no more are read.
const MAX_EQUATIONS: usize = 200;

/// The part of a text that is read.
#[must_use]
pub fn end_of(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_BYTES))..]
}

/// Whether two numbers are the same but for the last digits of a double.
#[must_use]
pub fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(1.0)
}

/// The number that an answer comes to, and whether it is marked as that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Final {
    /// The number.
    pub value: f64,
    /// Whether `####`, a box, or words as "the answer is" stand before it.
    pub marked: bool,
}

/// Marks that stand before a result.
const MARKS: [&str; 4] = ["####", "\\boxed{", "answer is", "answer:"];

/// The number behind the last mark, else the last number.
#[must_use]
pub fn result(text: &str) -> Option<Final> {
    let text = end_of(text);
    let lower = text.to_ascii_lowercase();
    let behind = |mark: &&str| lower.rfind(*mark).map(|at| at + mark.len());
    let marked = MARKS.iter().filter_map(behind).max();
    let number = marked.and_then(|at| Numbers::of(&text[at..]).next());
    match number {
        Some(value) => Some(Final {
            value,
            marked: true,
        }),
        None => Numbers::of(text).last().map(|value| Final {
            value,
            marked: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_number_is_the_result_and_else_the_last_one() {
        let found = |text| result(text).map(|found| (found.value, found.marked));
        assert_eq!(found("3 + 4 = 7\n#### 7\n\nin 2 steps"), Some((7.0, true)));
        assert_eq!(found("The answer is $1,250."), Some((1250.0, true)));
        assert_eq!(found("He has 3, then 5"), Some((5.0, false)));
        assert_eq!(found("none"), None);
    }

    #[test]
    fn of_a_long_text_the_end_is_read() {
        let text = format!("{}42", "é 1 ".repeat(100_000));
        assert_eq!(result(&text).map(|found| found.value), Some(42.0));
    }
}
