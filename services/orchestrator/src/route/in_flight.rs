//! Ids of requests that are being answered now, so that the same id is not answered twice at once.
//!
//! Only ids that a client brought can come twice. Across replicas it is the ledger that refuses
//! the second: its writes are unique by (request, step).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use terrace_domain::{Failure, Reason, RequestId};

use crate::request::Request;

/// The set of ids in flight.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<RequestId>>>);

/// A place in the set; leaves it when dropped.
#[derive(Debug)]
pub struct Entry {
    set: InFlight,
    id: RequestId,
}

impl InFlight {
    /// Enters a request's id.
    ///
    /// # Errors
    /// [`Reason::RequestIdUsed`] while a request with the same id is in flight.
    pub fn enter(&self, request: &Request) -> Result<Entry, Failure> {
        let entered = self.lock(|ids| ids.insert(request.id));
        if entered {
            Ok(Entry {
                set: self.clone(),
                id: request.id,
            })
        } else {
            Err(Failure::new(
                Reason::RequestIdUsed,
                format!("request_id {} is being answered right now", request.id),
            ))
        }
    }

    /// Whether no request is being answered.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock(|ids| ids.is_empty())
    }

    fn lock<T>(&self, change: impl FnOnce(&mut HashSet<RequestId>) -> T) -> T {
        // A panic cannot leave a set of ids half changed.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.set.lock(|ids| ids.remove(&self.id));
    }
}
