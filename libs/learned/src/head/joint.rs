//! How much a higher tier gains over an answer, from the words of the question and the measures of
//! the answer together.
//!
//! Ridge regression of the gain itself: where both tiers are wrong nothing is gained, which a chance
//! of being right cannot say. Words and measures are fitted at once, because much of what the words
//! know is in the measures too, and two opinions that are added up count that twice.

use crate::features::BITS;
use crate::ridge::Problem;

use super::Judged;

/// The number of buckets is two to this: fewer than a router's, since few answers are learned from.
const JOINT_BITS: u32 = 14;
/// How many buckets the words of a question fall into.
pub(super) const JOINT_BUCKETS: usize = 1 << JOINT_BITS;
/// What the square of a bucket's weight costs.
const PENALTY: f64 = 4.0;
/// How much cheaper the weight of a measure is.
const MEASURES: f64 = 0.06;

/// What was learned of the gain.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// Gain on average.
    pub mean: f32,
    /// What a spread of each measure adds to the gain.
    pub measures: Vec<f32>,
    pub(super) scale: f32,
    pub(super) buckets: Vec<i8>,
}

impl Joint {
    /// Knows nothing of any word, and so many measures of which it has learned nothing.
    pub(super) fn untrained(measures: usize) -> Self {
        Self {
            mean: 0.0,
            measures: vec![0.0; measures],
            scale: 0.0,
            buckets: vec![0; JOINT_BUCKETS],
        }
    }

    /// Learns from answers with their scaled measures.
    pub(super) fn fit(judged: &[Judged], scaled: &[Vec<f64>], measures: usize) -> Self {
        let count = judged.len().max(1) as f64;
        let mean = judged.iter().map(|one| one.gain).sum::<f64>() / count;
        let wanted: Vec<f64> = judged.iter().map(|one| one.gain - mean).collect();
        let rows: Vec<_> = judged.iter().zip(scaled).map(row).collect();
        let solved = Problem {
            rows: &rows,
            wanted: &wanted,
            counts: &vec![1.0; rows.len()],
            columns: JOINT_BUCKETS + measures,
            penalty: PENALTY,
        }
        .solve();
        let (buckets, of_measures) = solved.split_at(JOINT_BUCKETS);
        let cheap = MEASURES.sqrt();
        let most = buckets
            .iter()
            .fold(0.0_f64, |most, one| most.max(one.abs()));
        let step = most / 127.0;
        let packed = |weight: &f64| {
            if step > 0.0 {
                (weight / step).round() as i8
            } else {
                0
            }
        };
        Self {
            mean: mean as f32,
            measures: of_measures.iter().map(|one| (one * cheap) as f32).collect(),
            scale: step as f32,
            buckets: buckets.iter().map(packed).collect(),
        }
    }

    /// The gain that is expected of a higher tier.
    pub(super) fn gain(&self, grams: &[(u32, f32)], scaled: &[f64]) -> f64 {
        let words = grams.iter().map(|(bucket, value)| {
            let steps = self.buckets.get(folded(*bucket) as usize).copied();
            f64::from(steps.unwrap_or(0)) * f64::from(*value)
        });
        let measures = self.measures.iter().zip(scaled);
        let measures = measures.map(|(weight, value)| f64::from(*weight) * value);
        f64::from(self.mean) + f64::from(self.scale) * words.sum::<f64>() + measures.sum::<f64>()
    }
}

/// An answer as a row of the regression.
fn row((one, scaled): (&Judged, &Vec<f64>)) -> Vec<(u32, f32)> {
    let cheap = MEASURES.sqrt();
    let words = one
        .grams
        .iter()
        .map(|(bucket, value)| (folded(*bucket), *value));
    let measures = scaled.iter().enumerate();
    let measures =
        measures.map(|(index, value)| ((JOINT_BUCKETS + index) as u32, (value * cheap) as f32));
    words.chain(measures).collect()
}

/// The bucket of a question's features among the fewer ones here.
const fn folded(bucket: u32) -> u32 {
    bucket >> (BITS - JOINT_BITS)
}
