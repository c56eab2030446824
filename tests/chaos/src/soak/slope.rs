//! Whether something is flat, pure: a straight line through what was measured.

use serde::Serialize;

/// How much more at the end of the line than at its beginning is noise, as a share of the mean.
const NOISE: f64 = 0.05;
/// How many standard errors are chance.
const ERRORS: f64 = 2.0;

/// A line through values that were measured at equal distances.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Line {
    /// Their mean.
    pub mean: f64,
    /// How much more the line has at its end than at its beginning.
    pub growth: f64,
    /// The standard error of that: what lies off the line lets it be more or less.
    pub error: f64,
}

impl Line {
    /// The line that lies nearest to these (least squares).
    #[must_use]
    pub fn through(values: &[f64]) -> Self {
        let count = values.len() as f64;
        if values.len() < 2 {
            let mean = values.first().copied().unwrap_or_default();
            return Self {
                mean,
                growth: 0.0,
                error: 0.0,
            };
        }
        let mean = values.iter().sum::<f64>() / count;
        let middle = (count - 1.0) / 2.0;
        let places = || (0..values.len()).map(|at| at as f64 - middle);
        let together: f64 = places().zip(values).map(|(x, y)| x * (y - mean)).sum();
        let alone: f64 = places().map(|x| x * x).sum();
        let slope = together / alone;
        let off = places().zip(values).map(|(x, y)| y - mean - slope * x);
        let off: f64 = off.map(|off| off * off).sum();
        let error = (off / (count - 2.0).max(1.0) / alone).sqrt();
        Self {
            mean,
            growth: slope * (count - 1.0),
            error: error * (count - 1.0),
        }
    }

    /// Whether it does not rise by more than noise: by what chance alone may give it, by a small share
    /// of its mean, or by `least`, whichever is most.
    #[must_use]
    pub fn is_flat(&self, least: f64) -> bool {
        let chance = ERRORS * self.error;
        self.growth <= chance.max(self.mean * NOISE).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rises_is_not_flat_and_what_jumps_about_is() {
        let rising: Vec<f64> = (0..20).map(|at| 100.0 + f64::from(at)).collect();
        let line = Line::through(&rising);
        assert!((line.growth - 19.0).abs() < 1e-9, "{line:?}");
        assert!(!line.is_flat(4.0) && line.is_flat(20.0));
        let jumping: Vec<f64> = (0..20).map(|at| 100.0 + f64::from(at % 2)).collect();
        assert!(Line::through(&jumping).is_flat(0.0));
        let scattered = [170.0, 182.0, 138.0, 173.0, 148.0, 190.0, 182.0, 225.0];
        assert!(Line::through(&scattered).is_flat(10.0));
        assert!(Line::through(&[7.0]).is_flat(0.0) && Line::through(&[]).is_flat(0.0));
    }
}
