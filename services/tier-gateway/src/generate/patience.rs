//! How long to wait for the next piece of an answer.
//!
//! Four clocks at once: to the first piece, between pieces, for the whole, and the caller's
//! deadline. The deadline is taken a little early, so that the last words about cost still reach
//! a caller who keeps to it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::TimeLimits;
use crate::error::{Fault, Wait};

/// What last words need: a twentieth of the time that is left, and no more than this.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The clocks of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    limits: TimeLimits,
    started: Instant,
    /// Until when the whole answer is waited for, and whose limit that is.
    end: (Instant, Wait),
    /// Whether the first piece has come.
    begun: bool,
}

impl Patience {
    /// Starts the clocks.
    pub(crate) fn new(limits: TimeLimits, deadline: Instant) -> Self {
        let started = Instant::now();
        let left = deadline.saturating_duration_since(started);
        let deadline = started + (left - (left / 20).min(LAST_WORDS));
        let total = started + limits.total;
        let end = if deadline < total {
            (deadline, Wait::Deadline)
        } else {
            (total, Wait::Whole)
        };
        Self {
            limits,
            started,
            end,
            begun: false,
        }
    }

    /// Waits for `work` for as long as the next piece may take.
    pub(crate) async fn limit<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        let (until, wait) = self.next_end();
        tokio::time::timeout_at(until, work)
            .await
            .map_err(|_| self.fault(wait))
    }

    /// The same for one of many pieces, whose clock is the same `alarm`.
    pub(crate) async fn next<T>(
        &self,
        piece: impl Future<Output = T>,
        alarm: &mut Alarm,
    ) -> Result<T, Fault> {
        let (until, wait) = self.next_end();
        let mut piece = pin!(piece);
        poll_fn(|context| match piece.as_mut().poll(context) {
            Poll::Ready(piece) => Poll::Ready(Ok(piece)),
            Poll::Pending => alarm.poll(until, context).map(|()| Err(self.fault(wait))),
        })
        .await
    }

    /// A piece has come: from now on the pause between pieces counts. `true` for the first.
    pub(crate) const fn begun(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn next_end(&self) -> (Instant, Wait) {
        let next = if self.begun {
            (Instant::now() + self.limits.idle, Wait::NextToken)
        } else {
            (self.started + self.limits.first_token, Wait::FirstToken)
        };
        if next.0 < self.end.0 { next } else { self.end }
    }

    fn fault(&self, wait: Wait) -> Fault {
        let after = match wait {
            Wait::NextToken => self.limits.idle,
            Wait::FirstToken | Wait::Connect => self.limits.first_token,
            Wait::Whole => self.limits.total,
            Wait::Deadline => self.end.0 - self.started,
        };
        Fault::Timeout { wait, after }
    }
}

/// A timer for pieces that nearly all come long before their time.
///
/// To set one for each piece and take it back costs more than to read the piece. So it stays set for
/// an earlier one, and is set anew when it goes off too early.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// Set for no later than what is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready at `until`, and not before.
    fn poll(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() == until {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const LIMITS: TimeLimits = TimeLimits {
        first_token: Duration::from_secs(60),
        idle: Duration::from_secs(30),
        total: Duration::from_secs(300),
    };

    fn patience(deadline: u64) -> Patience {
        Patience::new(LIMITS, Instant::now() + Duration::from_secs(deadline))
    }

    async fn waited(patience: &Patience) -> (Wait, Duration) {
        let start = Instant::now();
        let fault = patience.limit(pending::<()>()).await.unwrap_err();
        let Fault::Timeout { wait, .. } = fault else {
            panic!("{fault:?}");
        };
        (wait, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_has_its_own_limit_and_so_has_each_further_one() {
        let mut patience = patience(1000);
        let first = waited(&patience).await;
        assert_eq!(first, (Wait::FirstToken, Duration::from_secs(60)));
        assert!(patience.begun());
        assert!(!patience.begun());
        let next = waited(&patience).await;
        assert_eq!(next, (Wait::NextToken, Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_that_keep_coming_do_not_stretch_the_whole() {
        let mut patience = patience(1000);
        assert!(patience.begun());
        for _ in 0..29 {
            let piece = tokio::time::sleep(Duration::from_secs(10));
            patience.limit(piece).await.unwrap();
        }
        assert_eq!(
            waited(&patience).await,
            (Wait::Whole, Duration::from_secs(10))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_whole_time_on_one_alarm() {
        let (mut patience, mut alarm) = (patience(1000), Alarm::default());
        let slow = tokio::time::sleep(Duration::from_secs(50));
        patience.next(slow, &mut alarm).await.unwrap();
        assert!(patience.begun());
        for pause in [1, 29, 29, 2] {
            let piece = tokio::time::sleep(Duration::from_secs(pause));
            patience.next(piece, &mut alarm).await.unwrap();
        }
        let start = Instant::now();
        let fault = patience
            .next(pending::<()>(), &mut alarm)
            .await
            .unwrap_err();
        let expected = Fault::Timeout {
            wait: Wait::NextToken,
            after: LIMITS.idle,
        };
        assert_eq!(
            (fault, start.elapsed()),
            (expected, Duration::from_secs(30))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_callers_deadline_is_kept_with_time_for_last_words() {
        let expected = (Wait::Deadline, Duration::from_millis(4_900));
        assert_eq!(waited(&patience(5)).await, expected);
    }
}
