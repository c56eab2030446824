//! Texts into vectors: the smaller use case, with the same place, time limits, accounting and span.
//!
//! The answer comes whole, so there is nothing to say about the cost of a broken one: a backend
//! bills vectors that it has given.

use terrace_domain::{Failure, ModelName, Usage, usage::estimate_tokens};
use tokio::time::Instant;

use crate::admit::Ticket;
use crate::call::Priority;
use crate::error::Fault;
use crate::generate::{Generate, Subject};
use crate::provider::{Embedded, Texts};

/// What to turn into vectors.
pub(crate) struct Embed {
    pub(crate) model: ModelName,
    pub(crate) texts: Texts,
    /// Who pays; empty when nobody is named.
    pub(crate) project: String,
    pub(crate) priority: Priority,
}

impl Embed {
    const fn ticket(&self, deadline: Instant) -> Ticket<'_> {
        Ticket {
            model: &self.model,
            project: self.project.as_str(),
            priority: self.priority,
            deadline,
        }
    }

    /// Bytes of all texts.
    fn bytes(&self) -> u64 {
        self.texts.texts.iter().map(|text| text.len() as u64).sum()
    }
}

/// Vectors in the order of their texts, and what they used.
pub(crate) type Vectors = (Vec<Vec<f32>>, Usage);

impl Generate {
    /// Turns texts into vectors.
    pub(crate) async fn embed(&self, call: Embed, deadline: Instant) -> Result<Vectors, Failure> {
        let fail = |fault: &Fault| self.blame.failure(fault, &call.model);
        let served = self
            .registry
            .callable(&call.model)
            .map_err(|fault| fail(&fault))?;
        let model = &served.model;
        let is_known_not_to = model.known.capabilities && !model.capabilities.embeddings;
        if is_known_not_to || !self.abilities().embeddings {
            return Err(fail(&Fault::CapabilityMissing { what: "embeddings" }));
        }
        let _place = self.admission.enter(call.ticket(deadline)).await?;
        let mut retries = self.retry.begin(deadline);
        let mut tried = Vec::new();
        loop {
            let way = self.way(&call.model, &tried);
            let mut way = way.map_err(|fault| fail(&fault))?;
            tried.push(way.address());
            let mut observation = self.observe(&Subject::embedding(&call.model));
            let asked = observation.within(way.provider().embed(&call.texts, &served.model));
            let answer = self.patience(deadline).limit(asked).await;
            let fault = match answer.and_then(|answer| answer) {
                Ok(embedded) => {
                    way.tell(None);
                    let usage = usage(&embedded, call.bytes());
                    observation.embedded(usage);
                    return Ok((embedded.vectors, usage));
                }
                Err(fault) => self.registry.enrich(fault),
            };
            way.tell(Some(&fault));
            self.registry.note(&fault);
            observation.failed(&fault, Usage::default());
            let failure = fail(&fault);
            let elsewhere = self.endpoints.has_another_way(&fault, &tried);
            match retries.next_wait(&fault, elsewhere) {
                None => return Err(failure),
                Some(wait) => self.again(&failure, wait).await,
            }
        }
    }
}

/// What the backend counted, or an estimate from the length of the texts.
fn usage(embedded: &Embedded, bytes: u64) -> Usage {
    let counted = embedded
        .usage
        .and_then(|usage| usage.input)
        .filter(|input| *input > 0);
    Usage {
        input_tokens: counted.unwrap_or_else(|| estimate_tokens(bytes)),
        estimated: counted.is_none(),
        ..Usage::default()
    }
}
