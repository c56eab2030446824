//! Counts and times every call, at the callee and at the caller.
//!
//! `rpc.server.call.duration` and `rpc.client.call.duration` hold calls by method and code (their
//! count is the number of calls), `terrace.rpc.*.in_flight` what has begun and not ended; both
//! are recorded when the status has arrived, for a stream at its end. A caller can ask for any
//! method, so one that this server does not have is counted as `_OTHER`.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use opentelemetry::metrics::{Histogram, UpDownCounter};
use opentelemetry::{KeyValue, StringValue};
use terrace_domain::Failure;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{RPC_SECONDS, meter, seconds};
use tokio::time::Instant;
use tonic::Code;

use crate::body;
use crate::layer::{Middleware, Request, Response, method};

/// How a method that is not known is counted.
const OTHER: &str = "_OTHER";

/// The instruments of one server or one link.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
    /// Whose calls these are.
    whose: [KeyValue; 1],
    /// The methods that may become labels; none where the caller is one of us.
    methods: Option<BTreeSet<String>>,
}

impl Metrics {
    /// Counts the calls that `service` answers.
    pub(crate) fn server(service: &'static str, methods: BTreeSet<String>) -> Self {
        let about = "Time from a call's arrival to the end of its answer.";
        Self(Arc::new(Instruments {
            duration: seconds("rpc.server.call.duration", about, &RPC_SECONDS),
            in_flight: gauge("terrace.rpc.server.in_flight", "Calls being answered."),
            whose: [KeyValue::new(fields::SERVICE, service)],
            methods: Some(methods),
        }))
    }

    /// Counts the calls that go to `peer`.
    pub(crate) fn client(peer: &'static str) -> Self {
        let about = "Time from a call's start to the end of its answer.";
        Self(Arc::new(Instruments {
            duration: seconds("rpc.client.call.duration", about, &RPC_SECONDS),
            in_flight: gauge(
                "terrace.rpc.client.in_flight",
                "Calls waiting for an answer.",
            ),
            whose: [KeyValue::new(fields::PEER, peer)],
            methods: None,
        }))
    }
}

impl Metrics {
    /// Begins to count and to time a call of a method that is known.
    pub(crate) fn begin(&self, method: impl Into<StringValue>) -> Call {
        self.0.in_flight.add(1, &self.0.whose);
        Call {
            instruments: Arc::clone(&self.0),
            method: KeyValue::new(fields::RPC_METHOD, method.into()),
            began: Instant::now(),
            code: Code::Cancelled,
        }
    }
}

impl Middleware for Metrics {
    type Ticket = Call;

    fn admit(&self, request: &mut Request) -> Result<Call, Failure> {
        let method = method(request);
        let known = self.0.methods.as_ref();
        let is_known = known.is_none_or(|methods| methods.contains(method));
        Ok(match is_known {
            true => self.begin(method.to_owned()),
            false => self.begin(OTHER),
        })
    }

    async fn follow(
        call: Call,
        response: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        body::on_end(response.await, move |code| call.end(code))
    }
}

/// A call that is recorded when it is dropped, as CANCELLED unless its status came first.
pub(crate) struct Call {
    instruments: Arc<Instruments>,
    method: KeyValue,
    began: Instant,
    code: Code,
}

impl Call {
    /// Ends with `code`.
    pub(crate) fn end(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let [whose] = self.instruments.whose.clone();
        let labels = [
            whose,
            self.method.clone(),
            KeyValue::new(fields::RPC_RESPONSE_STATUS_CODE, code_name(self.code)),
        ];
        let seconds = self.began.elapsed().as_secs_f64();
        self.instruments.duration.record(seconds, &labels);
        self.instruments.in_flight.add(-1, &self.instruments.whose);
    }
}

fn gauge(name: &'static str, about: &'static str) -> UpDownCounter<i64> {
    meter()
        .i64_up_down_counter(name)
        .with_description(about)
        .build()
}

/// The name of a code as the gRPC specification spells it.
pub(crate) const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
