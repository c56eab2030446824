//! Are its equations right?
//!
//! An answer with a wrong equation is mostly wrong and not always (of those to GSM8K four of five
//! are), so the finding is low and never hard.

use crate::answer::Answer;
use crate::check::{Check, Finding, Kind};
use crate::working;

/// Score of an answer with a wrong equation: as often as such answers are right all the same.
const WRONG: f64 = 0.2;

/// Equations that are wrong.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic;

impl Check for Arithmetic {
    fn kind(&self) -> Kind {
        Kind::Arithmetic
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        if !answer.is_prose() {
            return None;
        }
        let equations = working::equations(&answer.text);
        let count = equations.len();
        let mut wrong = equations.iter().filter(|equation| !equation.holds());
        let Some(first) = wrong.next() else {
            return (count > 0).then(|| Finding::good(format!("{count} equations, all right")));
        };
        let (line, wrong) = (first.line, wrong.count() + 1);
        let words = format!("{wrong} of {count} equations wrong: look at line {line}");
        Some(Finding::scored(WRONG, words))
    }

    /// An equation that is still to come may be right or wrong: nothing is promised.
    fn applies(&self, _beginning: &Answer) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_equation_is_named_by_its_line() {
        let found = Arithmetic.check(&Answer::plain("First 3 + 4 = 7.\nThen 7 * 2 = 15."));
        let found = found.unwrap();
        assert!(!found.hard_failure && found.score.get() < 0.5);
        assert_eq!(found.words, "1 of 2 equations wrong: look at line 2");
    }

    #[test]
    fn without_an_equation_nothing_is_said() {
        assert_eq!(Arithmetic.check(&Answer::plain("It is 7.")), None);
        let right = Arithmetic.check(&Answer::plain("3 + 4 = 7")).unwrap();
        assert_eq!(right.score.get(), 1.0);
    }
}
