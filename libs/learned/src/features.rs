//! What a text is turned into: weighted buckets of its words and pairs of words, and measures.
//!
//! The buckets' values are `1 + ln(count)`, scaled so that their squares add up to 1: a long text
//! says no more than a short one. Two vectors are all the memory that is taken, whatever the text.

use crate::hash;
use crate::measures::{self, MEASURES, Tally};
use crate::text::{Kind, Words, ends};

/// The number of buckets is two to this.
pub const BITS: u32 = 17;
/// How many buckets there are.
pub const BUCKETS: usize = 1 << BITS;

/// A text as numbers. The text cannot be had back from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Buckets with their values, rising.
    pub grams: Vec<(u32, f32)>,
    /// Buckets of the words of letters alone, rising, each once.
    pub words: Vec<u32>,
    /// Measures of the form, each about 0 and of spread 1.
    pub measures: [f32; MEASURES],
}

impl Features {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut grams = Vec::with_capacity(text.len().min(32 * 1024) / 2 + 8);
        let mut words = Vec::with_capacity(grams.capacity() / 2);
        let mut tally = Tally::default();
        for part in ends(text) {
            let mut previous = None;
            for word in Words::of(part) {
                tally.saw(&word);
                grams.push(hash::bucket(word.hash, BITS));
                if let Some(previous) = previous {
                    grams.push(hash::bucket(hash::pair(previous, word.hash), BITS));
                }
                if word.kind == Kind::Letters {
                    words.push(hash::bucket(word.hash, BITS));
                }
                previous = Some(word.hash);
            }
        }
        words.sort_unstable();
        words.dedup();
        grams.sort_unstable();
        Self {
            grams: weighted(&grams),
            measures: measures::of(text, &tally, words.len()),
            words,
        }
    }
}

/// Counts sorted buckets and scales what comes of it to length 1.
fn weighted(sorted: &[u32]) -> Vec<(u32, f32)> {
    let mut grams: Vec<(u32, f32)> = Vec::with_capacity(sorted.len());
    for run in sorted.chunk_by(|a, b| a == b) {
        let value = if run.len() == 1 {
            1.0
        } else {
            1.0 + libm::logf(run.len() as f32)
        };
        grams.push((run[0], value));
    }
    let length = grams.iter().map(|(_, value)| value * value).sum::<f32>();
    let scale = if length > 0.0 {
        1.0 / length.sqrt()
    } else {
        0.0
    };
    for (_, value) in &mut grams {
        *value *= scale;
    }
    grams
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repeated_word_counts_more_but_not_as_often_as_it_stands_there() {
        let features = Features::of("yes yes yes no");
        let most = features.grams.iter().map(|one| one.1).fold(0.0, f32::max);
        let least = features.grams.iter().map(|one| one.1).fold(1.0, f32::min);
        assert!(most > least && most < 3.0 * least);
        assert_eq!(features.words.len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_has_finite_features_of_length_one(text in "(?s).{0,300}") {
            let features = Features::of(&text);
            let length: f32 = features.grams.iter().map(|one| one.1 * one.1).sum();
            prop_assert!(features.grams.is_empty() || (length - 1.0).abs() < 1e-4);
            prop_assert!(features.measures.iter().all(|one| one.is_finite() && one.abs() <= 3.0));
            prop_assert!(features.grams.is_sorted());
        }
    }
}
