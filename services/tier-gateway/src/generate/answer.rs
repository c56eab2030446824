//! One answer on its way: pieces of the backend in, events out, the accounts kept beside it.
//!
//! States in order: opened, told what the prompt is estimated to cost, giving text, and at the
//! end either finished or usage followed by a failure. Whoever drops it midway has cancelled.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use terrace_config::Model;
use terrace_domain::{Failure, Usage};
use terrace_telemetry::fields;

use super::observe::Observation;
use super::patience::{Alarm, Patience};
use super::tally::Tally;
use super::way::Way;
use super::{Delta, Event, Events, Finished, last_words};
use crate::admit::Place;
use crate::call::{Call, Finish};
use crate::error::{Blame, Fault};
use crate::provider::{Chunk, Chunks, Provider};
use crate::registry::Registry;

/// An answer on its way.
pub(crate) struct Answer {
    registry: Arc<Registry>,
    blame: Blame,
    patience: Patience,
    alarm: Alarm,
    tally: Tally,
    observation: Observation,
    /// Freed when the answer is over.
    held: Option<(Place, Way)>,
    upstream: Option<Chunks>,
    finish: Option<Finish>,
    served_model: Option<String>,
    /// What is to be given before anything else is read.
    next: VecDeque<Result<Event, Failure>>,
}

impl Answer {
    pub(crate) fn new(
        registry: Arc<Registry>,
        blame: Blame,
        patience: Patience,
        tally: Tally,
        observation: Observation,
    ) -> Self {
        Self {
            registry,
            blame,
            patience,
            alarm: Alarm::default(),
            tally,
            observation,
            held: None,
            upstream: None,
            finish: None,
            served_model: None,
            next: VecDeque::new(),
        }
    }

    /// Asks the backend; `Ok` when it has taken the prompt.
    pub(crate) async fn open(
        &mut self,
        provider: &dyn Provider,
        call: &Call,
        model: &Model,
    ) -> Result<(), Fault> {
        let asked = self.observation.within(provider.generate(call, model));
        let upstream = self.patience.limit(asked).await??;
        self.upstream = Some(upstream);
        // Known before the first piece: a caller who cancels has something to bill.
        self.next.push_back(Ok(Event::Usage(self.tally.so_far())));
        Ok(())
    }

    /// Keeps the place and the way until the answer is over.
    pub(crate) fn hold(mut self, place: Place, way: Way) -> Self {
        self.held = Some((place, way));
        self
    }

    /// The failure of a call that cost nothing.
    pub(crate) fn fail(&mut self, fault: Fault) -> Failure {
        let fault = self.registry.enrich(fault);
        self.registry.note(&fault);
        self.observation.failed(&fault, self.tally.so_far());
        self.blame.failure(&fault, self.observation.model())
    }

    /// The events of a call that broke before its answer began.
    pub(crate) fn broken(mut self, fault: Fault) -> Events {
        let usage = self.tally.so_far();
        last_words(usage, self.fail(fault))
    }

    /// The events.
    pub(crate) fn into_events(self) -> Events {
        // Boxed: it goes into the future of each event and out again.
        stream::unfold(Box::new(self), |mut answer| async move {
            let event = answer.next_event().await?;
            Some((event, answer))
        })
        .boxed()
    }

    async fn next_event(&mut self) -> Option<Result<Event, Failure>> {
        loop {
            if let Some(event) = self.next.pop_front() {
                return Some(event);
            }
            let upstream = self.upstream.as_mut()?;
            // Not within the observation's span: to enter it for each piece costs more than the piece.
            match self.patience.next(upstream.next(), &mut self.alarm).await {
                Ok(Some(Ok(chunk))) => self.take(chunk),
                Ok(None) => self.complete(),
                Ok(Some(Err(fault))) | Err(fault) => self.break_off(fault),
            }
        }
    }

    fn take(&mut self, chunk: Chunk) {
        if chunk.is_said()
            && self.patience.begun()
            && let Some((place, way)) = &mut self.held
        {
            place.first_piece();
            way.begun();
        }
        self.tally.add(&chunk);
        self.observation.piece(&chunk, self.tally.so_far());
        self.finish = chunk.finish.or(self.finish);
        self.served_model = chunk.served_model.or_else(|| self.served_model.take());
        if !chunk.text.is_empty() || !chunk.logprobs.is_empty() {
            self.next.push_back(Ok(Event::Delta(Delta {
                text: chunk.text,
                logprobs: chunk.logprobs,
                tool_call: None,
            })));
        }
        for piece in chunk.tool_calls {
            self.next.push_back(Ok(Event::Delta(Delta {
                tool_call: Some(piece),
                ..Delta::default()
            })));
        }
        if chunk.usage.is_some() {
            self.next.push_back(Ok(Event::Usage(self.tally.so_far())));
        }
        if self.tally.is_too_long() {
            self.cut_short();
        }
    }

    fn complete(&mut self) {
        if self.tally.is_beyond_belief() {
            self.warn("the backend counts more tokens than there can be: estimated instead");
        }
        self.finish(self.finish.unwrap_or_default(), self.tally.complete());
    }

    /// Ends an answer at its length where the backend does not: no more money is held for it.
    fn cut_short(&mut self) {
        self.warn("the backend wrote on past the length that was asked for: ended there");
        self.finish(Finish::Length, self.tally.so_far());
    }

    fn finish(&mut self, finish: Finish, usage: Usage) {
        self.close(None);
        let asked = || self.observation.model().to_string();
        let finished = Finished {
            finish,
            usage,
            served_model: self.served_model.take().unwrap_or_else(asked),
        };
        self.observation.finished(&finished);
        self.next.push_back(Ok(Event::Finished(finished)));
    }

    fn warn(&self, what: &'static str) {
        tracing::warn!(
            { fields::BACKEND } = self.blame.backend.as_str(),
            { fields::GEN_AI_REQUEST_MODEL } = self.observation.model().as_str(),
            "{what}"
        );
    }

    fn break_off(&mut self, fault: Fault) {
        self.close(Some(&fault));
        self.next.push_back(Ok(Event::Usage(self.tally.so_far())));
        let failure = self.fail(fault);
        self.next.push_back(Err(failure));
    }

    /// Lets go of the backend and of the place before the last events are taken.
    fn close(&mut self, fault: Option<&Fault>) {
        self.upstream = None;
        if let Some((_place, mut way)) = self.held.take() {
            way.tell(fault);
        }
    }
}
