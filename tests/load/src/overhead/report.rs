//! What a run of all subjects came to, as tables of Markdown.

mod tables;

use std::fmt;

use serde::Serialize;

use super::block::Block;
use super::spread::Spread;
use super::subject::DIRECT;

/// What was measured, and where.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// When it began, in UTC.
    pub(crate) began: String,
    pub(crate) machine: String,
    pub(crate) load_average: f64,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    /// What PostgreSQL takes to commit one row, at the beginning of each round.
    pub(crate) commits_ms: Vec<f64>,
    /// In the order in which they took turns.
    pub(crate) subjects: Vec<String>,
    pub(crate) blocks: Vec<Block>,
    /// Who was not measured, or not in each round, and why.
    pub(crate) left_out: Vec<(String, String)>,
}

impl Report {
    /// The blocks of one subject.
    fn of<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks
            .iter()
            .filter(move |block| block.subject == subject)
    }

    /// A figure of one subject over the rounds.
    fn spread(&self, subject: &str, figure: impl Fn(&Block) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.of(subject).filter_map(figure))
    }

    /// What a subject adds to the stub asked directly in the same round.
    fn added(&self, subject: &str, figure: impl Fn(&Block) -> f64) -> Option<Spread> {
        let direct = |round| self.of(DIRECT).find(|block| block.round == round);
        let pairs = self
            .of(subject)
            .filter_map(|block| Some((block, direct(block.round)?)));
        Spread::of(pairs.map(|(block, direct)| figure(block) - figure(direct)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} UTC, load average {:.2} at the start; rounds: {}, {} s a measurement. Median \
             (least..most) of the rounds. PostgreSQL with fsync on; to commit one row it takes {} ms \
             here. Latencies in ms are what is added to `direct` of the same round, whose own stand \
             in [ ].",
            self.machine,
            self.began,
            self.load_average,
            self.rounds,
            self.seconds,
            Spread::of(self.commits_ms.iter().copied())
                .map_or_else(|| "–".to_owned(), |commit| commit.told(2))
        )?;
        tables::throughput(self, f)?;
        tables::latency(self, f)?;
        tables::streams(self, f)?;
        tables::memory(self, f)?;
        tables::parts(self, f)?;
        tables::ratios(self, f)?;
        for (name, why) in &self.left_out {
            writeln!(f, "Left out: {name}: {why}")?;
        }
        Ok(())
    }
}
