//! Who may call the backend now, who waits, and who is sent away at once.
//!
//! The decisions are in `line`; this is its async shell. Waiting is only for those who will be
//! served in time: a call whose turn would come after its deadline, or later than the config
//! allows, is refused when it comes, with a word on when to come back, so that its caller can still
//! go elsewhere. A place is free again when it is dropped, in whatever state its call is.

mod adaptive;
mod line;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use terrace_config::Backend;
use terrace_domain::{BackendName, Failure, ModelName, Reason};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::call::Priority;
use crate::config::Served;
use crate::metrics::{self, Refused};
use adaptive::Adaptive;
use line::{Asked, Line};

/// The least and the most that a refused caller is told to stay away.
const COME_BACK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How fast the usual length of a call follows the calls.
const SERVICE_SMOOTHING: f64 = 0.1;

/// The way in to one backend.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Arc<Mutex<State>>,
    max_waiting: usize,
    max_wait: Duration,
    backend: BackendName,
}

#[derive(Debug)]
struct State {
    line: Line,
    adaptive: Option<Adaptive>,
    calls: HashMap<u64, oneshot::Sender<()>>,
    /// How long a call usually takes.
    usual: Usual,
    /// The same for each model that has a call behind it.
    usual_of: HashMap<ModelName, Usual>,
    backend: BackendName,
}

/// How long a call usually takes, in seconds; 0 before the first has ended.
#[derive(Debug, Default, Clone, Copy)]
struct Usual(f64);

impl Usual {
    fn follow(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        self.0 = if self.0 == 0.0 {
            took
        } else {
            self.0 + (took - self.0) * SERVICE_SMOOTHING
        };
    }

    /// How long so many calls take where so many have a place.
    fn wait(self, calls: usize, places: usize) -> Duration {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let places = u32::try_from(places.max(1)).unwrap_or(u32::MAX);
        let seconds = f64::from(calls) * self.0 / f64::from(places);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Who asks to be let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket<'a> {
    pub(crate) model: &'a ModelName,
    pub(crate) project: &'a str,
    pub(crate) priority: Priority,
    pub(crate) deadline: Instant,
}

/// How busy a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Calls that have a place.
    pub(crate) in_flight: usize,
    /// Calls that wait for one.
    pub(crate) waiting: usize,
    /// How many there are.
    pub(crate) places: usize,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    state: Arc<Mutex<State>>,
    model: ModelName,
    since: Instant,
}

