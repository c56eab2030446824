//! Logistic regression with a penalty, for a calibrated head over a few features.
//!
//! Newton's method in doubles with a fixed number of steps: small enough for elimination by hand,
//! and the same rows give the same numbers.

/// Newton steps; ten are enough for anything that is shrunk.
const STEPS: usize = 25;
/// Rows more lopsided than this say nothing more.
const MOST_LOGIT: f64 = 30.0;

/// From log-odds to a chance.
#[must_use]
pub fn squash(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit.clamp(-MOST_LOGIT, MOST_LOGIT)))
}

/// From a chance to log-odds.
#[must_use]
pub fn logit(chance: f64) -> f64 {
    let chance = chance.clamp(1e-6, 1.0 - 1e-6);
    libm::log(chance / (1.0 - chance))
}

/// One thing that was seen: its features, whether it was so, how much it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Features, of spread about 1.
    pub features: Vec<f64>,
    /// Whether it was so.
    pub good: bool,
    /// How much it counts.
    pub count: f64,
}

/// Weights of the features, the constant last.
///
/// `penalty` is what the square of each weight costs; the constant is free.
#[must_use]
pub fn fit(seen: &[Seen], penalty: f64) -> Vec<f64> {
    let size = seen.first().map_or(0, |one| one.features.len()) + 1;
    let mut weights = vec![0.0; size];
    for _ in 0..STEPS {
        let mut slope = vec![0.0; size];
        let mut curve = vec![vec![0.0; size]; size];
        for (index, weight) in weights.iter().take(size - 1).enumerate() {
            slope[index] -= penalty * weight;
            curve[index][index] += penalty;
        }
        curve[size - 1][size - 1] += 1e-9;
        for one in seen {
            add(one, &weights, &mut slope, &mut curve);
        }
        let step = solve(curve, slope);
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight += step.clamp(-4.0, 4.0);
        }
    }
    weights
}

/// The log-odds that `weights` give to `features`.
#[must_use]
pub fn score(weights: &[f64], features: &[f64]) -> f64 {
    let constant = weights.last().copied().unwrap_or(0.0);
    let pairs = weights.iter().zip(features);
    constant + pairs.map(|(weight, value)| weight * value).sum::<f64>()
}

fn add(one: &Seen, weights: &[f64], slope: &mut [f64], curve: &mut [Vec<f64>]) {
    let chance = squash(score(weights, &one.features));
    let miss = one.count * (f64::from(u8::from(one.good)) - chance);
    let bend = one.count * chance * (1.0 - chance);
    let value = |index: usize| one.features.get(index).copied().unwrap_or(1.0);
    for (row, line) in curve.iter_mut().enumerate() {
        slope[row] += miss * value(row);
        for (column, cell) in line.iter_mut().enumerate() {
            *cell += bend * value(row) * value(column);
        }
    }
}

/// Gauss's elimination; the matrix is positive definite.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for pivot in 0..size {
        let row = matrix[pivot].clone();
        for below in pivot + 1..size {
            let factor = matrix[below][pivot] / row[pivot];
            for (cell, above) in matrix[below].iter_mut().zip(&row) {
                *cell -= factor * above;
            }
            right[below] -= factor * right[pivot];
        }
    }
    for pivot in (0..size).rev() {
        let known: f64 = (pivot + 1..size)
            .map(|column| matrix[pivot][column] * right[column])
            .sum();
        right[pivot] = (right[pivot] - known) / matrix[pivot][pivot];
    }
    right
}

/// Constant and slope that turn a score into the log-odds of being so: Platt's calibration, with a
/// penalty that keeps few rows from being sure of anything.
#[must_use]
pub fn calibrate(scored: &[(f64, bool, f64)]) -> [f64; 2] {
    let seen: Vec<Seen> = scored
        .iter()
        .map(|(score, good, count)| Seen {
            features: vec![*score],
            good: *good,
            count: *count,
        })
        .collect();
    match fit(&seen, 0.1).as_slice() {
        [slope, constant] => [*constant, *slope],
        _ => [0.0, 0.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: f64, good: bool, count: f64) -> Seen {
        Seen {
            features: vec![value],
            good,
            count,
        }
    }

    #[test]
    fn it_finds_the_odds_that_it_was_shown() {
        let rows = [
            seen(0.0, true, 30.0),
            seen(0.0, false, 10.0),
            seen(1.0, true, 10.0),
            seen(1.0, false, 30.0),
        ];
        let weights = fit(&rows, 1e-6);
        assert!((squash(score(&weights, &[0.0])) - 0.75).abs() < 1e-3);
        assert!((squash(score(&weights, &[1.0])) - 0.25).abs() < 1e-3);
    }

    #[test]
    fn rows_that_can_be_told_apart_do_not_make_it_endlessly_sure() {
        let weights = fit(&[seen(-1.0, false, 1.0), seen(1.0, true, 1.0)], 1.0);
        assert!(weights.iter().all(|weight| weight.abs() < 2.0));
        assert_eq!(fit(&[], 1.0).len(), 1);
    }

    #[test]
    fn odds_and_chances_are_each_others_reverse() {
        for chance in [0.01, 0.3, 0.5, 0.99] {
            assert!((squash(logit(chance)) - chance).abs() < 1e-9);
        }
        assert!(squash(f64::MAX) <= 1.0 && logit(0.0).is_finite());
    }
}
