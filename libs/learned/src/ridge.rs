//! Ridge regression over sparse rows, by conjugate gradients.
//!
//! Solves `(X'WX + penalty) w = X'Wy`. One thread and a fixed order of additions, so that the same
//! rows give the same weights to the last bit.

/// Steps after which nothing changes that would survive rounding.
const MOST_STEPS: usize = 60;
/// Share of the first residual at which it is done.
const SMALL_ENOUGH: f64 = 1e-7;

/// Sparse rows with what they should come to.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    /// Columns with their values.
    pub(crate) rows: &'a [Vec<(u32, f32)>],
    /// What each row should come to.
    pub(crate) wanted: &'a [f64],
    /// How much each row counts.
    pub(crate) counts: &'a [f64],
    /// How many columns there are.
    pub(crate) columns: usize,
    /// What every weight's square costs.
    pub(crate) penalty: f64,
}

impl Problem<'_> {
    /// The weights of the columns.
    pub(crate) fn solve(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.columns];
        let mut residual = self.transposed(self.wanted);
        let mut direction = residual.clone();
        let mut length = dot(&residual, &residual);
        let enough = length * SMALL_ENOUGH * SMALL_ENOUGH;
        for _ in 0..MOST_STEPS {
            if length <= enough {
                break;
            }
            let image = self.normal(&direction);
            let step = length / dot(&direction, &image);
            for (weight, along) in weights.iter_mut().zip(&direction) {
                *weight += step * along;
            }
            for (rest, along) in residual.iter_mut().zip(&image) {
                *rest -= step * along;
            }
            let next = dot(&residual, &residual);
            let keep = next / length;
            for (along, rest) in direction.iter_mut().zip(&residual) {
                *along = rest + keep * *along;
            }
            length = next;
        }
        weights
    }

    /// `X'W values`.
    fn transposed(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        for ((row, value), count) in self.rows.iter().zip(values).zip(self.counts) {
            for (column, entry) in row {
                if let Some(sum) = sums.get_mut(*column as usize) {
                    *sum += value * count * f64::from(*entry);
                }
            }
        }
        sums
    }

    /// `(X'WX + penalty) weights`.
    fn normal(&self, weights: &[f64]) -> Vec<f64> {
        let values: Vec<f64> = self.rows.iter().map(|row| score(row, weights)).collect();
        let mut image = self.transposed(&values);
        for (image, weight) in image.iter_mut().zip(weights) {
            *image += self.penalty * weight;
        }
        image
    }
}

/// What the weights make of a row.
pub(crate) fn score(row: &[(u32, f32)], weights: &[f64]) -> f64 {
    let weight = |column: u32| weights.get(column as usize).copied().unwrap_or(0.0);
    row.iter()
        .map(|(column, entry)| f64::from(*entry) * weight(*column))
        .sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(penalty: f64) -> Vec<f64> {
        let rows = [vec![(0, 1.0)], vec![(1, 1.0)], vec![(0, 1.0), (1, 1.0)]];
        let problem = Problem {
            rows: &rows,
            wanted: &[1.0, -2.0, -1.0],
            counts: &[1.0; 3],
            columns: 3,
            penalty,
        };
        problem.solve()
    }

    #[test]
    fn it_finds_what_made_the_rows() {
        let weights = solve(1e-9);
        assert!((weights[0] - 1.0).abs() < 1e-5 && (weights[1] + 2.0).abs() < 1e-5);
        assert!(weights[2].abs() < 1e-9);
    }

    #[test]
    fn a_penalty_shrinks_and_never_turns_a_sign() {
        let (free, shrunk) = (solve(0.1), solve(10.0));
        assert!(shrunk[1].abs() < free[1].abs() && shrunk[1] < 0.0);
    }
}
