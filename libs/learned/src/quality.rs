//! How good a ranking or a chance is: APGR, CPT, AUROC, ECE, and intervals by resampling.
//!
//! The cost-quality curve is what `RouteLLM` (arXiv 2406.18665) defines: at each share of calls to the
//! stronger model, the part of its gain that is had when those with the highest scores go to it.
//! Questions with the same score are taken together, in proportion.

/// Steps of the curve: shares of 0, 1, … 100 %.
const STEPS: usize = 100;

/// A question with the score that it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Higher: rather the stronger model.
    pub score: f64,
    /// What the stronger model gains.
    pub gain: f64,
}

/// The part of the gain that is had at each share of calls to the stronger model, 101 points.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<f64>,
}

impl Curve {
    /// Ranks questions by their scores.
    #[must_use]
    pub fn of(scored: &[Scored]) -> Self {
        let counts = vec![1.0; scored.len()];
        Self::counted(&ranked(scored), &counts)
    }

    /// `order` is the questions from the highest score on, with their places in `counts`.
    fn counted(order: &[(usize, Scored)], counts: &[f64]) -> Self {
        let (mut shares, mut gains) = (vec![0.0], vec![0.0]);
        let (mut share, mut gain) = (0.0, 0.0);
        for tied in order.chunk_by(|a, b| a.1.score.total_cmp(&b.1.score).is_eq()) {
            for (place, one) in tied {
                let count = counts.get(*place).copied().unwrap_or(0.0);
                share += count;
                gain += count * one.gain;
            }
            shares.push(share);
            gains.push(gain);
        }
        let mut points = Vec::with_capacity(STEPS + 1);
        let mut at = 0;
        for step in 0..=STEPS {
            let target = step as f64 / STEPS as f64 * share;
            while at + 2 < shares.len() && shares[at + 1] < target {
                at += 1;
            }
            points.push(between(&shares, &gains, at, target) / gain);
        }
        Self { points }
    }

    /// The average part of the gain over all shares: 0.5 for a random order.
    #[must_use]
    pub fn apgr(&self) -> f64 {
        let middles = self.points.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
        middles.sum::<f64>() / STEPS as f64
    }

    /// The least share of calls to the stronger model, in percent, that has `part` of its gain.
    #[must_use]
    pub fn cpt(&self, part: f64) -> f64 {
        let reached = self.points.iter().position(|point| *point >= part);
        reached.unwrap_or(STEPS) as f64
    }

    /// The points, for shares of 0 to 100 % in steps of 1 %.
    #[must_use]
    pub fn points(&self) -> &[f64] {
        &self.points
    }
}

fn between(xs: &[f64], ys: &[f64], at: usize, x: f64) -> f64 {
    let (Some(next_x), Some(next_y)) = (xs.get(at + 1), ys.get(at + 1)) else {
        return ys.get(at).copied().unwrap_or(0.0);
    };
    let span = next_x - xs[at];
    let part = if span > 0.0 { (x - xs[at]) / span } else { 0.0 };
    ys[at] + part.clamp(0.0, 1.0) * (next_y - ys[at])
}

fn ranked(scored: &[Scored]) -> Vec<(usize, Scored)> {
    let mut order: Vec<_> = scored.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    order
}

/// A figure with the range in which 95 of 100 resamplings lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The figure on the rows as they are.
    pub value: f64,
    /// 2.5 % lie below.
    pub low: f64,
    /// 2.5 % lie above.
    pub high: f64,
}

impl Interval {
    /// The range of figures that were got otherwise, as from repeated splits.
    #[must_use]
    pub fn around(value: f64, mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let last = figures.len().saturating_sub(1) as f64;
        let at = |part: f64| figures.get((part * last).round() as usize).copied();
        Self {
            value,
            low: at(0.025).unwrap_or(value),
            high: at(0.975).unwrap_or(value),
        }
    }
}

