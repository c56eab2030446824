//! What is being answered, and what was lately: the plan, the attempts and where the time went, for
//! people who watch.
//!
//! A request notes what happens to it in passing: no request ever waits for a watcher. What is noted
//! holds no prompt and no answer. Requests that have ended are kept in memory, a bounded number of
//! them in a bounded room (`kept`); after that the ledger has their rows. A watcher (`watcher`)
//! begins with what is known at one moment and is told everything after that moment, once.

mod kept;
mod trace;
mod watcher;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use terrace_domain::{Failure, Reason, RequestId};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::request::Request;
use crate::route::events::Event;
use crate::route::trail::{Attempt, Close};
use crate::route::{Answered, Unanswered};
use kept::Kept;

pub use trace::{Begun, Ended, Happened, Planned, Trace, What};
pub use watcher::{Told, Wanted, Watcher};

/// Events that a watcher may be behind before it misses some.
const WAITING_EVENTS: usize = 1024;

/// All requests that are known. Clones are the same.
#[derive(Debug, Clone)]
pub struct Traces {
    known: Arc<Mutex<Known>>,
    /// Sent to while `known` is locked, so that a watcher begins at one moment.
    watchers: broadcast::Sender<Arc<Happened>>,
    over: CancellationToken,
}

#[derive(Debug, Default)]
struct Known {
    in_flight: HashMap<RequestId, InFlight>,
    ended: Kept,
}

/// A request that is being answered.
#[derive(Debug)]
struct InFlight {
    trace: Trace,
    since: Instant,
    settling: Option<Instant>,
}

/// Notes what happens to one request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracer {
    traces: Traces,
    id: RequestId,
}

/// A request that is being answered, until it is told how that ended.
#[derive(Debug)]
pub struct Traced(Tracer);

impl Default for Traces {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            watchers: broadcast::Sender::new(WAITING_EVENTS),
            over: CancellationToken::new(),
        }
    }
}

impl Traces {
    /// A request has come.
    #[must_use]
    pub fn begin(&self, request: &Request) -> Traced {
        let begun = Begun {
            at: SystemTime::now(),
            project: request.project.clone(),
            key_id: request.key_id.clone(),
            action: request.action.clone(),
        };
        let in_flight = InFlight {
            trace: Trace::new(request.id, begun.clone()),
            since: Instant::now(),
            settling: None,
        };
        let mut known = self.lock();
        known.in_flight.insert(request.id, in_flight);
        self.tell(request.id, begun.clone(), || What::Begun(begun));
        drop(known);
        Traced(Tracer {
            traces: self.clone(),
            id: request.id,
        })
    }

    /// Ends all watchers, and lets no new ones come.
    pub fn close(&self) {
        self.over.cancel();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A panic cannot leave it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells watchers, if there are any. `known` is locked by the caller.
    fn tell(&self, id: RequestId, begun: Begun, what: impl FnOnce() -> What) {
        if self.watchers.receiver_count() > 0 {
            let happened = Happened {
                id,
                project: begun.project,
                at: SystemTime::now(),
                what: what(),
            };
            // Nobody listens any more: then nobody is told.
            let _heard = self.watchers.send(Arc::new(happened));
        }
    }
}

impl Tracer {
    /// Notes an event, if it says something of the request's way.
    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::PlanMade { plan, .. } => self.change(|request| {
                let planned = Planned {
                    plan: Arc::clone(plan),
                    took: request.since.elapsed(),
                };
                request.trace.planned = Some(planned.clone());
                What::Planned(planned)
            }),
            Event::AttemptStarted(started) => self.change(|request| {
                request.trace.running.push(started.clone());
                What::AttemptStarted(started.clone())
            }),
            Event::Chunk { .. } | Event::Committed { .. } | Event::AttemptRejected(_) => {}
        }
    }

    /// An attempt has ended.
    pub(super) fn attempt_ended(&self, attempt: &Attempt) {
        let attempt = Arc::new(attempt.without_answer());
        self.change(|request| {
            let running = &mut request.trace.running;
            running.retain(|started| started.index != attempt.index);
            request.trace.attempts.push(Arc::clone(&attempt));
            What::AttemptEnded(attempt)
        });
    }

    /// The request's end is about to be written down.
    pub(super) fn settling(&self) {
        if let Some(request) = self.traces.lock().in_flight.get_mut(&self.id) {
            request.settling = Some(Instant::now());
        }
    }

    fn change(&self, change: impl FnOnce(&mut InFlight) -> What) {
        let mut known = self.traces.lock();
        if let Some(request) = known.in_flight.get_mut(&self.id) {
            let what = change(request);
            let begun = request.trace.begun.clone();
            self.traces.tell(self.id, begun, || what);
        }
    }

    /// Takes the request out of those in flight, keeps it and tells of its end.
    fn end(&self, end: Ended) {
        let mut known = self.traces.lock();
        let Some(InFlight {
            trace,
            since,
            settling,
        }) = known.in_flight.remove(&self.id)
        else {
            return;
        };
        let end = Ended {
            at: SystemTime::now(),
            latency: since.elapsed(),
            settling: settling.map(|since| since.elapsed()),
            ..end
        };
        let begun = trace.begun.clone();
        known.ended.keep(Trace {
            ended: Some(end.clone()),
            running: Vec::new(),
            ..trace
        });
        self.traces.tell(self.id, begun, || What::Ended(end));
    }
}

impl Traced {
    /// What notes further events.
    #[must_use]
    pub const fn tracer(&self) -> &Tracer {
        &self.0
    }

    /// The request has ended.
    pub fn end(self, result: Result<&Answered, &Unanswered>) {
        self.0.end(Ended::of(result));
    }

    /// The request was given another one's answer, unless that could not be written down.
    pub fn end_reused(self, close: &Close, failure: Option<&Failure>) {
        self.0
            .end(failure.map_or_else(|| Ended::reused(close), Ended::failed));
    }
}

impl Drop for Traced {
    /// Whoever did not tell how it ended met a defect, or was dropped with everything else.
    fn drop(&mut self) {
        let text = "the request was dropped before its end";
        self.0
            .end(Ended::failed(&Failure::new(Reason::Internal, text)));
    }
}

#[cfg(test)]
mod tests;
