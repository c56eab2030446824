//! One replica of a callee: its connection, what is in flight to it, and what was seen of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use opentelemetry::KeyValue;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::meter;
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
#[derive(Debug, Clone)]
pub(super) struct Counts {
    peer: &'static str,
    replicas: opentelemetry::metrics::UpDownCounter<i64>,
    ejections: opentelemetry::metrics::Counter<u64>,
    retries: opentelemetry::metrics::Counter<u64>,
}

impl Counts {
    pub(super) fn new(peer: &'static str) -> Self {
        Self {
            peer,
            replicas: meter()
                .i64_up_down_counter("terrace_rpc_endpoints")
                .with_description("Replicas of a callee, by what was last seen of them.")
                .build(),
            ejections: meter()
                .u64_counter("terrace_rpc_ejections")
                .with_description("Replicas left alone because they did not answer.")
                .build(),
            retries: meter()
                .u64_counter("terrace_rpc_retries")
                .with_description("Calls made again because the first replica never got them.")
                .build(),
        }
    }

    pub(super) fn retried(&self) {
        self.retries.add(1, &[self.whose()]);
    }

    fn ejected(&self) {
        self.ejections.add(1, &[self.whose()]);
    }

    fn changed(&self, standing: Standing, by: i64) {
        let state = match standing {
            Standing::Serving | Standing::Unknown => "serving",
            Standing::Draining => "draining",
            Standing::Down => "down",
        };
        let labels = [self.whose(), KeyValue::new("state", state)];
        self.replicas.add(by, &labels);
    }

    fn whose(&self) -> KeyValue {
        KeyValue::new(fields::PEER, self.peer)
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
