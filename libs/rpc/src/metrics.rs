//! Counts and times every call, at the callee and at the caller.
//!
//! `rpc.server.call.duration` and `rpc.client.call.duration` hold calls by method and code (their
//! count is the number of calls), `terrace.rpc.*.in_flight` what has begun and not ended; both
//! are recorded when the status has arrived, for a stream at its end. A caller can ask for any
//! method, so one that this server does not have is counted as `_OTHER`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use terrace_domain::Failure;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{BoundGauge, BoundHistogram, Gauges, Histograms, RPC_SECONDS};
use tokio::time::Instant;
use tonic::Code;

use crate::body;
use crate::layer::{Middleware, Request, Response, method};

/// How a method that is not known is counted.
const OTHER: &str = "_OTHER";

/// What one side of calls is counted by.
struct Side {
    duration: Histograms<3>,
    in_flight: Gauges<1>,
}

static SERVER: LazyLock<Side> = LazyLock::new(|| Side {
    duration: durations(
        "rpc.server.call.duration",
        "Time from a call's arrival to the end of its answer.",
        fields::SERVICE,
    ),
    in_flight: Gauges::new(
        "terrace.rpc.server.in_flight",
        "Calls being answered.",
        [fields::SERVICE],
    ),
});

static CLIENT: LazyLock<Side> = LazyLock::new(|| Side {
    duration: durations(
        "rpc.client.call.duration",
        "Time from a call's start to the end of its answer.",
        fields::PEER,
    ),
    in_flight: Gauges::new(
        "terrace.rpc.client.in_flight",
        "Calls waiting for an answer.",
        [fields::PEER],
    ),
});

fn durations(name: &str, about: &str, whose: &str) -> Histograms<3> {
    let labels = [whose, fields::RPC_METHOD, fields::RPC_RESPONSE_STATUS_CODE];
    Histograms::seconds(name, about, labels, &RPC_SECONDS)
}

/// The instruments of one server or one link.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    duration: Histograms<3>,
    in_flight: BoundGauge,
    /// Whose calls these are.
    whose: &'static str,
    /// The methods that may become labels; none where the caller is one of us.
    methods: Option<BTreeSet<String>>,
    /// Nearly all calls end well: where those are recorded, by method.
    ended_well: RwLock<HashMap<Cow<'static, str>, BoundHistogram>>,
}

impl Metrics {
    /// Counts the calls that `service` answers.
    pub(crate) fn server(service: &'static str, methods: BTreeSet<String>) -> Self {
        Self::of(&SERVER, service, Some(methods))
    }

    /// Counts the calls that go to `peer`.
    pub(crate) fn client(peer: &'static str) -> Self {
        Self::of(&CLIENT, peer, None)
    }

    fn of(side: &Side, whose: &'static str, methods: Option<BTreeSet<String>>) -> Self {
        Self(Arc::new(Instruments {
            duration: side.duration.clone(),
            in_flight: side.in_flight.of([whose]),
            whose,
            methods,
            ended_well: RwLock::default(),
        }))
    }

    /// Begins to count and to time a call of a method that is known.
    pub(crate) fn begin(&self, method: impl Into<Cow<'static, str>>) -> Call {
        self.0.in_flight.inc();
        Call {
            instruments: Arc::clone(&self.0),
            method: method.into(),
            began: Instant::now(),
            code: Code::Cancelled,
        }
    }
}

impl Instruments {
    fn record(&self, method: &str, code: Code, seconds: f64) {
        let labels = [self.whose, method, code_name(code)];
        if code != Code::Ok {
            return self.duration.record(seconds, labels);
        }
        let known = self.ended_well.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = known.get(method) {
            return histogram.observe(seconds);
        }
        drop(known);
        let histogram = self.duration.of(labels);
        histogram.observe(seconds);
        let known = self.ended_well.write();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .insert(method.to_owned().into(), histogram);
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
    method: Cow<'static, str>,
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
        let seconds = self.began.elapsed().as_secs_f64();
        self.instruments.record(&self.method, self.code, seconds);
        self.instruments.in_flight.dec();
    }
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