impl Admission {
    pub(crate) fn new(backend: &Backend, models: &[Served]) -> Self {
        let limits = models.iter().filter_map(|served| {
            let most = served.model.max_concurrency?;
            Some((served.model.name.clone(), most))
        });
        let most = backend.max_concurrency.max(1);
        let adaptive = backend.queue.adaptive.then(|| Adaptive::new(most));
        let limit = adaptive.as_ref().map_or(most, Adaptive::limit);
        let state = State {
            line: Line::new(limit, limits.collect()),
            adaptive,
            calls: HashMap::new(),
            usual: Usual::default(),
            usual_of: HashMap::new(),
            backend: backend.name.clone(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            max_waiting: backend.queue.max_waiting,
            max_wait: backend.queue.max_wait,
            backend: backend.name.clone(),
        }
    }

    /// Takes a place, waiting for one if it will come in time.
    pub(crate) async fn enter(&self, ticket: Ticket<'_>) -> Result<Place, Failure> {
        let until = ticket.deadline.min(Instant::now() + self.max_wait);
        let Some((mut turn, called)) = self.queue(ticket, until)? else {
            return Ok(self.place(ticket.model));
        };
        match tokio::time::timeout_at(until, called).await {
            Ok(Ok(())) => {
                turn.taken = true;
                Ok(self.place(ticket.model))
            }
            // A caller is forgotten only together with the line, so this is always the time.
            Ok(Err(_)) | Err(_) => {
                let wait = lock(&self.state).expected_wait(ticket);
                drop(turn);
                Err(self.refuse(Refused::Waited, ticket, wait))
            }
        }
    }

    /// How many are in, and how many wait.
    pub(crate) fn standing(&self) -> Standing {
        let state = lock(&self.state);
        Standing {
            in_flight: state.line.in_flight(),
            waiting: state.line.waiting(),
            places: state.line.limit(),
        }
    }

    /// Asks for a place; `None` if it is given at once.
    fn queue(
        &self,
        ticket: Ticket<'_>,
        until: Instant,
    ) -> Result<Option<(Turn, oneshot::Receiver<()>)>, Failure> {
        let mut state = lock(&self.state);
        let asked = state
            .line
            .ask(ticket.model, ticket.project, ticket.priority);
        let Asked::Waits(id) = asked else {
            state.report();
            return Ok(None);
        };
        // Another model may be what those before it wait for.
        let (sender, called) = oneshot::channel();
        state.calls.insert(id, sender);
        state.admit();
        let wait = state.expected_wait(ticket);
        let still_waits = state.calls.contains_key(&id);
        let refusal = if !still_waits {
            None
        } else if state.line.waiting() > self.max_waiting {
            Some(Refused::Full)
        } else if Instant::now() + wait > until {
            Some(Refused::TooLate)
        } else {
            None
        };
        state.report();
        drop(state);
        let turn = Turn {
            state: Arc::clone(&self.state),
            id,
            model: ticket.model.clone(),
            taken: false,
        };
        match refusal {
            None => Ok(Some((turn, called))),
            Some(cause) => {
                drop(turn);
                Err(self.refuse(cause, ticket, wait))
            }
        }
    }

    fn place(&self, model: &ModelName) -> Place {
        Place {
            state: Arc::clone(&self.state),
            model: model.clone(),
            since: Instant::now(),
        }
    }

    /// `wait`: how long it would have had to.
    fn refuse(&self, cause: Refused, ticket: Ticket<'_>, wait: Duration) -> Failure {
        metrics::refused(&self.backend, cause);
        let state = lock(&self.state);
        let backend = &self.backend;
        let wait = wait.clamp(COME_BACK.0, COME_BACK.1);
        let (who, limit) = match state.line.full_model(ticket.model) {
            Some(limit) => (
                format!("model `{}` on backend `{backend}`", ticket.model),
                limit,
            ),
            None => (format!("backend `{backend}`"), state.line.limit()),
        };
        let what = match cause {
            Refused::Full => format!(
                "and {} calls wait: come back later, or raise backends.{backend}.queue.max_waiting",
                self.max_waiting
            ),
            Refused::TooLate => "and the turn of this call would come too late: come back later, \
                 or allow more time"
                .to_owned(),
            Refused::Waited => format!(
                "and none became free in time: come back later, or raise \
                 backends.{backend}.max_concurrency if it can do more"
            ),
        };
        let message = format!("{who} has all of its {limit} places taken, {what}");
        Failure::new(Reason::Overloaded, message).retry_after(wait)
    }
}

impl State {
    /// Lets in whoever can be, and tells them. Who has gone in the meantime gives the place back
    /// by dropping its turn.
    fn admit(&mut self) {
        for id in self.line.admit() {
            if let Some(caller) = self.calls.remove(&id) {
                let _gone = caller.send(());
            }
        }
    }

    /// How long a new call would wait, as far as the calls before it tell: for a place of its model
    /// or of the backend, whichever comes later.
    fn expected_wait(&self, ticket: Ticket<'_>) -> Duration {
        let (model, priority) = (ticket.model, ticket.priority);
        let all = self
            .usual
            .wait(self.line.ahead_of(priority), self.line.limit());
        let Some(places) = self.line.full_model(model) else {
            return all;
        };
        let usual = self.usual_of.get(model).copied().unwrap_or_default();
        all.max(usual.wait(self.line.ahead_of_model(model, priority), places))
    }

    fn leave(&mut self, model: &ModelName, took: Option<Duration>) {
        self.line.leave(model);
        if let Some(took) = took {
            self.usual.follow(took);
            self.usual_of.entry(model.clone()).or_default().follow(took);
        }
        self.admit();
        self.report();
    }

    fn report(&self) {
        metrics::line(&self.backend, self.line.waiting(), self.line.limit());
    }
}

impl Place {
    /// Tells that the first piece has come.
    pub(crate) fn first_piece(&self) {
        let mut state = lock(&self.state);
        let in_flight = state.line.in_flight();
        let Some(adaptive) = &mut state.adaptive else {
            return;
        };
        adaptive.sample(self.since.elapsed(), in_flight);
        let limit = adaptive.limit();
        state.line.set_limit(limit);
        state.admit();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.state).leave(&self.model, Some(self.since.elapsed()));
    }
}

/// Somebody's number in the line; given back when dropped, and with it the place if it was called.
#[derive(Debug)]
struct Turn {
    state: Arc<Mutex<State>>,
    id: u64,
    model: ModelName,
    /// Whether the place went on to a [`Place`].
    taken: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = lock(&self.state);
        state.calls.remove(&self.id);
        if state.line.give_up(self.id) {
            state.report();
        } else {
            state.leave(&self.model, None);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
