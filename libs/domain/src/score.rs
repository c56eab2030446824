//! Scores and thresholds: numbers between nothing and certainty.

use std::fmt;

/// A number outside 0..=1, or not a number at all.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not between 0 and 1")]
pub struct OutOfRange(pub f64);

/// A quality, difficulty or confidence in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Score(f64);

impl Score {
    /// The lowest score.
    pub const ZERO: Self = Self(0.0);
    /// The highest score.
    pub const ONE: Self = Self(1.0);

    /// Checks that `value` lies in 0..=1.
    ///
    /// # Errors
    /// [`OutOfRange`] outside of it, and for NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange(value))
        }
    }

    /// Takes the nearest score; NaN becomes zero.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        if value.is_nan() {
            Self::ZERO
        } else {
            Self(value.clamp(0.0, 1.0))
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whether this score passes `threshold`: equal is enough.
    #[must_use]
    pub fn passes(self, threshold: Self) -> bool {
        self.0 >= threshold.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_from_zero_to_one_are_scores() {
        assert!(Score::new(0.0).is_ok());
        assert!(Score::new(1.0).is_ok());
        for wrong in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Score::new(wrong).is_err());
        }
        assert_eq!(Score::clamped(7.0), Score::ONE);
        assert_eq!(Score::clamped(f64::NAN), Score::ZERO);
    }

    #[test]
    fn a_score_equal_to_the_threshold_passes() {
        assert!(Score::clamped(0.7).passes(Score::clamped(0.7)));
    }
}
