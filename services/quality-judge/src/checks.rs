//! All checks there are.

pub mod empty;
pub mod format;
pub mod refusal;
pub mod repetition;
pub mod syntax;

use crate::check::Check;

/// Makes every check, cheapest first.
///
/// # Errors
/// A built-in pattern is no pattern: a defect of the build.
pub fn all() -> Result<Vec<Box<dyn Check>>, regex::Error> {
    Ok(vec![
        Box::new(empty::Empty),
        Box::new(refusal::Refusal::new()?),
        Box::new(repetition::Repetition),
        Box::new(format::Form),
        Box::new(syntax::Syntax),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stand_in_the_order_of_their_cost() {
        let kinds: Vec<_> = all().unwrap().iter().map(|check| check.kind()).collect();
        assert!(kinds.is_sorted());
        assert_eq!(kinds.len(), 5);
    }
}
