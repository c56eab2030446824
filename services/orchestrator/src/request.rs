//! A request as the orchestrator works with it: checked, with every unset policy filled in from
//! the config, so that nothing further in has to ask where a value came from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{
    ActionName, ModelName, NanoUsd, ProjectName, RequestId, Score, Step, TierName,
};

use crate::door::Caller;
use crate::fingerprint::Fingerprint;
use crate::prompt::Prompt;
use crate::route::consensus::Wish;

/// What to do when no answer passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExhausted {
    /// Return the best-scored answer, marked as not passed.
    BestEffort,
    /// Fail with all verdicts.
    Strict,
}

/// How to route one request; nothing in it is unset.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Tiers that may be used; empty means all.
    pub allowed_tiers: Vec<TierName>,
    /// Start, and stay, in this tier.
    pub tier: Option<TierName>,
    /// Use this model and no other.
    pub model: Option<ModelName>,
    /// Score that an answer must reach.
    pub quality_threshold: Score,
    /// Whether the judge looks at answers.
    pub quality_check: bool,
    /// Whether the request itself says so, so that no decision leaves the judge out.
    pub always_judged: bool,
    /// Most attempts; at least 1.
    pub max_attempts: u32,
    /// Of them, most that ask a model again with what the judge found.
    pub max_repairs: u32,
    /// Wanted latency, weighed against cost.
    pub latency_target: Option<Duration>,
    /// Most that the whole request may cost in its worst case.
    pub max_cost: Option<NanoUsd>,
    /// What to do when no answer passed.
    pub on_exhausted: OnExhausted,
    /// How kept answers are used.
    pub cache: CachePolicy,
    /// What is wanted of a consensus, if one is.
    pub consensus: Option<Wish>,
    /// Whether another model is called beside one whose first piece is late.
    pub hedge: bool,
}

/// How one request uses the answers that are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CachePolicy {
    /// Whether it may be answered by one.
    pub read: bool,
    /// Whether its answer may be kept.
    pub write: bool,
    /// How long its answer may be reused.
    pub ttl: Duration,
    /// Whether its answer is not even kept for the same request, sent again.
    pub no_replay: bool,
}

/// A request of a client, checked.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What the client sent, if it brought the id, which then may have been used before: tells
    /// the same request, sent again, from another one.
    pub body: Option<Fingerprint>,
    /// Who pays.
    pub project: ProjectName,
    /// The key that it came with; empty without one.
    pub key_id: String,
    /// What the caller is doing.
    pub action: Option<ActionName>,
    /// What is asked.
    pub prompt: Arc<Prompt>,
    /// How to route it.
    pub policy: Policy,
    /// Language of the code at hand, if the caller knows it.
    pub code_language: Option<String>,
    /// The conversation that it is a part of, in the caller's words.
    pub session: Option<String>,
    /// Free tags of the caller, for the ledger.
    pub tags: BTreeMap<String, String>,
    /// How urgent it is where calls have to wait for each other.
    pub priority: Priority,
    /// Whether it answers nobody and is made to learn from.
    pub is_shadow: bool,
}

/// How urgent a request is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// It is one of many, and nobody waits.
    Batch,
}

impl Request {
    /// The same request, paid by whoever brought the key, if there was one.
    #[must_use]
    pub fn paid_by(mut self, caller: Option<Caller>) -> Self {
        if let Some(caller) = caller {
            self.project = caller.project;
            self.key_id = caller.key_id;
        }
        self
    }

    /// The step in the ledger of its attempt with this index.
    #[must_use]
    pub const fn step(&self, index: u32) -> Step {
        if self.is_shadow {
            Step::Shadow
        } else {
            Step::Attempt(index)
        }
    }

    /// The action as text, empty when there is none.
    #[must_use]
    pub fn action(&self) -> &str {
        self.action.as_ref().map_or("", ActionName::as_str)
    }
}
