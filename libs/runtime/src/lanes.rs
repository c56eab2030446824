//! Lanes: a thread for each core, on which whatever begins stays until its end.
//!
//! The threads of the usual runtime take work from each other, so the parts of one request wander
//! from core to core, and each wake across two threads is a call of the system and a cold cache: a
//! request of a few hundred microseconds pays a fifth of its time for that. In a lane it does not
//! wander. The price is that no other lane helps out, so a lane is for many small things that wait
//! most of their time, and whoever hands out work has to share it evenly.

use std::cell::Cell;
use std::future::Future;
use std::sync::OnceLock;
use std::{fmt, io, thread};

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

thread_local! {
    static HERE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The number of the lane that this runs in, from 0; none elsewhere.
#[must_use]
pub fn here() -> Option<usize> {
    HERE.get()
}

/// As many lanes as there are cores. When this is dropped they end, with whatever runs in them.
#[derive(Debug)]
pub struct Lanes(Vec<Lane>);

/// One of them.
#[derive(Debug)]
pub struct Lane {
    runtime: Handle,
    closed: CancellationToken,
}

impl Lanes {
    /// Starts a lane for each core.
    ///
    /// # Errors
    /// The system gives no more threads, or no more descriptors.
    pub fn start() -> io::Result<Self> {
        let lanes: io::Result<_> = (0..cores()).map(Lane::start).collect();
        lanes.map(Self)
    }

    /// All lanes, by their number.
    pub fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.0.iter()
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let lane = Self {
            runtime: runtime.handle().clone(),
            closed: CancellationToken::new(),
        };
        let closed = lane.closed.clone();
        let run = move || {
            HERE.set(Some(number));
            runtime.block_on(closed.cancelled());
            // Nobody waits for what is left: not for blocking work either.
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name(format!("lane-{number}"))
            .spawn(run)?;
        Ok(lane)
    }

    /// Runs a task in this lane; everything that it starts runs here too.
    pub fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// A thing of which each lane has its own, as a pool of connections: what is made in a lane wakes
/// those who use it without leaving the lane. All that is no lane shares one.
pub struct PerLane<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    elsewhere: T,
    lanes: Vec<OnceLock<T>>,
}

impl<T> PerLane<T> {
    /// Makes the one that is for no lane with `make`, and those of lanes when they are first wanted.
    ///
    /// # Errors
    /// The first one could not be made. Should another fail, its lane uses the first.
    pub fn new<E>(make: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Result<Self, E>
    where
        T: Clone + Send + Sync + 'static,
    {
        let elsewhere = make()?;
        let first = elsewhere.clone();
        Ok(Self {
            make: Box::new(move || make().unwrap_or_else(|_| first.clone())),
            elsewhere,
            lanes: (0..cores()).map(|_| OnceLock::new()).collect(),
        })
    }

    /// The one of this lane.
    pub fn get(&self) -> &T {
        let lane = here().and_then(|number| self.lanes.get(number));
        lane.map_or(&self.elsewhere, |lane| lane.get_or_init(&self.make))
    }
}

impl<T> fmt::Debug for PerLane<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PerLane").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Shutdown, Tasks};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn what_a_task_of_a_lane_starts_stays_in_its_lane() {
        let lanes = Lanes::start().unwrap();
        for (number, lane) in lanes.iter().enumerate() {
            let tasks = Tasks::new(Shutdown::new());
            let started = lane.run(async move {
                let further = tasks.detach("further", async { here() });
                (here(), further.await.unwrap())
            });
            assert_eq!(started.await.unwrap(), (Some(number), Some(number)));
        }
        assert_eq!(here(), None);
    }

    #[tokio::test]
    async fn a_lane_that_is_dropped_ends_what_runs_in_it() {
        let lanes = Lanes::start().unwrap();
        let lane = lanes.iter().next().unwrap();
        let endless = lane.run(std::future::pending::<()>());
        drop(lanes);
        assert!(endless.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn each_lane_has_its_own_and_keeps_it() {
        let made = AtomicUsize::new(0);
        let number = move || Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed));
        let own = Arc::new(PerLane::new(number).unwrap());
        let lanes = Lanes::start().unwrap();
        let mut seen = vec![*own.get()];
        for lane in lanes.iter() {
            let (own, again) = (Arc::clone(&own), Arc::clone(&own));
            let first = lane.run(async move { *own.get() }).await.unwrap();
            assert_eq!(lane.run(async move { *again.get() }).await.unwrap(), first);
            seen.push(first);
        }
        let all: Vec<usize> = (0..seen.len()).collect();
        assert_eq!(seen, all);
    }
}
