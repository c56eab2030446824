//! A small service that does as it is told, and the two kinds of link to it.
//!
//! It is written by hand on tonic's server parts, so these tests need no proto and no code
//! generation; what a generated service does is the same.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_types::{MethodDescriptorProto, ServiceDescriptorProto};
use terrace_domain::{Failure, Reason};
use terrace_rpc::direct::Messages;
use terrace_rpc::{Link, ServerSettings, Services, Stack, deadline, server, status};
use terrace_runtime::{Kind, Shutdown, Tasks};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// What goes in and out: a command, or an answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

/// Another message: the same field, as a number.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Number {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
}

/// The same field, as bytes that need not be text.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Raw {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) raw: Vec<u8>,
}

/// What opens a stream without bytes: one type of message is one method's.
pub(crate) struct Asked(Text);

/// Something that a caller may put beside a request, and that no wire carries.
#[derive(Clone)]
pub(crate) struct Mark;

pub(crate) const SAY: &str = "/terrace.test.v1.ProbeService/Say";
pub(crate) const STREAM: &str = "/terrace.test.v1.ProbeService/Stream";
/// The largest message the probe takes.
pub(crate) const MAX_BYTES: usize = 10_000;

/// Counts the calls it answers.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<AtomicUsize>);

impl NamedService for Probe {
    const NAME: &'static str = "terrace.test.v1.ProbeService";
}

impl tower::Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Text, Text>::default())
                .apply_max_message_size_config(Some(MAX_BYTES), None);
            Ok(match request.uri().path() {
                SAY => grpc.unary(tower::service_fn(say), request).await,
                STREAM => {
                    grpc.server_streaming(tower::service_fn(drip), request)
                        .await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

async fn say(request: Request<Text>) -> Result<Response<Text>, Status> {
    let left = deadline::of(&request).remaining();
    let marked = request.extensions().get::<Mark>().is_some();
    let command = request.into_inner().text;
    let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
    let text = match verb {
        "echo" => rest.to_owned(),
        "left" => left.as_millis().to_string(),
        "wait" => {
            tokio::time::sleep(Duration::from_millis(rest.parse().unwrap())).await;
            "waited".to_owned()
        }
        "hang" => pending().await,
        "marked" => marked.to_string(),
        "panic" => panic!("{rest}"),
        "fail" => return Err(status::to_status(&failure(rest.parse().unwrap()))),
        "leak" => return Err(Status::internal("password=hunter2")),
        _ => return Err(status::to_status(&failure(Reason::InvalidRequest))),
    };
    Ok(Response::new(Text { text }))
}

type Drips = std::pin::Pin<Box<dyn Stream<Item = Result<Text, Status>> + Send>>;

async fn drip(request: Request<Text>) -> Result<Response<Drips>, Status> {
    let command = request.into_inner().text;
    let first = stream::iter([Ok(Text {
        text: "first".to_owned(),
    })]);
    let then: Drips = match command.as_str() {
        "hang" => stream::pending().boxed(),
        "panic" => stream::once(async {
            // tonic sends messages that are ready together in one piece: be late for the first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            panic!("while streaming")
        })
        .boxed(),
        "leak" => stream::iter([Err(Status::internal("password=hunter2"))]).boxed(),
        "span" => stream::once(async {
            tracing::info_span!(target: "terrace_test", "handler").in_scope(|| {});
            Ok(Text::default())
        })
        .boxed(),
        _ => stream::empty().boxed(),
    };
    Ok(Response::new(Box::pin(first.chain(then))))
}

/// The failure that the probe answers with, with every detail there is.
pub(crate) fn failure(reason: Reason) -> Failure {
    Failure::new(reason, "as you wished").retry_after(Duration::from_secs(7))
}

/// A descriptor of the probe, as protox would have written it.
fn descriptors() -> &'static [u8] {
    let method = |name: &str, server_streaming| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".google.rpc.Status".to_owned()),
        output_type: Some(".google.rpc.Status".to_owned()),
        server_streaming: Some(server_streaming),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("terrace/test/v1/probe.proto".to_owned()),
        package: Some("terrace.test.v1".to_owned()),
        service: vec![ServiceDescriptorProto {
            name: Some("ProbeService".to_owned()),
            method: vec![method("Say", false), method("Stream", true)],
            ..Default::default()
        }],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }
        .encode_to_vec()
        .leak()
}

pub(crate) fn stack(settings: &ServerSettings) -> Stack {
    counted_stack(settings).0
}

