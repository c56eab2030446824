//! How a gateway keeps its backend, and itself, out of trouble: who waits, what is tried again,
//! and when nothing is tried for a while.

use std::time::Duration;

use crate::decode::Section;
use crate::read::{boolean, count, duration, number};

/// Who waits for a place at a backend, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The calls that may wait at once. Default: 256.
    pub max_waiting: usize,
    /// The longest that a call waits. Default: 10 s, which lets a burst drain and leaves another
    /// tier time to answer.
    pub max_wait: Duration,
    /// Whether fewer calls are let in while the backend slows down. Default: no.
    pub adaptive: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_waiting: 256,
            max_wait: Duration::from_secs(10),
            adaptive: false,
        }
    }
}

impl Queue {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let wait = duration(Duration::ZERO..=Duration::from_hours(1));
        Self {
            max_waiting: section.or("max_waiting", own.max_waiting, count(0..=100_000)),
            max_wait: section.or("max_wait", own.max_wait, wait),
            adaptive: section.or("adaptive", own.adaptive, boolean),
        }
    }
}

/// How often a call that the backend refused is made again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The most calls for one request, the first among them. Default: 3.
    pub max_attempts: u32,
    /// The longest wait before the second call; it doubles with each further one. Default: 100 ms.
    pub initial_backoff: Duration,
    /// The longest wait before any. Default: 5 s.
    pub max_backoff: Duration,
    /// Calls made again, as a share of all: a backend in trouble is not given more. Default: 0.1.
    pub budget: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            budget: 0.1,
        }
    }
}

impl Retry {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let wait = || duration(Duration::from_millis(1)..=Duration::from_mins(5));
        Self {
            max_attempts: section.or("max_attempts", own.max_attempts, count(1..=10)),
            initial_backoff: section.or("initial_backoff", own.initial_backoff, wait()),
            max_backoff: section.or("max_backoff", own.max_backoff, wait()),
            budget: section.or("budget", own.budget, number(0.0..=1.0)),
        }
    }
}

/// When a model that keeps failing is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row that open it. Default: 5.
    pub failures: u32,
    /// How long it stays open the first time; it doubles with each failed probe. Default: 1 s.
    pub open_for: Duration,
    /// The longest that it stays open. Default: 30 s.
    pub max_open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(1),
            max_open_for: Duration::from_secs(30),
        }
    }
}

impl Breaker {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let own = Self::default();
        let time = || duration(Duration::from_millis(1)..=Duration::from_hours(1));
        Self {
            failures: section.or("failures", own.failures, count(1..=1000)),
            open_for: section.or("open_for", own.open_for, time()),
            max_open_for: section.or("max_open_for", own.max_open_for, time()),
        }
    }
}
