//! Why a difficulty is what it is: one line per feature that moved it.
//!
//! A detail says what was seen in words and counts. It never quotes the prompt, so evidence may
//! stand in logs, traces and explanations.

use std::cmp::Ordering;

/// One finding that moved the difficulty.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Name of the feature, as `prompt_length`.
    pub feature: &'static str,
    /// By how much the difficulty would change without it; negative made it easier.
    pub weight: f64,
    /// What was seen, in words.
    pub detail: String,
}

/// Sorts by strength; equal strengths by name, so that the order never depends on anything else.
pub(crate) fn strongest_first(evidence: &mut [Evidence]) {
    evidence.sort_by(|a, b| {
        let strength = b.weight.abs().partial_cmp(&a.weight.abs());
        strength
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.feature.cmp(b.feature))
    });
}

/// `1 word`, `2 words`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_stands_first_whatever_its_sign() {
        let of = |feature, weight| Evidence {
            feature,
            weight,
            detail: String::new(),
        };
        let mut evidence = [of("b", 0.1), of("c", -0.4), of("a", 0.1)];
        strongest_first(&mut evidence);
        let order: Vec<_> = evidence.iter().map(|one| one.feature).collect();
        assert_eq!(order, ["c", "a", "b"]);
    }

    #[test]
    fn counts_read_as_english() {
        assert_eq!(counted(1, "list item"), "1 list item");
        assert_eq!(counted(3, "list item"), "3 list items");
    }
}
