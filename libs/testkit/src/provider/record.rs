//! What a scripted provider saw, and what is still open.
//!
//! A call is open from its arrival until its reply is over or its client is gone; the two are
//! told apart, so that a test can claim that a cancelled call really reached the backend.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

/// One call for a generation, as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Path that was called.
    pub path: String,
    /// Model that was asked for.
    pub model: String,
    /// All text of its messages, a line each.
    pub prompt: String,
    /// The whole body.
    pub body: Value,
    /// The headers.
    pub headers: HeaderMap,
    /// When it arrived.
    pub at: Instant,
    /// Whether the client went away before the scripted reply was over.
    pub hung_up: bool,
}

/// Shared notes of one provider.
#[derive(Debug, Default)]
pub(crate) struct Record {
    seen: Mutex<Vec<Seen>>,
    open: AtomicUsize,
    arrived: AtomicUsize,
    /// Whether calls are counted and not kept.
    counts_alone: AtomicBool,
    /// Set when the provider itself dies, so that its clients are not blamed.
    dying: AtomicBool,
}

impl Record {
    /// Notes a call; the guard lives as long as its reply.
    pub(crate) fn open(self: &Arc<Self>, seen: Seen) -> Open {
        let mut list = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let index = list.len();
        if !self.counts_alone.load(Ordering::SeqCst) {
            list.push(seen);
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        self.arrived.fetch_add(1, Ordering::SeqCst);
        Open {
            record: Arc::clone(self),
            index,
            over: false,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Keeps no call from now on.
    pub(crate) fn count_alone(&self) {
        self.counts_alone.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn die(&self) {
        self.dying.store(true, Ordering::SeqCst);
    }

    /// Polls, since hang-ups arrive on another runtime; `true` when `holds` did within the time.
    pub(crate) async fn wait(&self, holds: impl Fn(&Self) -> bool, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while !holds(self) {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

/// A call whose reply is not over.
#[derive(Debug)]
pub(crate) struct Open {
    record: Arc<Record>,
    index: usize,
    over: bool,
}

impl Open {
    /// The reply has been given as scripted; whoever ends it now does no wrong.
    pub(crate) const fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let hung_up = !self.over && !self.record.dying.load(Ordering::SeqCst);
        let mut list = self
            .record
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = list.get_mut(self.index) {
            seen.hung_up = hung_up;
        }
        self.record.open.fetch_sub(1, Ordering::SeqCst);
    }
}
