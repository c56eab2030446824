//! `terrace usage`: the rows of the books, a few to look at or all of a span in a file.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::USAGE)]
pub(crate) struct UsageArgs {
    #[command(subcommand)]
    pub(crate) command: UsageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// List steps, newest first
    #[command(after_help = examples::USAGE_LIST)]
    List(ListArgs),
    /// Write all steps of a span into a file, oldest first
    #[command(after_help = examples::USAGE_EXPORT)]
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Which steps, as `action=edit_file` `since=24h` `tag.topic=async`; all have to hold
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// The most steps
    #[arg(long, value_name = "COUNT", default_value = "50")]
    pub(crate) limit: u32,
    /// Print one JSON object instead of a table; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// File to write, which appears when it is whole; `-` for standard output
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Which steps, as `action=edit_file` `since=24h` `tag.topic=async`; all have to hold
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// How it is written. Default: what the file's name ends in, else JSON lines
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was written as one JSON object; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// Columns, compressed: for pandas, Spark and the like
    Parquet,
}
