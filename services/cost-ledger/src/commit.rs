//! Group commit: writes that arrive together are decided and written in one transaction.
//!
//! A hot budget is one row, and each transaction that moves it waits for the disk. So not every
//! call has a transaction of its own: while one batch is being written the next one gathers, and
//! when nothing is being written a call goes at once; nobody ever waits for company. What a batch
//! cannot do as a whole is done one by one, so that nobody fails for what another has asked.

mod batch;
mod desk;
mod job;
mod known;
mod lent;
mod outright;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use terrace_config::Durability;
use terrace_domain::{Failure, Reason};
use tokio::sync::oneshot;
use tracing::Span;

use self::batch::Batch;
use self::job::{Job, Pending};
use self::outright::Outright;
use crate::error::Error;
use crate::metrics;
use crate::store::Store;

pub(crate) use desk::{Desk, Page, id_used};
pub(crate) use job::Write;
pub(crate) use known::KnownLeases;
pub(crate) use lent::Lent;

/// The most writes of one transaction: enough to fill the disk's time, few enough to answer soon.
const LARGEST: usize = 512;

/// How often the periods of budgets are begun for one batch: once, unless one ends meanwhile.
const BEGINNINGS: u32 = 3;

/// The one way to write to the books. Clones share the queue.
#[derive(Debug, Clone)]
pub(crate) struct Commits {
    store: Store,
    durability: Durability,
    queue: Arc<Mutex<Queue>>,
    leases: Arc<KnownLeases>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Span, Arc<dyn Job>)>,
    /// Whether a batch is being written: who wrote it takes the next one.
    busy: bool,
}

impl Commits {
    pub(crate) fn new(store: Store, durability: Durability) -> Self {
        Self {
            store,
            durability,
            queue: Arc::default(),
            leases: Arc::default(),
        }
    }

    /// Decides and writes, even if nobody waits any more; acknowledged means committed, and for all
    /// that costs on the database's disk.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Output, Failure> {
        let (answer, committed) = oneshot::channel();
        let job: Arc<dyn Job> = Arc::new(Pending::new(write, answer));
        self.enqueue(job);
        let lost = || Err(Failure::new(Reason::Internal, "the write was lost"));
        committed.await.unwrap_or_else(|_| lost())
    }

    fn enqueue(&self, job: Arc<dyn Job>) {
        let mut queue = self.queue();
        queue.waiting.push_back((Span::current(), job));
        if !queue.busy {
            queue.busy = true;
            self.start(queue);
        }
    }

    /// Starts on what is waiting, in a task and in the trace of the first that waits.
    fn start(&self, mut queue: MutexGuard<'_, Queue>) {
        let size = queue.waiting.len().min(LARGEST);
        let (spans, jobs): (Vec<Span>, Vec<Arc<dyn Job>>) = queue.waiting.drain(..size).unzip();
        let Some(span) = spans.into_iter().next() else {
            queue.busy = false;
            return;
        };
        drop(queue);
        let commits = self.clone();
        span.in_scope(|| {
            let work = async move {
                commits.write_all(jobs).await;
                commits.start(commits.queue());
            };
            drop(self.store.detach("commit", work));
        });
    }

    async fn write_all(&self, jobs: Vec<Arc<dyn Job>>) {
        metrics::batch(jobs.len());
        match self.attempt(&jobs).await {
            // The database is away for each of them.
            Err(Error::Unavailable(cause)) => {
                let failure = Failure::from(Error::Unavailable(cause));
                for job in jobs {
                    job.answer(Err(failure.clone()));
                }
            }
            Err(error) if jobs.len() > 1 => {
                tracing::warn!(%error, writes = jobs.len(), "a batch failed, writing one by one");
                for job in jobs {
                    let done = self.attempt(&[Arc::clone(&job)]).await;
                    job.answer(done.map_err(Failure::from));
                }
            }
            done => {
                let done = done.map_err(Failure::from);
                for job in jobs {
                    job.answer(done.clone());
                }
            }
        }
    }

    /// Writes a batch: outright if it can be, else in a transaction that looks at everything first.
    async fn attempt(&self, jobs: &[Arc<dyn Job>]) -> Result<(), Error> {
        let Some(outright) = Outright::of(jobs, &self.leases, self.durability) else {
            return self.look_and_write(jobs).await;
        };
        let outright = Arc::new(outright);
        match self.store.transact(Arc::clone(&outright)).await {
            Err(Error::Surprised(cause)) => {
                self.leases.forget(outright.leases());
                tracing::debug!(%cause, writes = jobs.len(), "not as it was thought to be");
                self.look_and_write(jobs).await
            }
            done => done,
        }
    }

    /// Looks at all that a batch is about, and writes it; begins the periods that it finds missing.
    async fn look_and_write(&self, jobs: &[Arc<dyn Job>]) -> Result<(), Error> {
        let batch = Arc::new(Batch::of(jobs, self.durability));
        let mut begun = 0;
        loop {
            match self.store.transact(Arc::clone(&batch)).await {
                Err(Error::NotBegun(missing)) if begun < BEGINNINGS => {
                    begun += 1;
                    self.store.transact(Arc::new(missing)).await?;
                }
                Ok(written) => {
                    written.alerts.iter().for_each(metrics::alert);
                    self.leases.learn(&written.leases);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
