//! What the learned head sees of an answer, and the head that is built in.
//!
//! Every measure is of the form: how long, how sure of itself, how well its working hangs together.
//! None is of the words that the question is about.

mod measures;

use terrace_learned::Head;
use terrace_learned::head::identity;

pub use measures::{NAMES, measures};

/// The weights that `terrace train --judge` made of public outcomes.
const BUILT_IN: &[u8] = include_bytes!("../weights/head.trcj");

/// The built-in head.
///
/// Bytes that are no head would be a defect of the build, which a test rules out; the head that
/// stands in for them has seen nothing, and the check says nothing.
#[must_use]
pub fn built_in() -> Head {
    Head::from_bytes(BUILT_IN, identity(&NAMES)).unwrap_or_else(|_| Head::train(&NAMES, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_head_is_one_and_has_learned_from_many() {
        assert!(Head::from_bytes(BUILT_IN, identity(&NAMES)).is_ok());
        assert!(built_in().examples > 500);
    }
}
