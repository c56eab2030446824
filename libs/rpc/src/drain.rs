//! Knows what is in flight, and can end it.
//!
//! A server that stops lets calls finish, but not for ever. When patience is over, every call
//! that is left, streams included, is ended with UNAVAILABLE and the reason `SHUTTING_DOWN`, so
//! that its caller can go elsewhere instead of seeing a broken connection.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use terrace_domain::{Failure, Reason};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::body::{self, Knife};
use crate::layer::{Middleware, Request, Response, respond};
use crate::status::to_status;

/// The calls in flight of one server. Clones are the same calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain {
    in_flight: Arc<watch::Sender<usize>>,
    over: CancellationToken,
}

impl Drain {
    /// How many calls are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Waits until none is.
    pub(crate) async fn idle(&self) {
        // The sender lives in `self`, so the only error there is (it was dropped) cannot happen.
        let _ = self.in_flight.subscribe().wait_for(|n| *n == 0).await;
    }

    /// Lets one more in.
    ///
    /// # Errors
    /// The server is stopping.
    pub(crate) fn enter(&self) -> Result<Call, Failure> {
        if self.over.is_cancelled() {
            return Err(shutting_down());
        }
        self.in_flight.send_modify(|n| *n += 1);
        Ok(Call {
            in_flight: Arc::clone(&self.in_flight),
            over: Over(self.over.clone()),
        })
    }

    /// Ends all that are, and refuses all that come.
    pub(crate) fn end_all(&self) {
        self.over.cancel();
    }
}

/// One call in flight.
pub(crate) struct Call {
    in_flight: Arc<watch::Sender<usize>>,
    pub(crate) over: Over,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.in_flight.send_modify(|n| *n -= 1);
    }
}

impl Middleware for Drain {
    type Ticket = Call;

    fn admit(&self, _request: &mut Request) -> Result<Call, Failure> {
        self.enter()
    }

    async fn follow(
        call: Call,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let over = call.over.clone();
        let response = tokio::select! {
            response = response => response,
            () = over.came() => respond(&shutting_down()),
        };
        let response = body::end_when(response, over);
        body::on_end(response, move |_| drop(call))
    }
}

/// The end of all that are in flight.
#[derive(Debug, Clone)]
pub(crate) struct Over(CancellationToken);

impl Over {
    /// Waits for it.
    pub(crate) async fn came(&self) {
        self.0.cancelled().await;
    }
}

impl Knife for Over {
    fn is_due(&self) -> bool {
        self.0.is_cancelled()
    }

    fn due(&self) -> BoxFuture<'static, ()> {
        self.0.clone().cancelled_owned().boxed()
    }

    fn status(&self) -> Status {
        to_status(&shutting_down())
    }
}

fn shutting_down() -> Failure {
    Failure::new(
        Reason::ShuttingDown,
        "the server is stopping: call again, another one or this one will answer",
    )
}
