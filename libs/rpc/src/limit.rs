//! At most so many calls at once, over all connections.
//!
//! HTTP/2 limits streams per connection and tonic's own limit is per connection too; this one is
//! for the server. Nothing queues: a call beyond the limit is refused at once and told when to
//! come back. A place is taken until the last message of a stream has left.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{Failure, Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body;
use crate::layer::{Middleware, Request, Response, is_infrastructure};

/// When a refused caller may come back. Clients add jitter of their own.
const COME_BACK: Duration = Duration::from_secs(1);

/// A place, which is free again when this is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// The places of one server.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    places: Arc<Semaphore>,
    service: &'static str,
}

impl Limit {
    pub(crate) fn new(service: &'static str, places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            service,
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// All are taken.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| {
            let text = format!(
                "the {} has too many calls at once: come back later",
                self.service
            );
            Failure::new(Reason::Overloaded, text).retry_after(COME_BACK)
        })
    }
}

impl Middleware for Limit {
    /// None for what has to be answered under overload too.
    type Ticket = Option<Place>;

    fn admit(&self, request: &mut Request) -> Result<Self::Ticket, Failure> {
        if is_infrastructure(request) {
            return Ok(None);
        }
        self.place().map(Some)
    }

    async fn follow(
        place: Self::Ticket,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        body::on_end(response.await, move |_| drop(place))
    }
}
