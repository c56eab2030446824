//! The table of scenarios: what Terrace does with a prompt, under a config, with backends that say
//! this or that. One file a family, in `scenarios/`; each is run as it stands in both placements,
//! and `docs/BEHAVIOUR.md` is written from them, so that the page cannot say anything else.
//!
//! The cases of a family are requests to one running Terrace, one after another.

mod page;
mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use terrace_testkit::provider::Reply;

pub use page::page;
pub use run::run;

/// A config, and what becomes of requests under it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// What it is about, as a heading.
    pub title: String,
    /// What it is about, in some sentences.
    pub about: String,
    /// Sections of the config that are not as in [`TIERS`].
    #[serde(default)]
    pub config: String,
    /// The requests, in their order.
    pub cases: Vec<Case>,
}

/// A request and what becomes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The claim, as a sentence.
    pub claim: String,
    /// What is asked.
    pub request: Asked,
    /// What each model says, one reply a call, the last for ever; [`GOOD`](crate::scenario::GOOD)
    /// for models that are not named.
    #[serde(default)]
    pub backends: BTreeMap<String, Vec<Says>>,
    /// Models that the plan would try, in its order; `None` for a request that needs no plan.
    pub plan: Option<Vec<String>>,
    /// Of the plan, what is said of models, each as `MODEL: a part of why`.
    #[serde(default)]
    pub why: Vec<String>,
    /// Events of the stream, equal ones in a row once.
    #[serde(default)]
    pub events: Vec<String>,
    /// Attempts of the response, as `TIER MODEL OUTCOME REASON COST`.
    #[serde(default)]
    pub attempts: Vec<String>,
    /// What is said of attempts, each as `INDEX: a part of the detail`.
    #[serde(default)]
    pub details: Vec<String>,
    /// Rows in the ledger; the attempts when not given.
    pub ledger: Option<Vec<String>>,
    /// How the request stands in the ledger, as `PASSED`; `-` when it does not.
    pub outcome: String,
    /// The reason of the error, when there is no answer.
    pub error: Option<String>,
    /// Tier that answered.
    pub answered_by: Option<String>,
    /// Whether the answer was one that was kept.
    #[serde(default)]
    pub cached: bool,
}

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The prompt.
    pub prompt: String,
    /// What the caller is doing.
    #[serde(default)]
    pub action: String,
    /// The conversation that it belongs to.
    #[serde(default)]
    pub session: String,
    /// A tool's result as the last turn.
    pub tool_result: Option<String>,
    /// Fields of the policy.
    #[serde(default)]
    pub policy: Policy,
    /// The only answers that are allowed.
    #[serde(default)]
    pub choice: Vec<String>,
    /// How a streamed answer may leave.
    #[serde(default)]
    pub commit: Commit,
    /// How long there is time, in milliseconds.
    pub within_ms: Option<u64>,
}

/// How the request is to be routed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Start, and stay, in this tier.
    pub tier: String,
    /// Use this model and no other.
    pub model: String,
    /// Tiers that may be used.
    pub allowed_tiers: Vec<String>,
    /// Score that an answer must reach.
    pub quality_threshold: Option<f64>,
    /// Whether the judge looks at answers.
    pub quality_check: Option<bool>,
    /// Most attempts.
    pub max_attempts: Option<u32>,
    /// Of them, most repairs.
    pub max_repairs: Option<u32>,
    /// Most that it may cost, in nano-USD.
    pub max_cost_nano_usd: Option<i64>,
    /// Fail when no answer passes.
    pub strict: bool,
}

/// When a streamed answer may leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Commit {
    /// After its verdict.
    #[default]
    HoldBack,
    /// When nothing is against its first four tokens.
    Prefix,
    /// At once.
    Provisional,
}

/// One reply of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Says {
    /// This text.
    Text(String),
    /// Something less simple.
    Reply(Box<Reply>),
}

impl Says {
    /// The reply as the scripted server plays it.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::Text(text) => Reply::text(text.clone()),
            Self::Reply(reply) => Reply::clone(reply),
        }
    }
}

/// The tiers of every family that does not say otherwise.
pub const TIERS: &str = "\
tiers:
  local_fast:    {models: [{name: small, backend: local}]}
  local_quality: {models: [{name: middle, backend: local, capabilities: {code: true, tools: true}}]}
  api_fallback:
    models: [{name: big, backend: paid, price: {input: 0, output: 0, per_request: 0.01}, capabilities: {tools: true}}]
";

impl Family {
    /// The config as it is shown: its own sections, and the tiers when it has others.
    #[must_use]
    pub fn config(&self) -> String {
        if self.config.starts_with("tiers:") || self.config.contains("\ntiers:") {
            self.config.clone()
        } else {
            format!("{TIERS}{}", self.config)
        }
    }
}

/// The folder of the families.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The page that is written from them.
#[must_use]
pub fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BEHAVIOUR.md")
}

/// Reads one family.
///
/// # Errors
/// The file cannot be read, or is not as described here.
pub fn family(name: &str) -> anyhow::Result<Family> {
    let path = folder().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path)?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

/// The names of all families, in the order of the page.
pub const FAMILIES: [&str; 16] = [
    "patterns",
    "cascade",
    "options",
    "decision",
    "streaming",
    "repair",
    "second_opinions",
    "sessions",
    "budget",
    "cache",
    "cache_away",
    "agreement",
    "hedging",
    "away",
    "away_next_tier",
    "away_fail",
];
