//! A collector of exported spans: OTLP over gRPC on a free port, kept in memory.
//!
//! Tests assert on what really left a process, names, parents and services, and not on what a
//! subscriber inside it saw. Traces only.

mod tree;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::host::Host;

/// One exported span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace, in lower-case hex.
    pub trace_id: String,
    /// Its own id, in lower-case hex.
    pub span_id: String,
    /// The span it was made under; `None` for a root.
    pub parent_id: Option<String>,
    /// Its name.
    pub name: String,
    /// `service.name` of the resource that exported it.
    pub service: String,
    /// Its kind, by the number of the protocol: 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// Its attributes; values that are no text are written as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether its status says error.
    pub is_error: bool,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_ns: u64,
}

/// A running collector; gone when dropped.
#[derive(Debug)]
pub struct Collector {
    host: Host,
    spans: watch::Receiver<Vec<Span>>,
    batches: watch::Receiver<Vec<ResourceSpans>>,
}

impl Collector {
    /// Starts a collector on a free port of the loopback address.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a test without its collector cannot run"
    )]
    pub fn start() -> Self {
        let (sender, spans) = watch::channel(Vec::new());
        let (whole, batches) = watch::channel(Vec::new());
        let service = TraceServiceServer::new(Intake {
            spans: sender,
            batches: whole,
        });
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let host = Host::start(listen, |listener| async move {
            let server = tonic::transport::Server::builder().add_service(service);
            drop(
                server
                    .serve_with_incoming(TcpListenerStream::new(listener))
                    .await,
            );
        })
        .expect("a port of the loopback address");
        Self {
            host,
            spans,
            batches,
        }
    }

    /// All that has come, as it came, as a request of OTLP over HTTP: events, links and states too.
    ///
    /// # Panics
    /// Never: what came as protobuf can be written as JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "it has no key that is no text")]
    pub fn json(&self) -> String {
        let resource_spans = self.batches.borrow().clone();
        let request = ExportTraceServiceRequest { resource_spans };
        serde_json::to_string(&request).expect("OTLP as JSON")
    }

    /// Address for an exporter, as `http://127.0.0.1:40001`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.host.addr())
    }

    /// All spans so far, in the order of their arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// The spans of one trace, by its id in lower-case hex.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans
    }

    /// Waits until the spans satisfy `holds` and returns them all; after `timeout` it returns what
    /// there is, for the assertion that follows to show.
    pub async fn wait_for(&self, holds: impl Fn(&[Span]) -> bool, timeout: Duration) -> Vec<Span> {
        let mut spans = self.spans.clone();
        let wanted = spans.wait_for(|spans| holds(spans));
        drop(tokio::time::timeout(timeout, wanted).await);
        self.spans()
    }

    /// The spans of a trace as an indented tree, a line each: `service: name`.
    ///
    /// Children stand under their parents in the order in which they began. A span whose parent
    /// was not exported stands at the top, marked `(orphan)`.
    #[must_use]
    pub fn tree(&self, trace_id: &str) -> String {
        tree(&self.trace(trace_id))
    }
}

/// Spans as an indented tree, as [`Collector::tree`] has it.
#[must_use]
pub fn tree(spans: &[Span]) -> String {
    tree::render(spans)
}

/// The receiving side.
#[derive(Debug)]
struct Intake {
    spans: watch::Sender<Vec<Span>>,
    batches: watch::Sender<Vec<ResourceSpans>>,
}

#[tonic::async_trait]
impl TraceService for Intake {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let batch = request.into_inner().resource_spans;
        self.batches
            .send_modify(|all| all.extend(batch.iter().cloned()));
        let arrived = batch.into_iter().flat_map(read).collect::<Vec<_>>();
        self.spans.send_modify(|spans| spans.extend(arrived));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The spans of one exporting resource.
fn read(batch: ResourceSpans) -> Vec<Span> {
    let resource = batch.resource.map(|resource| texts(resource.attributes));
    let service = resource
        .and_then(|mut attributes| attributes.remove("service.name"))
        .unwrap_or_default();
    let spans = batch.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans
        .map(|span| Span {
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_id: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
            name: span.name,
            service: service.clone(),
            kind: span.kind,
            attributes: texts(span.attributes),
            is_error: span.status.is_some_and(|status| status.code == 2),
            start_ns: span.start_time_unix_nano,
            end_ns: span.end_time_unix_nano,
        })
        .collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .filter_map(|pair| Some((pair.key, text(pair.value?)?)))
        .collect()
}

fn text(value: AnyValue) -> Option<String> {
    Some(match value.value? {
        any_value::Value::StringValue(text) => text,
        any_value::Value::BoolValue(value) => value.to_string(),
        any_value::Value::IntValue(value) => value.to_string(),
        any_value::Value::DoubleValue(value) => value.to_string(),
        any_value::Value::ArrayValue(list) => {
            let texts = list.values.into_iter().filter_map(text);
            texts.collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
