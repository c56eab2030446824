//! What asking another model took: a row of the ledger, once whoever asked the judge has written it.
//!
//! A model that is asked twice for one check is one opinion, with what both took. Of a call that failed
//! nobody knows what it used: its counts are marked as an estimate.

use std::time::{Duration, SystemTime};

use terrace_domain::{Failure, NanoUsd, Reason, Usage};
use terrace_rpc::deadline::Deadline;
use tokio::time::Instant;

use super::{Ask, Model, Question};
use crate::check::Kind;

/// A model that was asked about an answer, and what that took.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The check that its word is told in.
    pub kind: Kind,
    /// Who was asked.
    pub model: Model,
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

/// A model that is being asked.
pub(super) struct Asking<'a> {
    kind: Kind,
    model: &'a Model,
    usage: Usage,
    reason: Option<Reason>,
    started_at: SystemTime,
    clock: Instant,
}

impl<'a> Asking<'a> {
    pub(super) fn begin(kind: Kind, model: &'a Model) -> Self {
        Self {
            kind,
            model,
            usage: Usage::default(),
            reason: None,
            started_at: SystemTime::now(),
            clock: Instant::now(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) const fn model(&self) -> &'a Model {
        self.model
    }

    /// What it answers.
    pub(super) async fn ask(
        &mut self,
        port: &dyn Ask,
        question: Question,
        within: Deadline,
    ) -> Result<String, Failure> {
        match port.ask(self.model, question, within).await {
            Ok(reply) => {
                self.usage = self.usage.plus(reply.usage);
                Ok(reply.text)
            }
            Err(failure) => {
                tracing::warn!(model = %self.model.name, reason = %failure.reason, "a model gave no second opinion");
                self.reason = Some(failure.reason);
                self.usage.estimated = true;
                Err(failure)
            }
        }
    }

    pub(super) fn end(self) -> Opinion {
        Opinion {
            kind: self.kind,
            cost: self.model.price.cost(self.usage),
            model: self.model.clone(),
            reason: self.reason,
            usage: self.usage,
            started_at: self.started_at,
            latency: self.clock.elapsed(),
        }
    }
}
