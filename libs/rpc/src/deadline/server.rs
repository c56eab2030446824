//! The server's side: reads the header, caps it, and ends the call when the time is over.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use terrace_domain::{Failure, Reason};

use crate::body;
use crate::deadline::{Deadline, Timed, TooLate, header};
use crate::layer::{Middleware, Request, Response, is_infrastructure, method, respond};

/// Gives every request a [`Deadline`] and keeps to it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// For requests that came without one.
    pub(crate) default: Duration,
    /// For requests that ask for more.
    pub(crate) max: Duration,
}

impl Server {
    /// Until when a call of `method` is answered that asks for `asked`.
    ///
    /// # Errors
    /// It is over.
    pub(crate) fn until(
        &self,
        asked: Option<Duration>,
        method: &'static str,
    ) -> Result<Ticket, Failure> {
        let allowed = self.allowed(asked, method);
        Ticket::within(allowed, allowed, method.into())
    }

    /// How long a call of `method` may take that asks for `asked`.
    fn allowed(&self, asked: Option<Duration>, method: &str) -> Duration {
        let (default, max) = match LONG_METHODS.contains(&method) {
            true => (LONG, LONG),
            false => (self.default, self.max),
        };
        asked.map_or(default, |asked| asked.min(max))
    }
}

/// The deadline of a call and what to say when it passes.
pub(crate) type Ticket = Timed<Late>;

/// What to say when the deadline has passed.
pub(crate) struct Late {
    method: Cow<'static, str>,
}

impl Ticket {
    fn within(
        time: Duration,
        allowed: Duration,
        method: Cow<'static, str>,
    ) -> Result<Self, Failure> {
        let late = Late { method };
        match allowed.is_zero() {
            true => Err(late.failure()),
            false => Ok(Self {
                deadline: Deadline::within(time),
                late,
            }),
        }
    }
}

impl Middleware for Server {
    /// None for a watch that may stay open for good.
    type Ticket = Option<Ticket>;

    fn admit(&self, request: &mut Request) -> Result<Option<Ticket>, Failure> {
        let asked = header::parse(request.headers())?;
        if asked.is_none() && is_infrastructure(request) {
            return Ok(None);
        }
        let allowed = self.allowed(asked, method(request));
        let method = method(request).to_owned().into();
        let ticket = Ticket::within(ahead_of_tonic(allowed), allowed, method)?;
        request.extensions_mut().insert(ticket.deadline);
        Ok(Some(ticket))
    }

    async fn follow(
        ticket: Option<Ticket>,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let Some(ticket) = ticket else {
            return response.await;
        };
        match tokio::time::timeout_at(ticket.deadline.instant(), response).await {
            Err(_) => respond(&ticket.late.failure()),
            Ok(response) => body::end_when(response, ticket),
        }
    }
}

impl TooLate for Late {
    fn failure(&self) -> Failure {
        let text = format!(
            "the deadline passed before {} was done: allow more time",
            self.method
        );
        Failure::new(Reason::DeadlineExceeded, text)
    }
}

/// Calls that take as long as their work does, and end when their caller leaves: fetching a model
/// of many gigabytes, answering a file of many requests, watching what is being answered.
const LONG_METHODS: [&str; 4] = [
    "terrace.gateway.v1.GatewayService/PullModel",
    "terrace.router.v1.RouterService/PullModel",
    "terrace.router.v1.RouterService/RouteBatch",
    "terrace.router.v1.RouterService/WatchRequests",
];

/// How long such a call may take.
const LONG: Duration = Duration::from_hours(7 * 24);

/// tonic's timer on the connection outside of this layer starts a moment later with the same
/// time. A tenth, at most 5 ms, makes sure that ours is first also when timers fire in bunches.
fn ahead_of_tonic(allowed: Duration) -> Duration {
    allowed - (allowed / 10).min(Duration::from_millis(5))
}
