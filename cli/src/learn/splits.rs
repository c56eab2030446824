//! Which rows are learned from and which measured with, and what comes of it.
//!
//! A split is drawn many times; each time the weights are fitted anew on one part and rank the
//! other. The figure is the mean, and its interval that of the figures got when the measured rows
//! of each split are resampled: it has both kinds of luck in it.

use std::collections::HashSet;

use fastrand::Rng;
use terrace_learned::quality::{Curve, Interval, Scored};
use terrace_learned::{Example, Fit};

use super::rows::Row;

/// How rows are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// So many rows to learn from, all others to measure with.
    Labels(usize),
    /// Half to half.
    Half,
    /// Half of the labels, with all their rows, and the other half.
    UnseenLabels,
}

/// What a ranking is worth.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures {
    pub(super) apgr: Interval,
    pub(super) cpt50: f64,
    pub(super) cpt80: f64,
    /// APGR without questions whose opening was learned from; the same when there are none.
    pub(super) without_twins: f64,
    /// Error of the chance that the weaker model does; none where no chance is told.
    pub(super) ece: Option<f64>,
    /// Mean curve.
    pub(super) curve: Vec<f64>,
}

/// How often, and with which seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) repeats: usize,
    pub(super) seed: u64,
}

/// The figures of a ranking that learns nothing.
pub(super) fn fixed(rows: &[Row], times: Times, score: impl Fn(&Row) -> f64) -> Figures {
    let scored: Vec<Scored> = rows.iter().map(|row| row.scored(score(row))).collect();
    let curve = Curve::of(&scored);
    let resamplings = times.repeats * 10;
    let apgr = terrace_learned::quality::apgr(&scored, resamplings, times.seed);
    Figures {
        apgr,
        cpt50: curve.cpt(0.5),
        cpt80: curve.cpt(0.8),
        without_twins: apgr.value,
        ece: None,
        curve: curve.points().to_vec(),
    }
}

/// The figures of weights that are learned from one part and rank the other.
pub(super) fn learned(rows: &[Row], split: Split, with_label: bool, times: Times) -> Figures {
    let mut sums = Sums::default();
    for repeat in 0..times.repeats {
        let mut random = Rng::with_seed(times.seed.wrapping_add(repeat as u64));
        let (learn, measure) = split.draw(rows, &mut random);
        let examples: Vec<Example> = learn.iter().map(|row| example(row, with_label)).collect();
        let fit = Fit::default().chosen(&examples);
        // The chance is calibrated by fitting five times more: once is enough to know its error.
        let weights = if repeat == 0 {
            fit.train(&examples)
        } else {
            fit.fit(&examples)
        };
        let openings: HashSet<u64> = learn.iter().map(|row| row.example.group).collect();
        let mut told = Vec::with_capacity(measure.len());
        let mut scored = Vec::with_capacity(measure.len());
        let mut apart = Vec::new();
        for row in &measure {
            let label = row.example.label.filter(|_| with_label);
            let found = weights.estimate(&row.example.features, row.example.prior, label);
            told.push((found.suffices, row.example.suffices));
            scored.push(row.scored(found.gain));
            if !openings.contains(&row.example.group) {
                apart.push(row.scored(found.gain));
            }
        }
        if repeat == 0 {
            sums.ece = Some(terrace_learned::quality::ece(&told));
        }
        sums.add(&scored, &apart, random.u64(..));
    }
    sums.figures()
}

fn example(row: &Row, with_label: bool) -> Example {
    Example {
        label: row.example.label.filter(|_| with_label),
        ..row.example.clone()
    }
}

impl Split {
    fn draw<'a>(self, rows: &'a [Row], random: &mut Rng) -> (Vec<&'a Row>, Vec<&'a Row>) {
        if self == Self::UnseenLabels {
            let mut labels: Vec<_> = rows.iter().map(|row| row.example.label).collect();
            labels.sort_unstable();
            labels.dedup();
            random.shuffle(&mut labels);
            labels.truncate(labels.len() / 2);
            return rows
                .iter()
                .partition(|row| labels.contains(&row.example.label));
        }
        let mut order: Vec<&Row> = rows.iter().collect();
        random.shuffle(&mut order);
        let learn = match self {
            Self::Labels(count) => count.min(rows.len() / 2),
            Self::Half | Self::UnseenLabels => rows.len() / 2,
        };
        let measure = order.split_off(learn);
        (order, measure)
    }
}

/// Sums over the repeats.
#[derive(Default)]
struct Sums {
    apgr: Vec<f64>,
    resampled: Vec<f64>,
    cpt50: f64,
    cpt80: f64,
    without_twins: f64,
    ece: Option<f64>,
    curve: Vec<f64>,
}

impl Sums {
    fn add(&mut self, scored: &[Scored], apart: &[Scored], seed: u64) {
        let curve = Curve::of(scored);
        self.apgr.push(curve.apgr());
        self.cpt50 += curve.cpt(0.5);
        self.cpt80 += curve.cpt(0.8);
        self.without_twins += Curve::of(apart).apgr();
        self.curve.resize(curve.points().len(), 0.0);
        for (sum, point) in self.curve.iter_mut().zip(curve.points()) {
            *sum += point;
        }
        let mut random = Rng::with_seed(seed);
        let drawn = (0..scored.len()).filter_map(|_| scored.get(random.usize(..scored.len())));
        self.resampled
            .push(Curve::of(&drawn.copied().collect::<Vec<_>>()).apgr());
    }

    fn figures(mut self) -> Figures {
        let repeats = self.apgr.len().max(1) as f64;
        for point in &mut self.curve {
            *point /= repeats;
        }
        let mean = self.apgr.iter().sum::<f64>() / repeats;
        Figures {
            apgr: Interval::around(mean, self.resampled),
            cpt50: self.cpt50 / repeats,
            cpt80: self.cpt80 / repeats,
            without_twins: self.without_twins / repeats,
            ece: self.ece,
            curve: self.curve,
        }
    }
}