/// APGR of a ranking, with its interval from `times` resamplings of the questions.
#[must_use]
pub fn apgr(scored: &[Scored], times: usize, seed: u64) -> Interval {
    let order = ranked(scored);
    let figures = resample(scored.len(), times, seed, |counts| {
        Curve::counted(&order, counts).apgr()
    });
    Interval::around(Curve::of(scored).apgr(), figures)
}

/// A figure of each of `times` resamplings of `rows` rows; it is given how often each row was drawn.
pub fn resample(rows: usize, times: usize, seed: u64, figure: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut counts = vec![0.0; rows];
    let once = |_| {
        counts.fill(0.0);
        for _ in 0..rows {
            counts[random.usize(..rows)] += 1.0;
        }
        figure(&counts)
    };
    (0..times).map(once).collect()
}

/// A chance with what came true.
pub type Told = (f64, bool);

/// The chance that a good one is ranked above a bad one; ties count half.
#[must_use]
pub fn auroc(told: &[Told]) -> f64 {
    let mut order = told.to_vec();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0.0, 0.0);
    let good = told.iter().filter(|one| one.1).count() as f64;
    let bad = told.len() as f64 - good;
    for tied in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let good = tied.iter().filter(|one| one.1).count() as f64;
        let bad = tied.len() as f64 - good;
        wins += good * (below + bad / 2.0);
        below += bad;
    }
    wins / (good * bad)
}

/// Mean distance between what was promised and what came true, over ten groups of equal size.
#[must_use]
pub fn ece(told: &[Told]) -> f64 {
    let mut order = told.to_vec();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let groups = order.chunks(told.len().div_ceil(10).max(1));
    let distance = groups.map(|group| {
        let promised: f64 = group.iter().map(|one| one.0).sum();
        let came_true = group.iter().filter(|one| one.1).count() as f64;
        f64::abs(promised - came_true)
    });
    distance.sum::<f64>() / told.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(pairs: &[(f64, f64)]) -> Vec<Scored> {
        let one = |(score, gain): &(f64, f64)| Scored {
            score: *score,
            gain: *gain,
        };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn the_same_score_for_all_is_a_random_order() {
        let curve = Curve::of(&scored(&[(1.0, 1.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0)]));
        assert!((curve.apgr() - 0.5).abs() < 1e-9);
        assert!((curve.cpt(0.8) - 80.0).abs() < 1e-9);
    }

    #[test]
    fn the_right_order_is_better_and_the_wrong_one_worse_than_random() {
        let right = Curve::of(&scored(&[(2.0, 1.0), (1.0, 0.0)]));
        let wrong = Curve::of(&scored(&[(1.0, 1.0), (2.0, 0.0)]));
        assert!((right.apgr() - 0.75).abs() < 1e-9 && (right.cpt(0.8) - 40.0).abs() < 1e-9);
        assert!((wrong.apgr() - 0.25).abs() < 1e-9);
    }

    #[test]
    fn an_interval_holds_its_figure_and_depends_on_the_seed_alone() {
        let rows: Vec<_> = (0..200)
            .map(|n| (f64::from(n % 17), f64::from(n % 3)))
            .collect();
        let first = apgr(&scored(&rows), 100, 1);
        assert!(
            first.low < first.value && first.value < first.high,
            "{first:?}"
        );
        assert_eq!(first, apgr(&scored(&rows), 100, 1));
    }

    #[test]
    fn chances_that_come_true_have_no_error() {
        let told: Vec<_> = (0..100).map(|n| (0.25, n % 4 == 0)).collect();
        assert!(ece(&told) < 0.051);
        assert!((auroc(&told) - 0.5).abs() < 1e-9);
        assert!((auroc(&[(0.1, false), (0.9, true)]) - 1.0).abs() < 1e-9);
        assert!((ece(&[(1.0, false)]) - 1.0).abs() < 1e-9);
    }
}
