//! How many calls a backend takes at its best, learnt from how long its first pieces take.
//!
//! While they come as fast as they usually do, the limit grows by its square root; when they come
//! later, the backend queues inside itself and the limit shrinks in proportion. This is the
//! Gradient2 limit of Netflix's concurrency-limits, with its constants.

use std::time::Duration;

/// How much later than usual is still as usual.
const TOLERANCE: f64 = 1.5;
/// How fast the limit follows.
const SMOOTHING: f64 = 0.2;
/// How many calls "usually" looks back over.
const LONG_WINDOW: f64 = 600.0;

/// A limit that follows the backend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adaptive {
    limit: f64,
    max: f64,
    /// The usual time to the first piece, in seconds; 0 before the first.
    usual: f64,
}

impl Adaptive {
    /// Begins with half of what is allowed at most.
    pub(super) fn new(max: usize) -> Self {
        let max = f64::from(u32::try_from(max).unwrap_or(u32::MAX));
        Self {
            limit: (max / 2.0).max(1.0),
            max,
            usual: 0.0,
        }
    }

    /// The limit as it stands: 1 at least.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and a u32"
    )]
    pub(super) const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Takes note of a first piece that took `time` while `in_flight` calls were in.
    pub(super) fn sample(&mut self, time: Duration, in_flight: usize) {
        let time = time.as_secs_f64().max(1e-6);
        self.usual = if self.usual == 0.0 {
            time
        } else {
            self.usual + (time - self.usual) / LONG_WINDOW
        };
        // The load went down for good: what is usual has to follow faster.
        if self.usual / time > 2.0 {
            self.usual *= 0.95;
        }
        let in_flight = f64::from(u32::try_from(in_flight).unwrap_or(u32::MAX));
        if in_flight < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * self.usual / time).clamp(0.5, 1.0);
        let target = self.limit * gradient + self.limit.sqrt();
        let limit = self.limit * (1.0 - SMOOTHING) + target * SMOOTHING;
        self.limit = limit.clamp(1.0, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(adaptive: &mut Adaptive, calls: usize, time: impl Fn(usize) -> u64) {
        for _ in 0..calls {
            let limit = adaptive.limit();
            adaptive.sample(Duration::from_millis(time(limit)), limit);
        }
    }

    #[test]
    fn a_backend_that_keeps_its_pace_gets_all_that_is_allowed() {
        let mut adaptive = Adaptive::new(32);
        run(&mut adaptive, 200, |_| 50);
        assert_eq!(adaptive.limit(), 32);
    }

    #[test]
    fn a_backend_that_slows_down_above_eight_is_not_given_many_more() {
        let mut adaptive = Adaptive::new(128);
        run(&mut adaptive, 20, |_| 50);
        // Above eight at once, each further call makes all wait.
        run(&mut adaptive, 300, |limit| {
            if limit <= 8 {
                50
            } else {
                50 * limit as u64 / 4
            }
        });
        assert!((3..=24).contains(&adaptive.limit()), "{}", adaptive.limit());
    }

    #[test]
    fn an_idle_backend_teaches_nothing() {
        let mut adaptive = Adaptive::new(32);
        for _ in 0..100 {
            adaptive.sample(Duration::from_millis(50), 1);
        }
        assert_eq!(adaptive.limit(), 16);
    }
}
