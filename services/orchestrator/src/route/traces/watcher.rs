//! Somebody who watches: what is known at one moment, then what happens, each once.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;
use terrace_domain::{Failure, ProjectName, Reason, RequestId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Happened, Trace, Traces, What};

/// Which requests somebody wants to be told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of this project alone.
    pub project: Option<ProjectName>,
    /// This one alone; the watch ends with it.
    pub id: Option<RequestId>,
    /// Whether those come first that have ended lately.
    pub ended_too: bool,
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A request as it is.
    Known(Arc<Trace>),
    /// Something that happened.
    Happened(Arc<Happened>),
    /// It was too slow for so many events; what is being answered follows, as it is now.
    Missed(u64),
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watcher {
    traces: Traces,
    wanted: Wanted,
    /// What it is told before anything that happens.
    first: VecDeque<Told>,
    happening: Receiver<Arc<Happened>>,
    /// Whether nothing more can happen that it wants to know.
    is_over: bool,
}

impl Traces {
    /// Begins to watch.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when one request is wanted and it is not known.
    pub fn watch(&self, wanted: Wanted) -> Result<Watcher, Failure> {
        let watcher = Watcher::begin(self, wanted);
        if watcher.wanted.id.is_some() && watcher.first.is_empty() {
            let text =
                "this orchestrator does not know the request, or not any more: ask the ledger";
            return Err(Failure::new(Reason::NotFound, text));
        }
        Ok(watcher)
    }
}

impl Wanted {
    fn is_about(&self, id: RequestId, project: &ProjectName) -> bool {
        self.id.is_none_or(|wanted| wanted == id)
            && self.project.as_ref().is_none_or(|wanted| wanted == project)
    }
}

impl Watcher {
    fn begin(traces: &Traces, wanted: Wanted) -> Self {
        let known = traces.lock();
        let happening = traces.watchers.subscribe();
        let has_ended = |trace: &&Arc<Trace>| wanted.is_about(trace.id, &trace.begun.project);
        let mut first = Vec::new();
        match wanted.id {
            Some(id) if !known.in_flight.contains_key(&id) => {
                first.extend(known.ended.find(id).filter(has_ended).cloned());
            }
            None if wanted.ended_too => {
                first.extend(known.ended.all().filter(has_ended).cloned());
            }
            Some(_) | None => {}
        }
        let is_over = wanted.id.is_some() && !first.is_empty();
        let in_flight = known.in_flight.values().map(|request| &request.trace);
        let mut in_flight: Vec<&Trace> = in_flight
            .filter(|trace| wanted.is_about(trace.id, &trace.begun.project))
            .collect();
        in_flight.sort_by_key(|trace| trace.id);
        first.extend(in_flight.into_iter().cloned().map(Arc::new));
        drop(known);
        Self {
            traces: traces.clone(),
            wanted,
            first: first.into_iter().map(Told::Known).collect(),
            happening,
            is_over,
        }
    }

    /// What it is told, until one that is wanted alone has ended or the process is to stop.
    pub fn told(self) -> impl Stream<Item = Told> + Send + 'static {
        unfold(self, |mut watcher| async {
            let told = watcher.next().await?;
            Some((told, watcher))
        })
    }

    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.first.pop_front() {
                return Some(told);
            }
            if self.is_over {
                return None;
            }
            let happened = tokio::select! {
                happened = self.happening.recv() => happened,
                () = self.traces.over.cancelled() => return None,
            };
            match happened {
                Ok(happened) => {
                    if self.wanted.is_about(happened.id, &happened.project) {
                        let ended = matches!(happened.what, What::Ended(_));
                        self.is_over = ended && self.wanted.id.is_some();
                        return Some(Told::Happened(happened));
                    }
                }
                Err(RecvError::Lagged(missed)) => self.begin_again(missed),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Takes up what is being answered now.
    fn begin_again(&mut self, missed: u64) {
        let wanted = Wanted {
            ended_too: false,
            ..self.wanted.clone()
        };
        let mut again = Self::begin(&self.traces, wanted);
        again.is_over |= again.wanted.id.is_some() && again.first.is_empty();
        again.first.push_front(Told::Missed(missed));
        *self = again;
    }
}