fn counted_stack(settings: &ServerSettings) -> (Stack, Arc<AtomicUsize>) {
    let probe = Probe::default();
    let served = Arc::clone(&probe.0);
    let (said, dripped) = (Arc::clone(&served), Arc::clone(&served));
    let services = Services::new(&[descriptors()])
        .with(probe)
        .direct(&SAY[1..], move |request| {
            said.fetch_add(1, Ordering::Relaxed);
            say(request)
        })
        .direct(&STREAM[1..], move |request: Request<Asked>| {
            dripped.fetch_add(1, Ordering::Relaxed);
            async {
                Ok(drip(request.map(|Asked(text)| text))
                    .await?
                    .map(StreamExt::boxed))
            }
        });
    (Stack::new("probe", settings, services).unwrap(), served)
}

/// A probe behind a socket, stopped when this drops.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) health: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) stack: Stack,
    served: Arc<AtomicUsize>,
    pub(crate) shutdown: Shutdown,
    pub(crate) tasks: Tasks,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

impl Running {
    pub(crate) fn link(&self) -> Link {
        Link::network("probe", &format!("http://{}", self.address)).unwrap()
    }

    /// How many calls it has been asked.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

pub(crate) async fn serve(settings: &ServerSettings) -> Running {
    let (stack, served) = counted_stack(settings);
    let mut running = serve_stack(stack, settings).await;
    running.served = served;
    running
}

pub(crate) async fn serve_stack(stack: Stack, settings: &ServerSettings) -> Running {
    let bound = server::bind(settings).await.unwrap();
    let shutdown = Shutdown::new();
    let running = Running {
        address: bound.address(),
        health: bound.health_address(),
        metrics: bound.metrics_address(),
        stack: stack.clone(),
        served: Arc::default(),
        tasks: Tasks::new(shutdown.clone()),
        shutdown: shutdown.clone(),
    };
    let served = async { bound.serve(stack, shutdown).await.unwrap() };
    running.tasks.spawn("server", Kind::Critical, served);
    running
}

/// A way to call the probe.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) link: Link,
    without_bytes: bool,
}

impl From<Link> for Way {
    fn from(link: Link) -> Self {
        Self {
            link,
            without_bytes: false,
        }
    }
}

/// The same probe in every way: over a socket, within the process, and there without bytes.
pub(crate) async fn every_way(settings: &ServerSettings) -> (Running, [Way; 3]) {
    let running = serve(settings).await;
    let within = || Link::in_process("probe", running.stack.clone());
    let without_bytes = Way {
        link: within(),
        without_bytes: true,
    };
    let ways = [running.link().into(), within().into(), without_bytes];
    (running, ways)
}

pub(crate) fn text(text: &str) -> Request<Text> {
    Request::new(Text {
        text: text.to_owned(),
    })
}

/// Calls the unary method with any message.
pub(crate) async fn call<M>(
    way: impl Into<Way>,
    path: &'static str,
    request: Request<M>,
) -> Result<Text, Status>
where
    M: Message + 'static,
{
    let Way {
        link,
        without_bytes,
    } = way.into();
    let mut client = tonic::client::Grpc::new(link.clone());
    let mut wire = async |request| {
        client.ready().await.unwrap();
        let codec = ProstCodec::<M, Text>::default();
        let path = PathAndQuery::from_static(path);
        client.unary(request, path, codec).await
    };
    let answer = match without_bytes {
        true => soon(link.unary(request, wire)).await,
        false => soon(wire(request)).await,
    };
    answer.map(Response::into_inner)
}

pub(crate) async fn say_text(
    way: &(impl Into<Way> + Clone),
    command: &str,
) -> Result<String, Status> {
    call(way.clone(), SAY, text(command)).await.map(|t| t.text)
}

pub(crate) async fn open(
    way: &(impl Into<Way> + Clone),
    request: Request<Text>,
) -> Result<Messages<Text>, Status> {
    let Way {
        link,
        without_bytes,
    } = way.clone().into();
    let mut client = tonic::client::Grpc::new(link.clone());
    let mut wire = async |request: Request<Asked>| {
        client.ready().await.unwrap();
        let codec = ProstCodec::<Text, Text>::default();
        let path = PathAndQuery::from_static(STREAM);
        let request = request.map(|Asked(text)| text);
        client.server_streaming(request, path, codec).await
    };
    let request = request.map(Asked);
    let answer = match without_bytes {
        true => soon(link.streaming(request, wire)).await,
        false => soon(wire(request))
            .await
            .map(|answer| answer.map(|messages| messages.boxed())),
    };
    answer.map(Response::into_inner)
}

/// The next message of a stream.
pub(crate) async fn next(stream: &mut Messages<Text>) -> Result<Option<Text>, Status> {
    soon(stream.next()).await.transpose()
}

/// Waits for what ought to happen soon, so that a test fails where it would hang.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, event).await.unwrap()
}
