//! A model that the judge asked about an answer: a second opinion, and a step of its own in the ledger.

use std::time::{Duration, SystemTime};

use terrace_domain::{BackendName, ModelName, NanoUsd, Reason, TierName, Usage};

/// Whom the judge asked about an answer, and what that took. What it said is in the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondOpinion {
    /// The check that its word is told in.
    pub check: String,
    /// Tier of the model.
    pub tier: TierName,
    /// Backend that runs it.
    pub backend: BackendName,
    /// The model.
    pub model: ModelName,
    /// Why it did not answer, if it did not.
    pub reason: Option<Reason>,
    /// What it used.
    pub usage: Usage,
    /// What it cost.
    pub cost: NanoUsd,
    /// When it was asked.
    pub started_at: SystemTime,
    /// How long it took.
    pub latency: Duration,
}
