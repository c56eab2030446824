//! All checks there are.

pub mod arithmetic;
pub mod chance;
pub mod empty;
pub mod format;
pub mod missing;
pub mod refusal;
pub mod repetition;
pub mod syntax;

use terrace_learned::Head;

use crate::asked::Reader;
use crate::check::Check;
pub(crate) use syntax::code_tree;

/// Makes every check, cheapest first; `head` is the learned one.
///
/// # Errors
/// A built-in pattern is no pattern: a defect of the build.
pub fn all(head: Head) -> Result<Vec<Box<dyn Check>>, regex::Error> {
    let reader = Reader::new()?;
    Ok(vec![
        Box::new(empty::Empty),
        Box::new(refusal::Refusal::new()?),
        Box::new(missing::Missing::new(reader.clone())),
        Box::new(repetition::Repetition),
        Box::new(format::Form),
        Box::new(arithmetic::Arithmetic),
        Box::new(syntax::Syntax),
        Box::new(chance::Chance::new(reader, head)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stand_in_the_order_of_their_cost() {
        let kinds: Vec<_> = all(crate::head::built_in())
            .unwrap()
            .iter()
            .map(|check| check.kind())
            .collect();
        assert!(kinds.is_sorted());
        assert_eq!(kinds.len(), 8);
    }
}
