//! Requests that have ended, the newest last: a bounded number of them, in a bounded room.

use std::collections::VecDeque;
use std::sync::Arc;

use terrace_domain::RequestId;

use super::Trace;

/// How many are kept.
pub(super) const MOST: usize = 512;
/// How many bytes they may take together.
const MOST_BYTES: usize = 16 << 20;

/// Requests that have ended.
#[derive(Debug, Default)]
pub(super) struct Kept {
    traces: VecDeque<Arc<Trace>>,
    bytes: usize,
}

impl Kept {
    /// Keeps one more, and as many of those before it as there is room for.
    pub(super) fn keep(&mut self, trace: Trace) {
        self.bytes += trace.bytes();
        self.traces.push_back(Arc::new(trace));
        while self.traces.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.traces.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
        }
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Trace>> {
        self.traces.iter()
    }

    /// The one with this id; of two with the same, the later.
    pub(super) fn find(&self, id: RequestId) -> Option<&Arc<Trace>> {
        self.traces.iter().rev().find(|trace| trace.id == id)
    }
}
