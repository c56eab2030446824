//! The client's side: tells the callee how long it has, and stops waiting when time is over.

use std::future::Future;

use terrace_domain::{Failure, Reason};
use tonic::Status;

use crate::body;
use crate::deadline::{Deadline, Timed, TooLate, header, passed_on};
use crate::layer::{Middleware, Request, Response, respond};
use crate::status::{TONIC_TIMEOUT, reason};

/// Keeps to the deadline that [`crate::deadline::request_within`] gave a request, or to a plain
/// `grpc-timeout`; a request with neither waits for as long as its callee works.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) peer: &'static str,
}

/// What to say when the deadline has passed.
pub(crate) struct Late {
    peer: &'static str,
}

impl Middleware for Client {
    type Ticket = Option<Timed<Late>>;

    fn admit(&self, request: &mut Request) -> Result<Self::Ticket, Failure> {
        let told = header::parse(request.headers())?;
        let own = request.extensions().get::<Deadline>().copied();
        if let (Some(own), None) = (own, told) {
            header::write(passed_on(own.remaining()), request.headers_mut());
        }
        let late = Late { peer: self.peer };
        match own.or_else(|| told.map(Deadline::within)) {
            None => Ok(None),
            Some(deadline) if deadline.has_passed() => Err(late.failure()),
            Some(deadline) => Ok(Some(Timed { deadline, late })),
        }
    }

    async fn follow(
        ticket: Self::Ticket,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let Some(Timed { deadline, late }) = ticket else {
            return response.await;
        };
        match tokio::time::timeout_at(deadline.instant(), response).await {
            Err(_) => respond(&late.failure()),
            Ok(response) if is_timer_of_tonic(&response) => respond(&late.failure()),
            Ok(response) => body::end_when(response, Timed { deadline, late }),
        }
    }
}

impl TooLate for Late {
    fn failure(&self) -> Failure {
        let text = format!(
            "the {} did not answer before the deadline: allow more time",
            self.peer
        );
        Failure::new(Reason::DeadlineExceeded, text)
    }
}

/// Whether a server without our layers let tonic's timer answer for it.
fn is_timer_of_tonic(response: &Response) -> bool {
    body::code_of(response.headers()) == Some(tonic::Code::Cancelled)
        && Status::from_header_map(response.headers()).is_some_and(|status| {
            status.message() == TONIC_TIMEOUT && reason(&status) == Reason::DeadlineExceeded
        })
}
