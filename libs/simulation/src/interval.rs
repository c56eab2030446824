//! Intervals: of a mean, of what is drawn, of a share, of a resampled figure.

/// An estimate and the 95 % interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A share of a count, with the 95 % interval in which it may truly lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Of these
    pub of: u64,
    /// so many are meant.
    pub hits: u64,
}

/// Of a normal distribution, 95 of 100 lie within so many standard deviations.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn has(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The mean of a sample, and where the true mean lies by Student's t.
    pub(crate) fn of_mean(sample: &[f64]) -> Self {
        let count = sample.len().max(1) as f64;
        let value = sample.iter().sum::<f64>() / count;
        let squares: f64 = sample.iter().map(|one| (one - value).powi(2)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        let half = t(count - 1.0) * error;
        Self {
            value,
            low: value - half,
            high: value + half,
        }
    }

    /// `value`, and the middle 95 % of what came out of resampling.
    pub(crate) fn of_resampled(value: f64, mut figures: Vec<f64>) -> Self {
        figures.retain(|figure| figure.is_finite());
        figures.sort_unstable_by(f64::total_cmp);
        Self {
            value,
            low: quantile(&figures, 0.025).unwrap_or(value),
            high: quantile(&figures, 0.975).unwrap_or(value),
        }
    }
}

impl Share {
    /// The share with Wilson's interval; nothing without a count.
    #[must_use]
    pub fn interval(self) -> Option<Interval> {
        if self.of == 0 {
            return None;
        }
        let (of, hits) = (self.of as f64, self.hits as f64);
        let value = hits / of;
        let shrink = 1.0 + Z * Z / of;
        let middle = (value + Z * Z / (2.0 * of)) / shrink;
        let half = Z / shrink * (value * (1.0 - value) / of + Z * Z / (4.0 * of * of)).sqrt();
        Some(Interval {
            value,
            low: (middle - half).clamp(0.0, value),
            high: (middle + half).clamp(value, 1.0),
        })
    }
}

/// The value below which this part of a sorted sample lies.
pub(crate) fn quantile<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((part * last as f64).round() as usize).copied()
}

/// Student's t for 95 %, by the first terms of its expansion around the normal one (Abramowitz and
/// Stegun 26.7.5): right to three digits from ten degrees of freedom on.
fn t(freedom: f64) -> f64 {
    let freedom = freedom.max(1.0);
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    let first = (z3 + Z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (freedom, value) in [(10.0, 2.228), (19.0, 2.093), (60.0, 2.000), (1e6, 1.960)] {
            assert!(
                (t(freedom) - value).abs() < 1e-3,
                "{freedom}: {}",
                t(freedom)
            );
        }
    }

    #[test]
    fn a_sample_without_spread_has_no_width() {
        let sure = Interval::of_mean(&[5.0; 30]);
        assert_eq!((sure.value, sure.low, sure.high), (5.0, 5.0, 5.0));
    }

    #[test]
    fn a_share_of_nothing_is_unknown_and_one_of_all_is_not_sure() {
        assert_eq!(Share::default().interval(), None);
        let all = Share { of: 10, hits: 10 }.interval().unwrap();
        assert_eq!((all.value, all.high), (1.0, 1.0));
        assert!((0.72..0.73).contains(&all.low), "{all:?}");
    }
}
