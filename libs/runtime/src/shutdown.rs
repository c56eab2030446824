//! One switch that every part of a process listens to: the end has begun.
//!
//! The switch only says *that* the process stops; each part decides how it ends what it has
//! begun, within the [`Grace`] it is given. It is cheap to clone and can be thrown from anywhere,
//! any number of times.

use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::signal::Stop;
use crate::tasks;

/// How long each step of a server's shutdown may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// From "not serving" to a closed listener: time for balancers to look elsewhere.
    pub notice: Duration,
    /// For calls in flight to finish by themselves.
    pub finish: Duration,
    /// For callers to be told `SHUTTING_DOWN` once the calls that are left were ended.
    pub cut: Duration,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            notice: Duration::from_secs(3),
            finish: Duration::from_secs(20),
            cut: Duration::from_secs(2),
        }
    }
}

impl Grace {
    /// No notice and little patience: for tests, and for a process that one person started.
    #[must_use]
    pub const fn short() -> Self {
        Self {
            notice: Duration::ZERO,
            finish: Duration::from_secs(2),
            cut: Duration::from_millis(500),
        }
    }

    /// The longest that all steps together may take.
    #[must_use]
    pub const fn total(self) -> Duration {
        self.notice
            .saturating_add(self.finish)
            .saturating_add(self.cut)
    }
}

/// The switch. All clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Makes a switch that nobody has thrown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a switch that SIGTERM or SIGINT throws.
    ///
    /// A second signal changes nothing: every step of the shutdown is bounded already.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn on_signal() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut stop = Stop::listen()?;
        let switch = shutdown.clone();
        tasks::start(async move {
            loop {
                let name = stop.received().await;
                tracing::info!(signal.name = name, "shutdown requested by signal");
                switch.request();
            }
        });
        Ok(shutdown)
    }

    /// Throws the switch.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether the switch was thrown.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the switch is thrown.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Makes a switch of its own that is thrown with this one, and can be thrown without it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            token: self.token.child_token(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_request() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        shutdown.request();
        clone.requested().await;
        assert!(clone.is_requested());
    }

    #[test]
    fn a_child_stops_with_its_parent_and_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.request();
        assert!(first.is_requested() && !parent.is_requested() && !second.is_requested());
        parent.request();
        assert!(second.is_requested());
    }
}
