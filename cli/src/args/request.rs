//! The flags that describe a request: the same for `route` and `explain`.

use std::time::Duration;

use clap::Args;
use terrace_domain::{NanoUsd, RequestId, Score};

use super::{ConsensusArgs, values};

#[derive(Debug, Clone, Args)]
pub(crate) struct RequestArgs {
    /// The prompt: a text, `-` for standard input, `@FILE` for a file, `@@…` for a text with an @
    #[arg(long, short, value_name = "TEXT|-|@FILE")]
    pub(crate) prompt: Option<String>,
    /// Instructions that hold for the whole conversation; a text or `@FILE`
    #[arg(long, value_name = "TEXT|@FILE")]
    pub(crate) system: Option<String>,
    /// What you are doing, as `edit_file`: the config may send it to a tier of its own
    #[arg(long, short, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Have the judge look at answers
    #[arg(long, overrides_with = "no_quality_check")]
    pub(crate) quality_check: bool,
    /// Take the first answer as it is
    #[arg(long, overrides_with = "quality_check")]
    pub(crate) no_quality_check: bool,
    /// Score that an answer must reach, 0 to 1
    #[arg(long, value_name = "SCORE", value_parser = values::score)]
    pub(crate) threshold: Option<Score>,
    /// Start, and stay, in this tier
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Option<String>,
    /// A tier that may be used; can be given several times. Default: all
    #[arg(long = "allow-tier", value_name = "TIER")]
    pub(crate) allowed_tiers: Vec<String>,
    /// Use this model and no other
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) consensus: ConsensusArgs,
    /// Most attempts, 1 to 16; the models of a consensus count as one together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) max_attempts: Option<u32>,
    /// Of the attempts, most that ask a model once more with what the judge found, 0 to 15
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=15))]
    pub(crate) max_repairs: Option<u32>,
    /// Latency that is wished, weighed against cost: a model twice as late counts as twice as dear
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) latency_target: Option<Duration>,
    /// Most that the request may cost in its worst case, in US dollars
    #[arg(long, value_name = "USD", value_parser = values::usd)]
    pub(crate) max_cost: Option<NanoUsd>,
    /// Call another model beside one whose first token is late, and keep the first good answer
    #[arg(long, overrides_with = "no_hedge")]
    pub(crate) hedge: bool,
    /// Call one model at a time although the config has hedging switched on
    #[arg(long, overrides_with = "hedge")]
    pub(crate) no_hedge: bool,
    /// Most output tokens
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_output_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2
    #[arg(long, value_name = "T", value_parser = values::temperature)]
    pub(crate) temperature: Option<f64>,
    /// Form of the output: json, json-schema=@FILE, choice=a,b or regex=PATTERN
    #[arg(long, value_name = "FORM", value_parser = values::format)]
    pub(crate) format: Option<Format>,
    /// Fail when no answer passes, instead of returning the best one
    #[arg(long)]
    pub(crate) strict: bool,
    /// Language of the code at hand, as python
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// Your id of the conversation: it stays with the tier that served it well
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// A tag for the books, as team=search; can be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = values::tag)]
    pub(crate) tags: Vec<(String, String)>,
    /// Your own id of the request, a UUID: the same id is never billed twice
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<RequestId>,
}

/// Form that the output must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// Any JSON value.
    Json,
    /// JSON that satisfies a schema: a text, or `@FILE`.
    JsonSchema(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// Text that matches as a whole.
    Regex(String),
}
