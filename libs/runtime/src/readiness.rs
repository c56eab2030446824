//! Ready when the last latch drops.
//!
//! Every part that has to warm up takes a [`Latch`] and drops it when it is done; there is no
//! flag that somebody could forget to set, and a part that fails on the way drops its latch only
//! together with the process. Readiness is reached once and not lost again: what happens later
//! (a database that goes away) is answered per call.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Tells whether every latch has dropped. Clones share the same latches.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many latches are left; what waiters watch.
    left: watch::Sender<usize>,
    /// Their names, for whoever asks why it takes so long.
    names: Mutex<Vec<&'static str>>,
}

/// Holds readiness back until it is dropped.
#[derive(Debug)]
#[must_use = "a latch that is dropped at once holds nothing back"]
pub struct Latch {
    name: &'static str,
    shared: Arc<Shared>,
}

impl Readiness {
    /// Makes a readiness without latches: ready, until one is taken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a latch; `name` says what is being waited for, as `database`.
    pub fn latch(&self, name: &'static str) -> Latch {
        self.shared
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name);
        self.shared.left.send_modify(|left| *left += 1);
        Latch {
            name,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Whether no latch is left.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.shared.left.borrow() == 0
    }

    /// The names of the latches that are left.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<&'static str> {
        self.shared
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until no latch is left.
    pub async fn ready(&self) {
        // The sender lives in `self`, so the only error there is (it was dropped) cannot happen.
        let _ = self
            .shared
            .left
            .subscribe()
            .wait_for(|left| *left == 0)
            .await;
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut names = self
            .shared
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = names.iter().position(|name| *name == self.name) {
            names.swap_remove(index);
        }
        drop(names);
        self.shared.left.send_modify(|left| *left -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn it_is_ready_when_the_last_latch_drops() {
        let readiness = Readiness::new();
        let (database, model) = (readiness.latch("database"), readiness.latch("model"));
        drop(database);
        assert_eq!(readiness.waiting_for(), ["model"]);
        assert!(readiness.ready().now_or_never().is_none());
        drop(model);
        readiness.ready().await;
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn without_latches_it_is_ready_at_once() {
        Readiness::new().ready().await;
    }
}
