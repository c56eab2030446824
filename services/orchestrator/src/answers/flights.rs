//! Requests that are being answered, and those who wait for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use terrace_domain::{Failure, Reason};
use tokio::sync::watch;

use super::key::Key;
use super::{End, Reply};
use crate::fingerprint::Fingerprint;
use crate::request::Request;
use crate::route::{Context, Unanswered};

/// All flights of an orchestrator.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, Known>>>);

/// A flight as others see it.
#[derive(Debug)]
struct Known {
    /// What was sent, where the key does not say it all.
    body: Option<Fingerprint>,
    landed: watch::Receiver<Option<Landed>>,
}

/// How a flight ended, for those who waited.
#[derive(Debug, Clone)]
enum Landed {
    Answered(Reply),
    Failed(Failure),
}

/// What a request is to do.
pub(super) enum Turn {
    /// Nobody is on it: it flies itself.
    Lead(Flight),
    /// Another one is on it.
    Wait(Waiting),
    /// Another one with another body has the key.
    Taken,
}

/// A request on its way. Dropping it without landing lets one of those who wait take over.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Flights,
    key: Key,
    landed: watch::Sender<Option<Landed>>,
}

/// A request that waits for another's end.
#[derive(Debug)]
pub(super) struct Waiting(watch::Receiver<Option<Landed>>);

impl Flights {
    /// Takes a turn: flies, or waits for who does.
    pub(super) fn turn(&self, key: Key, body: Option<Fingerprint>) -> Turn {
        // A panic cannot leave the map half changed.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&key) {
            Some(flight) if flight.body == body => Turn::Wait(Waiting(flight.landed.clone())),
            Some(_) => Turn::Taken,
            None => {
                let (sender, landed) = watch::channel(None);
                known.insert(key, Known { body, landed });
                Turn::Lead(Flight {
                    flights: self.clone(),
                    key,
                    landed: sender,
                })
            }
        }
    }
}

impl Flight {
    /// Tells those who wait how it ended; an end that was this caller's own affair is not theirs.
    pub(super) fn land(self, end: &End) {
        // One receiver is the map's.
        if self.landed.receiver_count() < 2 {
            return;
        }
        let landed = match end {
            Ok(reply) => Landed::Answered(reply.clone()),
            Err(unanswered) => match unanswered.failure.reason {
                Reason::Cancelled | Reason::DeadlineExceeded => return,
                _ => Landed::Failed(unanswered.failure.clone()),
            },
        };
        self.landed.send_replace(Some(landed));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut known = self
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.remove(&self.key);
    }
}

impl Waiting {
    /// Waits for the other's end; `None` when it left without one.
    pub(super) async fn end(mut self, request: &Request, context: &Context) -> Option<End> {
        let failed = |failure| Some(Err(Unanswered::without_attempts(request.id, failure)));
        let landed = tokio::select! {
            biased;
            () = context.cancel.cancelled() => {
                let message = "the caller went away";
                return failed(Failure::new(Reason::Cancelled, message));
            }
            landed = self.0.wait_for(Option::is_some) => landed.ok()?.clone()?,
            () = context.call.deadline.passed() => {
                let message = "the deadline passed while another request had the same answer made";
                return failed(Failure::new(Reason::DeadlineExceeded, message));
            }
        };
        match landed {
            Landed::Answered(reply) => Some(Ok(reply)),
            Landed::Failed(failure) => failed(failure),
        }
    }
}
