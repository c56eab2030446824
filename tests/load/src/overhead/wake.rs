//! Waits that are true to a tenth of a millisecond.
//!
//! The runtime's own timer ticks in whole milliseconds, so a start or an answer would be late by up
//! to one, and by how much would depend on when the subject in between handed it on. One thread
//! waits on the system's clock instead.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

static CLOCK: LazyLock<Sender<Due>> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    std::thread::spawn(move || tick(&receiver));
    sender
});

/// With nothing to wait for, the thread looks this seldom.
const IDLE: Duration = Duration::from_secs(3600);

struct Due {
    at: Instant,
    ring: oneshot::Sender<()>,
}

/// Ends at that moment, or at once if it has passed.
pub(crate) async fn at(moment: Instant) {
    if moment <= Instant::now() {
        return;
    }
    let (ring, rung) = oneshot::channel();
    if CLOCK.send(Due { at: moment, ring }).is_ok() {
        drop(rung.await);
    }
}

/// Ends after that time.
pub(crate) async fn after(time: Duration) {
    at(Instant::now() + time).await;
}

fn tick(ordered: &Receiver<Due>) {
    let mut waiting = BinaryHeap::<Due>::new();
    loop {
        let now = Instant::now();
        while waiting.peek().is_some_and(|due| due.at <= now) {
            if let Some(due) = waiting.pop() {
                // Whoever has gone away waits no more.
                let _gone = due.ring.send(());
            }
        }
        let next = waiting
            .peek()
            .map_or(IDLE, |due| due.at.duration_since(now));
        match ordered.recv_timeout(next) {
            Ok(due) => waiting.push(due),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Ord for Due {
    /// The earliest is the greatest: a heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_end_in_their_order_and_not_before_their_time() {
        let began = Instant::now();
        let (long, short) = (Duration::from_millis(30), Duration::from_millis(10));
        tokio::join!(
            async {
                after(long).await;
                assert!(began.elapsed() >= long);
            },
            async {
                after(short).await;
                assert!(began.elapsed() >= short);
            }
        );
        at(began).await;
    }
}
