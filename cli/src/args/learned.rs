//! The flags of `outcome` and `learning`.

use clap::{Args, Subcommand, ValueEnum};

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::OUTCOME)]
pub(crate) struct OutcomeArgs {
    /// The `request_id` of the answer
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request_id: String,
    /// What you did with it
    #[arg(value_name = "OUTCOME")]
    pub(crate) outcome: Outcome,
    /// Print one JSON object instead of text; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a caller did with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outcome {
    /// Used as it was
    Accepted,
    /// Used after changes
    Edited,
    /// Thrown away
    Rejected,
    /// Asked again
    Retried,
}

#[derive(Debug, Args)]
pub(crate) struct LearningArgs {
    #[command(subcommand)]
    pub(crate) command: LearningCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LearningCommand {
    /// Show what was learned from your own traffic, and how good it is
    #[command(after_help = examples::LEARNING_STATUS)]
    Status {
        /// Print one JSON object instead of text; errors too
        #[arg(long)]
        json: bool,
    },
    /// Throw away what was learned since a snapshot, or all of it
    #[command(after_help = examples::LEARNING_ROLLBACK)]
    Rollback {
        /// Number of the snapshot, as `status` shows it
        #[arg(long, value_name = "NUMBER", required_unless_present = "all")]
        to: Option<u64>,
        /// Back to the shipped weights
        #[arg(long, conflicts_with = "to")]
        all: bool,
        /// Print one JSON object instead of text; errors too
        #[arg(long)]
        json: bool,
    },
}
