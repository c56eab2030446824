//! A request of the books: its rows, and what its caller got.

use terrace_domain::{ActionName, ModelName, NanoUsd, Score, Step, TierName, Usage};

/// How a step ended, as far as a replay has to tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The judge passed it, or nobody asked the judge.
    Accepted,
    /// The judge found it short.
    Rejected,
    /// Anything else: it failed, was called off, was skipped, or its end is presumed.
    Otherwise,
}

/// One step of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which step.
    pub step: Step,
    /// The tier that was called.
    pub tier: TierName,
    /// The model that was called.
    pub model: ModelName,
    /// How it ended.
    pub ended: Ended,
    /// What it used.
    pub usage: Usage,
    /// What it cost.
    pub cost: NanoUsd,
    /// What the judge gave it, if it looked.
    pub score: Option<Score>,
    /// Whether the caller got this.
    pub is_answer: bool,
}

/// A closed request with its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What the caller was doing; none when it did not say.
    pub action: Option<ActionName>,
    /// What its answer would have cost on the baseline model, if that is known.
    pub baseline: Option<NanoUsd>,
    /// Its attempts in order, and its judge's calls among them.
    pub rows: Vec<Row>,
}

impl Request {
    /// Its attempts, in order.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().filter_map(|row| match row.step {
            Step::Attempt(index) => Some((index, row)),
            Step::Judge { .. } | Step::Shadow | Step::Reuse | Step::Lease => None,
        })
    }

    /// Another request's answer that it was given.
    pub(crate) fn reused(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.step == Step::Reuse)
    }

    /// What all of it cost.
    pub(crate) fn cost(&self) -> NanoUsd {
        self.rows.iter().map(|row| row.cost).sum()
    }

    /// What its caller got.
    pub(crate) fn answer(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_answer)
    }

    /// Whether its models were asked side by side, by consensus or by hedging: then no score
    /// decided who is called next. Several accepted answers, or one that is not the last attempt,
    /// tell.
    pub(crate) fn is_side_by_side(&self) -> bool {
        let accepted = |row: &Row| row.ended == Ended::Accepted;
        let last = self.attempts().last().map(|(index, _)| index);
        let mut taken = self.attempts().filter(|(_, row)| accepted(row));
        let first = taken.next().map(|(index, _)| index);
        taken.next().is_some() || (first.is_some() && first != last)
    }
}
