//! Until when an answer is wanted: read, capped, kept, passed on, enforced.
//!
//! A caller's `grpc-timeout` becomes a [`Deadline`] in the request's extensions. It holds for the
//! whole call, streams included, ends it with `DEADLINE_EXCEEDED`, and is passed on with a little
//! taken off, so that the callee is the one to say what it was doing when time ran out.
//! tonic's own timer reads the same header, answers CANCELLED and stops looking at the first
//! byte of a response: the layers here fire before it does.

pub(crate) mod client;
pub(crate) mod header;
pub(crate) mod server;

use std::future::Future;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use terrace_domain::{Failure, Reason};
use tokio::time::Instant;
use tonic::Status;

use crate::body::Knife;
use crate::status::to_status;

/// How long a call without any deadline may take, where no server layer has set one.
const UNSET: Duration = Duration::from_secs(120);

/// As good as never; `Instant` cannot count much further on every platform.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A point in time after which nobody wants the answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that passes after `time`.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self(Instant::now() + time.min(NEVER))
    }

    /// The deadline at `instant`.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The point in time.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// The time that is left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The one of the two that passes first.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// Waits until it has passed.
    pub async fn passed(self) {
        tokio::time::sleep_until(self.0).await;
    }

    /// Waits for `work`, but not beyond the deadline; then `work` is dropped.
    ///
    /// # Errors
    /// [`Reason::DeadlineExceeded`]; `doing` completes the sentence "the deadline passed while …".
    pub async fn limit<T>(self, doing: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout_at(self.0, work).await.map_err(|_| {
            Failure::new(
                Reason::DeadlineExceeded,
                format!("the deadline passed while {doing}: allow more time"),
            )
        })
    }
}

/// What one side says when a deadline has passed.
pub(crate) trait TooLate: Send + Unpin + 'static {
    fn failure(&self) -> Failure;
}

/// A deadline, and what is said when it has passed.
pub(crate) struct Timed<L> {
    pub(crate) deadline: Deadline,
    pub(crate) late: L,
}

impl<L: TooLate> Knife for Timed<L> {
    fn is_due(&self) -> bool {
        self.deadline.has_passed()
    }

    fn due(&self) -> BoxFuture<'static, ()> {
        self.deadline.passed().boxed()
    }

    fn status(&self) -> Status {
        to_status(&self.late.failure())
    }
}

/// The deadline of a request that came in.
///
/// The server layer has set one on every request; a request that came without the layer (a
/// handler called by a unit test) gets two minutes.
#[must_use]
pub fn of<T>(request: &tonic::Request<T>) -> Deadline {
    request
        .extensions()
        .get::<Deadline>()
        .copied()
        .unwrap_or_else(|| Deadline::within(UNSET))
}

/// Makes a request for a link whose answer is wanted before `deadline`.
///
/// The link keeps to it, and tells the callee a little less than what is left, so that the callee's
/// own answer arrives in time.
#[must_use]
pub fn request_within<T>(message: T, deadline: Deadline) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(deadline);
    request
}

/// What a callee is told when `remaining` is left here: a twentieth less, at most 50 ms.
pub(crate) fn passed_on(remaining: Duration) -> Duration {
    remaining - (remaining / 20).min(Duration::from_millis(50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test(start_paused = true)]
    async fn a_callee_is_told_less_than_what_is_left() {
        let request = request_within((), Deadline::within(Duration::from_secs(10)));
        assert_eq!(of(&request).remaining(), Duration::from_secs(10));
        assert_eq!(
            passed_on(of(&request).remaining()),
            Duration::from_millis(9_950)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_passed_deadline_has_nothing_left_and_still_makes_a_request() {
        let deadline = Deadline::within(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(deadline.has_passed());
        let request = request_within((), deadline);
        assert_eq!(passed_on(of(&request).remaining()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_limited_to_the_deadline() {
        let deadline = Deadline::within(Duration::from_secs(1));
        let failure = deadline
            .limit("waiting", pending::<()>())
            .await
            .unwrap_err();
        assert_eq!(failure.reason, Reason::DeadlineExceeded);
        assert!(deadline.has_passed());
    }

    #[test]
    fn the_longest_time_there_is_does_not_overflow() {
        assert!(Deadline::within(Duration::MAX).remaining() > Duration::from_secs(3600));
    }
}
