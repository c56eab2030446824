//! How long to wait before the next try.

use std::time::Duration;

/// Waits that double, each drawn evenly between nothing and its limit ("full jitter"), so that
/// those who failed together do not come back together.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    limit: Duration,
    max: Duration,
}

impl Backoff {
    /// Waits of at most `initial`, then twice that, and so on up to `max`.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self {
            limit: initial,
            max,
        }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.next_wait_drawn(fastrand::f64())
    }

    /// The next wait, `draw` of its limit; for tests that cannot do with chance.
    pub fn next_wait_drawn(&mut self, draw: f64) -> Duration {
        let limit = self.limit.min(self.max);
        self.limit = limit.saturating_mul(2);
        limit.mul_f64(draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        let waits: Vec<_> = (0..5)
            .map(|_| backoff.next_wait_drawn(1.0).as_millis())
            .collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
    }

    #[test]
    fn a_wait_is_never_above_its_limit() {
        for _ in 0..100 {
            let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
            assert!(backoff.next_wait() <= Duration::from_millis(10));
        }
    }
}
