//! One replica of a callee: its connection, what is in flight to it, and what was seen of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use terrace_telemetry::fields;
use terrace_telemetry::metrics::{Counters, Gauges};
use tonic::transport::Channel;

/// What was last seen of a replica, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Standing {
    /// It says that it serves.
    Serving = 0,
    /// Nobody has asked it yet.
    Unknown = 1,
    /// It says that it does not serve: it is about to stop, or is not ready yet.
    Draining = 2,
    /// It cannot be reached, or does not answer.
    Down = 3,
}

/// A replica. Dropped, its connection lasts until the calls on it have ended.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) server: SocketAddr,
    pub(super) channel: Channel,
    in_flight: AtomicUsize,
    standing: AtomicU8,
    /// Questions for its health in a row that it did not answer.
    unanswered: AtomicUsize,
    counts: Counts,
}

/// A call that counts as in flight until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Replica>);

/// What links tell of their replicas.
struct Instruments {
    replicas: Gauges<2>,
    ejections: Counters<1>,
    retries: Counters<1>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| Instruments {
    replicas: Gauges::new(
        "terrace.rpc.endpoints",
        "Replicas of a callee, by what was last seen of them.",
        [fields::PEER, "state"],
    ),
    ejections: Counters::new(
        "terrace.rpc.ejections",
        "Replicas left alone because they did not answer.",
        [fields::PEER],
    ),
    retries: Counters::new(
        "terrace.rpc.retries",
        "Calls made again because the first replica never got them.",
        [fields::PEER],
    ),
});

/// What the links to one callee tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    peer: &'static str,
}

impl Counts {
    pub(super) const fn new(peer: &'static str) -> Self {
        Self { peer }
    }

    pub(super) fn retried(self) {
        INSTRUMENTS.retries.add(1, [self.peer]);
    }

    fn ejected(self) {
        INSTRUMENTS.ejections.add(1, [self.peer]);
    }

    fn changed(self, standing: Standing, by: i64) {
        let state = match standing {
            Standing::Serving | Standing::Unknown => "serving",
            Standing::Draining => "draining",
            Standing::Down => "down",
        };
        INSTRUMENTS.replicas.add(by, [self.peer, state]);
    }
}

impl Replica {
    pub(super) fn new(server: SocketAddr, channel: Channel, counts: Counts) -> Self {
        counts.changed(Standing::Unknown, 1);
        Self {
            server,
            channel,
            in_flight: AtomicUsize::new(0),
            standing: AtomicU8::new(Standing::Unknown as u8),
            unanswered: AtomicUsize::new(0),
            counts,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(super) fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Relaxed) {
            0 => Standing::Serving,
            1 => Standing::Unknown,
            2 => Standing::Draining,
            _ => Standing::Down,
        }
    }

    /// Notes what it said of itself, or that it could not be reached.
    pub(super) fn stands(&self, now: Standing) {
        let before = self.standing();
        self.unanswered.store(0, Ordering::Relaxed);
        if before == now {
            return;
        }
        self.standing.store(now as u8, Ordering::Relaxed);
        self.counts.changed(before, -1);
        self.counts.changed(now, 1);
        let peer = self.counts.peer;
        if now == Standing::Down {
            self.counts.ejected();
            tracing::warn!(terrace.peer = peer, replica = %self.server, "a replica does not answer: it is left alone until it does");
        } else {
            tracing::debug!(terrace.peer = peer, replica = %self.server, standing = ?now, "a replica has changed");
        }
    }

    /// Notes that it did not answer in time. Once may be chance.
    pub(super) fn unanswered(&self) {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) > 0 {
            self.stands(Standing::Down);
            // The next answer, and nothing else, brings it back.
            self.unanswered.store(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.counts.changed(self.standing(), -1);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
