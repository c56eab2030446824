//! The use case: one call of one model, with a place, time limits, accounting, and a span.
//!
//! Its result is a stream of events that always tells what was used: before an error comes a
//! count of what the broken answer has cost, so that nothing that was produced goes unbilled.
//! Dropping the stream, at any point, ends the work upstream.

mod ability;
mod answer;
mod gather;
mod observe;
mod patience;
mod retries;
mod tally;
mod together;
mod way;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use terrace_config::Backend;
use terrace_domain::{Failure, ModelName, Usage};
use terrace_runtime::Tasks;
use tokio::time::Instant;

use crate::admit::{Admission, Ticket};
use crate::call::{Call, Finish, TokenLogprob, ToolCallDelta};
use crate::config::{Served, Settings};
use crate::endpoints::Endpoints;
use crate::error::{Blame, Fault};
use crate::metrics;
use crate::provider::Abilities;
use crate::registry::Registry;
use answer::Answer;
use patience::Patience;
use retries::RetryPolicy;
use tally::Tally;
use way::Way;

pub(crate) use observe::{Observation, Subject};
pub(crate) use whole::Whole;

/// One event of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// More of the answer.
    Delta(Delta),
    /// What has been used so far.
    Usage(Usage),
    /// The answer is complete.
    Finished(Finished),
}

/// More of an answer.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Delta {
    /// Text to append.
    pub(crate) text: String,
    /// Log-probabilities of the tokens in it.
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) tool_call: Option<ToolCallDelta>,
}

impl Delta {
    /// Whether it is text and nothing else.
    const fn is_text(&self) -> bool {
        self.tool_call.is_none()
    }

    /// Adds the text of `more` behind its own.
    fn append(&mut self, more: Self) {
        self.text.push_str(&more.text);
        self.logprobs.extend(more.logprobs);
    }
}

/// The end of a complete answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finished {
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
    /// Model as the backend names it.
    pub(crate) served_model: String,
}

/// An answer as it comes: ends after `Finished` or a failure.
pub(crate) type Events = BoxStream<'static, Item>;

/// What comes next of an answer.
type Item = Result<Event, Failure>;

/// Calls models of one backend.
pub(crate) struct Generate {
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) blame: Blame,
    pub(crate) retry: RetryPolicy,
    pub(crate) admission: Admission,
    tasks: Tasks,
    limits: TimeLimits,
    whole_answers: bool,
    provider_name: String,
}

/// How long the backend may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimits {
    first_token: Duration,
    idle: Duration,
    total: Duration,
}

impl TimeLimits {
    const fn of(backend: &Backend) -> Self {
        Self {
            first_token: backend.first_token_timeout,
            idle: backend.idle_timeout,
            total: backend.total_timeout,
        }
    }

    /// The same for an answer that comes in one piece, of which the first token is the last.
    const fn in_one_piece(self) -> Self {
        Self {
            first_token: self.total,
            ..self
        }
    }
}

impl Generate {
    pub(crate) fn new(
        settings: &Settings,
        endpoints: Arc<Endpoints>,
        registry: Arc<Registry>,
        blame: Blame,
        tasks: Tasks,
    ) -> Self {
        let backend = &settings.backend;
        Self {
            endpoints,
            retry: RetryPolicy::new(backend),
            registry,
            admission: Admission::new(backend, &settings.models),
            blame,
            tasks,
            limits: TimeLimits::of(backend),
            whole_answers: backend.whole_answers,
            provider_name: observe::provider_name(backend),
        }
    }

    /// Starts an answer and returns its events.
    ///
    /// A failure that cannot have cost anything is returned as such; any other one is in the
    /// stream, behind a count of what it may have cost.
    pub(crate) async fn stream(
        &self,
        mut call: Call,
        deadline: Instant,
    ) -> Result<Events, Failure> {
        if self.whole_answers && call.gather.take().is_some() {
            call.whole = true;
        }
        let fail = |fault: &Fault| self.blame.failure(fault, &call.model);
        let served = self
            .registry
            .callable(&call.model)
            .map_err(|fault| fail(&fault))?;
        ability::check(&call, &served.model, self.abilities()).map_err(|fault| fail(&fault))?;
        let ticket = Ticket {
            model: &call.model,
            project: &call.project,
            priority: call.priority,
            deadline,
        };
        let place = self.admission.enter(ticket).await?;
        let mut retries = self.retry.begin(deadline);
        let mut tried = Vec::new();
        loop {
            let way = self.way(&call.model, &tried);
            let mut way = way.map_err(|fault| fail(&fault))?;
            tried.push(way.address());
            let mut answer = self.begin(&call, &served, deadline);
            let opened = answer.open(way.provider(), &call, &served.model).await;
            let Err(fault) = opened else {
                let events = answer.hold(place, way).into_events();
                return Ok(match call.gather {
                    None => together::together(events),
                    Some(wait) => gather::gathered(events, wait, &self.tasks),
                });
            };
            way.tell(Some(&fault));
            if fault.may_have_cost() {
                return Ok(answer.broken(fault));
            }
            let elsewhere = self.endpoints.has_another_way(&fault, &tried);
            let wait = retries.next_wait(&fault, elsewhere);
            let failure = answer.fail(fault);
            match wait {
                None => return Err(failure),
                Some(wait) => self.again(&failure, wait).await,
            }
        }
    }

    /// Generates a whole answer.
    pub(crate) async fn whole(&self, mut call: Call, deadline: Instant) -> Result<Whole, Failure> {
        call.whole = self.whole_answers;
        let events = self.stream(call, deadline).await?;
        // `Answer` ends with an end or a failure, so there is nothing to say about why.
        Whole::collect(events)
            .await?
            .ok_or_else(|| self.blame.cut_off())
    }

    /// What the kind of backend can carry.
    pub(crate) fn abilities(&self) -> Abilities {
        self.endpoints.abilities()
    }

    /// The way to a model for one call that has `tried` some addresses, if its breaker allows one.
    pub(crate) fn way(&self, model: &ModelName, tried: &[usize]) -> Result<Way, Fault> {
        Way::open(&self.registry, &self.endpoints, model, tried)
    }

    /// Waits before a call is made again.
    pub(crate) async fn again(&self, failure: &Failure, wait: Duration) {
        metrics::retry(&self.blame.backend, failure.reason);
        tokio::time::sleep(wait).await;
    }

    /// Starts the clocks of a call.
    pub(crate) fn patience(&self, deadline: Instant) -> Patience {
        Patience::new(self.limits, deadline)
    }

    fn patience_for(&self, call: &Call, deadline: Instant) -> Patience {
        let limits = match call.whole {
            true => self.limits.in_one_piece(),
            false => self.limits,
        };
        Patience::new(limits, deadline)
    }

    /// Starts to watch a call.
    pub(crate) fn observe(&self, subject: &Subject<'_>) -> Observation {
        Observation::start(&self.provider_name, &self.blame, subject)
    }

    fn begin(&self, call: &Call, served: &Served, deadline: Instant) -> Answer {
        let cap = served.model.max_output_tokens;
        Answer::new(
            Arc::clone(&self.registry),
            self.blame.clone(),
            self.patience_for(call, deadline),
            Tally::new(call, call.params.max_output_tokens.unwrap_or(cap)),
            self.observe(&Subject::chat(call, cap)),
        )
    }
}

/// Two events and the end: what a call costs that never got to an answer.
fn last_words(usage: Usage, failure: Failure) -> Events {
    stream::iter([Ok(Event::Usage(usage)), Err(failure)]).boxed()
}
