//! Statuses that tonic makes by itself, told in our words.
//!
//! Metadata that is no text is refused here too, before anything reads it.
//!
//! tonic answers INTERNAL to bytes that are no valid message, `OUT_OF_RANGE` to a message over the
//! size limit, and a bare UNIMPLEMENTED to an unknown method: the first two are the caller's
//! mistake and none says so in a way a program can read. A handler's own status always has our
//! `ErrorInfo`; one that has not is either tonic's or a defect, whose text is for the log.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use terrace_domain::{Failure, FieldViolation, Reason, Violations};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::body;
use crate::layer::{Middleware, Request, Response, is_infrastructure, method};
use crate::status::{adopt, own_reason, reason, to_status};

/// How tonic's statuses about a request begin, and what was wrong with it. Texts are all there is
/// to tell them by, so a test over a socket holds tonic to them.
const UNREADABLE: &[(&str, &str)] = &[
    (
        "failed to decode Protobuf message",
        "is no valid message of its type",
    ),
    ("Missing request message", "is missing"),
    ("Unexpected EOF decoding stream", "ends in the middle"),
    (
        "protocol error: received message with",
        "is not framed as gRPC frames messages",
    ),
    (
        "Error decompressing: size limit",
        "is larger than this server takes",
    ),
    ("Error decompressing", "cannot be decompressed"),
    (
        "Error, decoded message length too large",
        "is larger than this server takes",
    ),
];

/// How tonic's status begins when the connection broke before the whole message had come, as it does
/// when a caller is killed.
const CALLER_GONE: &str = "h2 protocol error: error reading a body from connection";

/// Gives every status the form of ours.
#[derive(Debug, Clone)]
pub(crate) struct Reject;

impl Middleware for Reject {
    /// The method, for texts; none for health and reflection, which answer as their contract says.
    type Ticket = Option<String>;

    fn admit(&self, request: &mut Request) -> Result<Self::Ticket, Failure> {
        let mut noted = Violations::new();
        for (name, value) in request.headers() {
            // Binary metadata is base64 on the wire: its text is plain, too.
            if value.to_str().is_err() {
                noted.add(
                    format!("metadata.{name}"),
                    "must be plain text: send bytes under a name that ends in -bin",
                );
            }
        }
        noted.finish()?;
        Ok((!is_infrastructure(request)).then(|| method(request).to_owned()))
    }

    async fn follow(
        method: Self::Ticket,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let response = response.await;
        let Some(method) = method else {
            return response;
        };
        match body::code_of(response.headers()) {
            Some(Code::Ok) => response,
            Some(_) => match Status::from_header_map(response.headers()) {
                Some(status) if own_reason(&status).is_none() => {
                    from_request(&status, &method).into_http()
                }
                _ => response,
            },
            None => response.map(|inner| Body::new(Told { inner, method })),
        }
    }
}

/// The status instead of one that ended a call before its first message.
fn from_request(status: &Status, method: &str) -> Status {
    let unreadable = UNREADABLE
        .iter()
        .find(|(begin, _)| status.message().starts_with(begin));
    if let Some((_, what)) = unreadable {
        return to_status(&Failure::invalid(vec![FieldViolation {
            field: "(message)".to_owned(),
            description: format!("{what}: see the contract of {method}"),
        }]));
    }
    if status.message().starts_with(CALLER_GONE) {
        // Nobody is there to read it; logs and metrics are to know that no defect was met.
        let text = "the connection to the caller broke before its message had come";
        return to_status(&Failure::new(Reason::Cancelled, text));
    }
    if status.code() == Code::Unimplemented && status.message().is_empty() {
        let text = format!("there is no method {method} on this server");
        return to_status(&Failure::new(Reason::NotImplemented, text));
    }
    from_handler(status)
}

/// A handler's status, in the form of ours.
pub(crate) fn in_our_words(status: Status) -> Status {
    match own_reason(&status) {
        Some(_) => status,
        None => from_handler(&status),
    }
}

/// The status instead of one that a handler, or tonic while it encoded, made without a reason.
fn from_handler(status: &Status) -> Status {
    if matches!(
        status.code(),
        Code::Internal | Code::Unknown | Code::OutOfRange
    ) {
        tracing::error!(
            rpc.message = status.message(),
            "answered with a status of unknown origin"
        );
        let text = "this call met a defect of Terrace: the server's log says more";
        return to_status(&Failure::new(Reason::Internal, text));
    }
    adopt(status, reason(status))
}

/// A body whose trailers are told in our words.
struct Told {
    inner: Body,
    method: String,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = &polled else {
            return polled;
        };
        let failed = frame
            .trailers_ref()
            .and_then(Status::from_header_map)
            .filter(|status| status.code() != Code::Ok && own_reason(status).is_none());
        match failed {
            None => polled,
            Some(status) => {
                let told = from_handler(&status);
                tracing::debug!(rpc.method = self.method, "stream ended without a reason");
                Poll::Ready(Some(Ok(Frame::trailers(body::trailers(&told)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
