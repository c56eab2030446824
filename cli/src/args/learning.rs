//! The flags of `train` and `eval`.

use std::path::PathBuf;

use clap::Args;

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::TRAIN)]
pub(crate) struct TrainArgs {
    /// Files of outcomes, a JSON object a line, gzipped or not
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where the weights go
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Key of the weaker model's quality, 0 to 1 or true or false
    #[arg(long, value_name = "KEY")]
    pub(crate) weak: Option<String>,
    /// Key of the stronger model's quality
    #[arg(long, value_name = "KEY")]
    pub(crate) strong: Option<String>,
    /// Train the judge's head from the weaker model's answers instead
    #[arg(long)]
    pub(crate) judge: bool,
    /// Key of the answers that the judge's head is trained from
    #[arg(
        long,
        value_name = "KEY",
        default_value = "weak_answer",
        requires = "judge"
    )]
    pub(crate) answer: String,
}

#[derive(Debug, Args)]
#[command(after_help = examples::EVAL)]
pub(crate) struct EvalArgs {
    /// Files of outcomes, a JSON object a line, gzipped or not
    #[arg(required_unless_present = "judge_set", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Measure the judge instead of the router: how well it tells right answers from wrong ones
    #[arg(long)]
    pub(crate) judge: bool,
    /// Key of the answers that are judged
    #[arg(
        long,
        value_name = "KEY",
        default_value = "weak_answer",
        requires = "judge"
    )]
    pub(crate) answer: String,
    /// Measure votes of several models instead, weighed by how often each is right: of the answers under
    /// `weak_answer` and `others`, compared by their last number
    #[arg(long, conflicts_with_all = ["judge", "weights", "svg"])]
    pub(crate) consensus: bool,
    /// File of labelled answers: precision and recall of each of the judge's checks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "judge", "weights", "svg"])]
    pub(crate) judge_set: Option<PathBuf>,
    /// Weights to measure as they are; on rows that they were trained from that says nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Key of the weaker model's quality, 0 to 1 or true or false
    #[arg(long, value_name = "KEY")]
    pub(crate) weak: Option<String>,
    /// Key of the stronger model's quality
    #[arg(long, value_name = "KEY")]
    pub(crate) strong: Option<String>,
    /// How often rows are split anew for each line
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = at_least_one)]
    pub(crate) repeats: usize,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for a picture of the cost-quality curve of each file
    #[arg(long, value_name = "FOLDER")]
    pub(crate) svg: Option<PathBuf>,
    /// Print one JSON array instead of tables; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let count: usize = text
        .parse()
        .map_err(|_| "has to be a whole number".to_owned())?;
    if (1..=1000).contains(&count) {
        Ok(count)
    } else {
        Err("has to be from 1 to 1000".to_owned())
    }
}
