//! Named tasks with a stated meaning of failure, and the one place that starts any.
//!
//! A task started here keeps the tracing span of whoever started it, is known by name, and ends
//! with the process: [`Tasks::wait`] drops what is [`Kind::Background`], waits for the rest, and
//! is bounded. Work that belongs to a request but has to outlive it (money to settle after the
//! caller hung up) goes through [`Tasks::detach`].

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::shutdown::Shutdown;

/// What the end of a task means to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The process cannot do without it: a panic, or an end before shutdown, requests shutdown.
    /// At shutdown it is waited for, so it has to listen to [`Shutdown`] itself.
    Critical,
    /// The process can do without it: a panic is logged. At shutdown it is dropped where it waits.
    Background,
}

/// The tasks of one process. Clones are the same set.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
    /// Ends the background tasks.
    stop: CancellationToken,
    running: Arc<Running>,
}

/// The tasks that were still running when the patience of [`Tasks::wait`] ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("still running at the end of the grace: {}", names.join(", "))]
pub struct StillRunning {
    /// Their names, in the order they were started.
    pub names: Vec<&'static str>,
}

/// Detached work came to no result, because it panicked or the runtime went down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} ended without a result: its panic is in the log")]
pub struct Lost {
    /// The name the work was started with.
    pub name: &'static str,
}

/// Detached work in progress. Dropping this does not stop the work.
#[derive(Debug)]
pub struct Work<T> {
    name: &'static str,
    handle: JoinHandle<Option<T>>,
}

impl Tasks {
    /// Makes an empty set whose critical tasks may request `shutdown`.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            tracker: TaskTracker::new(),
            shutdown,
            stop: CancellationToken::new(),
            running: Arc::default(),
        }
    }

    /// Starts a task that lives as long as the process.
    pub fn spawn(
        &self,
        name: &'static str,
        kind: Kind,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        match kind {
            Kind::Critical => self.spawn_critical(name, task),
            Kind::Background => self.spawn_background(name, task),
        }
    }

    /// Starts work of a request that has to come to its end even if nobody waits any more.
    ///
    /// Await the returned [`Work`] for its result, or drop it and let the work go on.
    pub fn detach<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Work<T> {
        self.track(name, work, Span::current())
    }

    /// As [`detach`](Self::detach), for work of many requests: it belongs into the trace of none, and no
    /// span of whoever happened to start it stays open for it.
    pub fn detach_apart<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Work<T> {
        self.track(name, work, Span::none())
    }

    fn track<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
        span: Span,
    ) -> Work<T> {
        let entry = self.running.enter(name);
        // Work of a request is some ten kilobytes of states: boxed, it is copied once and not by each
        // of the hands that it goes through from here.
        let work = caught(name, work.boxed()).map(move |done| {
            drop(entry);
            done.ok()
        });
        Work {
            name,
            handle: start_in(span, self.tracker.track_future(work)),
        }
    }

    /// Fires when the background tasks are ended, for detached work that nobody waits for: it has to
    /// come to its end soon then.
    #[must_use]
    pub fn ending(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// How many tasks and pieces of detached work are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.names().len()
    }

    /// Drops the background tasks and waits for all others, at most for `patience`.
    ///
    /// # Errors
    /// Names what was still running. It goes on until the runtime itself is dropped.
    pub async fn wait(&self, patience: Duration) -> Result<(), StillRunning> {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait())
            .await
            .map_err(|_| StillRunning {
                names: self.running.names(),
            })
    }

    fn spawn_critical(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let entry = self.running.enter(name);
        let shutdown = self.shutdown.clone();
        start(self.tracker.track_future(async move {
            let _entry = entry;
            let ended = caught(name, task).await;
            if ended.is_ok() && !shutdown.is_requested() {
                tracing::error!(task.name = name, "critical task ended early, shutting down");
            }
            shutdown.request();
        }));
    }

    fn spawn_background(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let entry = self.running.enter(name);
        let stop = self.stop.clone();
        start(self.tracker.track_future(async move {
            let _entry = entry;
            tokio::select! {
                () = stop.cancelled() => (),
                _ = caught(name, task) => (),
            }
        }));
    }
}

impl<T> Future for Work<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let name = self.name;
        Pin::new(&mut self.handle)
            .poll(context)
            .map(|joined| joined.ok().flatten().ok_or(Lost { name }))
    }
}

/// Starts a task in the current span.
pub(crate) fn start<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    start_in(Span::current(), task)
}

/// Starts a task in a span. Everything in this workspace that starts one ends up here.
fn start_in<T: Send + 'static>(
    span: Span,
    task: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks begin: named and tracked by the callers above"
    )]
    tokio::spawn(task.instrument(span))
}

/// Runs `task` and turns its panic into a log line and an error.
async fn caught<T>(name: &'static str, task: impl Future<Output = T>) -> Result<T, ()> {
    AssertUnwindSafe(task)
        .catch_unwind()
        .await
        .map_err(|panic| {
            let message = panic_message(&*panic);
            tracing::error!(task.name = name, panic.message = message, "task panicked");
        })
}

/// The text of a caught panic, where it has one.
#[must_use]
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a text")
}

/// Names of what runs, by the order of their start.
#[derive(Debug, Default)]
struct Running {
    next: AtomicU64,
    names: Mutex<BTreeMap<u64, &'static str>>,
}

/// One line of [`Running`], removed when it drops.
#[derive(Debug)]
struct Entry {
    id: u64,
    running: Arc<Running>,
}

impl Running {
    fn enter(self: &Arc<Self>, name: &'static str) -> Entry {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, name);
        Entry {
            id,
            running: Arc::clone(self),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.values().copied().collect()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}
