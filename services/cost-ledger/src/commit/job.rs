//! What a use case hands in to be written, and how its caller hears of it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use terrace_domain::{BudgetName, Failure, RequestId};
use tokio::sync::oneshot;

use super::desk::{Desk, Page};
use super::known::KnownLeases;

/// A write to the books of one request.
///
/// It is decided in memory, on rows that stay locked until all of its batch is written, and may be
/// decided more than once: nothing but the desk may be touched.
pub(crate) trait Write: Send + Sync + 'static {
    /// What the caller gets to know.
    type Output: Send + 'static;

    /// The request whose books it changes.
    fn request_id(&self) -> RequestId;

    /// The leases that it may change.
    fn leases(&self) -> Vec<RequestId> {
        Vec::new()
    }

    /// The budgets at hand that it may take money from beside those of its holds, with what is known
    /// of the request.
    fn budgets(&self, _page: Option<&Page>) -> Vec<BudgetName> {
        Vec::new()
    }

    /// Whether it closes a request that nobody is likely to have heard of, and pays all that it costs
    /// from these leases: see [`Outright`](super::outright::Outright).
    fn is_outright(&self, _leases: &KnownLeases) -> bool {
        false
    }

    /// Works out what changes and enters it; a refusal enters nothing.
    fn decide(&self, desk: &mut Desk) -> Result<Self::Output, Failure>;

    /// Tells logs and metrics what came of it, once.
    fn tell(&self, _done: &Result<Self::Output, Failure>) {}
}

/// A write without the type of its answer, so that all kinds can wait in one queue.
pub(super) trait Job: fmt::Debug + Send + Sync {
    fn request_id(&self) -> RequestId;
    fn leases(&self) -> Vec<RequestId>;
    fn budgets(&self, page: Option<&Page>) -> Vec<BudgetName>;
    fn is_outright(&self, leases: &KnownLeases) -> bool;
    fn decide(&self, desk: &mut Desk);
    /// Gives the caller what was decided last, or why that could not be written.
    fn answer(&self, committed: Result<(), Failure>);
}

/// A write and the caller that waits for it.
pub(super) struct Pending<W: Write> {
    write: W,
    state: Mutex<State<W::Output>>,
}

struct State<T> {
    decided: Option<Result<T, Failure>>,
    caller: Option<oneshot::Sender<Result<T, Failure>>>,
}

impl<W: Write> Pending<W> {
    pub(super) const fn new(write: W, caller: oneshot::Sender<Result<W::Output, Failure>>) -> Self {
        let state = Mutex::new(State {
            decided: None,
            caller: Some(caller),
        });
        Self { write, state }
    }

    fn state(&self) -> MutexGuard<'_, State<W::Output>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> fmt::Debug for Pending<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pending")
            .field(&self.write.request_id())
            .finish()
    }
}

impl<W: Write> Job for Pending<W> {
    fn request_id(&self) -> RequestId {
        self.write.request_id()
    }

    fn leases(&self) -> Vec<RequestId> {
        self.write.leases()
    }

    fn budgets(&self, page: Option<&Page>) -> Vec<BudgetName> {
        self.write.budgets(page)
    }

    fn is_outright(&self, leases: &KnownLeases) -> bool {
        self.write.is_outright(leases)
    }

    fn decide(&self, desk: &mut Desk) {
        let decided = self.write.decide(desk);
        self.state().decided = Some(decided);
    }

    fn answer(&self, committed: Result<(), Failure>) {
        let (decided, caller) = {
            let mut state = self.state();
            (state.decided.take(), state.caller.take())
        };
        let done = match (committed, decided) {
            (Err(failure), _) => Err(failure),
            (Ok(()), Some(decided)) => decided,
            // Committed without a decision cannot be; the caller hears that it was lost.
            (Ok(()), None) => return,
        };
        self.write.tell(&done);
        // The caller may have left.
        drop(caller.map(|caller| caller.send(done)));
    }
}
