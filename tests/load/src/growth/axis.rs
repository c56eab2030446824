//! What can grow, and to which sizes.

use clap::ValueEnum;
use serde::Serialize;

/// What grows while the rest stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Axis {
    /// Projects with a key each; calls come with all of them in turn.
    Projects,
    /// Models in the one tier.
    Models,
    /// Rows of usage in the ledger.
    Rows,
    /// Streams at once.
    Streams,
    /// Bytes of the prompt.
    Prompt,
}

impl Axis {
    /// Those that are named; all if none is.
    pub(super) fn chosen(named: &[Self]) -> Vec<Self> {
        match named.is_empty() {
            true => Self::value_variants().to_vec(),
            false => named.to_vec(),
        }
    }

    /// The sizes, small ones first; `rows` is that of full books.
    pub(super) fn sizes(self, rows: u64) -> Vec<u64> {
        match self {
            Self::Projects => vec![1, 100, 10_000],
            Self::Models => vec![3, 30, 300],
            Self::Rows => vec![0, rows],
            Self::Streams => vec![1, 10, 100, 500, 1000, 2000],
            Self::Prompt => vec![100, 1000, 10_000, 100_000, 1_000_000],
        }
    }

    /// What its sizes count.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Projects => "projects and keys",
            Self::Models => "models",
            Self::Rows => "rows of usage",
            Self::Streams => "streams at once",
            Self::Prompt => "bytes of prompt",
        }
    }
}
