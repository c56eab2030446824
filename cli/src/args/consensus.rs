//! The flags that ask several models at once.

use clap::Args;
use terrace_domain::Score;

use super::values;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConsensusArgs {
    /// Ask these models at once and take what they agree on, as a,b,c; without models those of the
    /// config
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',', num_args = 0..=1)]
    #[arg(overrides_with = "no_consensus", conflicts_with = "model")]
    pub(crate) consensus: Option<Vec<String>>,
    /// Ask one model at a time although the config has consensus switched on
    #[arg(long, overrides_with = "consensus")]
    pub(crate) no_consensus: bool,
    /// Part of the votes that an answer needs, as 0.66; implies --consensus
    #[arg(long, value_name = "SHARE", value_parser = values::score)]
    #[arg(conflicts_with = "no_consensus")]
    pub(crate) consensus_threshold: Option<Score>,
    /// When two answers count as the same; implies --consensus
    #[arg(long, value_name = "HOW", conflicts_with = "no_consensus")]
    #[arg(value_parser = ["text", "number", "json", "choice", "code", "embedding"])]
    pub(crate) consensus_by: Option<String>,
}
