//! Whether what was predicted ranks what came better than chance does.
//!
//! Each prediction is made before its outcome is learned from, so the figure is one of questions
//! that were not seen. Below chance nothing that was learned counts any more; it counts again when
//! the same predictions, still made and still compared, are clearly better than chance.

use std::collections::VecDeque;

use crate::quality::{self, Told};

/// Predictions that are compared.
pub(super) const REMEMBERED: usize = 400;
/// Of either kind as many have to be among them.
const ENOUGH: usize = 30;
/// After as many new ones the figure is taken anew.
const EVERY: usize = 10;
/// Below this nothing that was learned counts, and from this on it does again.
const CHANCE: f64 = 0.5;
const BETTER: f64 = 0.55;

/// Predictions with what came of them, and what that says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    pub(super) seen: VecDeque<(f32, bool)>,
    pub(super) auroc: Option<f64>,
    pub(super) tripped: bool,
    noted: usize,
}

impl Watch {
    /// Notes a prediction, the higher the likelier, and whether it came.
    pub(super) fn note(&mut self, predicted: f64, came: bool) {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((predicted as f32, came));
        self.noted += 1;
        if self.noted.is_multiple_of(EVERY) {
            self.look();
        }
    }

    pub(super) fn look(&mut self) {
        let came = self.seen.iter().filter(|(_, came)| *came).count();
        if came < ENOUGH || self.seen.len() - came < ENOUGH {
            self.auroc = None;
            return;
        }
        let told: Vec<Told> = self
            .seen
            .iter()
            .map(|(predicted, came)| (f64::from(*predicted), *came))
            .collect();
        let auroc = quality::auroc(&told);
        self.auroc = Some(auroc);
        self.tripped = auroc < if self.tripped { BETTER } else { CHANCE };
    }

    /// Area under the curve of predictions against outcomes, 0.5 for chance; `None` until there are
    /// enough of either kind.
    #[must_use]
    pub const fn auroc(&self) -> Option<f64> {
        self.auroc
    }

    /// Whether nothing that was learned counts.
    #[must_use]
    pub const fn is_tripped(&self) -> bool {
        self.tripped
    }
}
