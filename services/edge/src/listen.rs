//! The socket, from bind to the last byte, against clients that mean no good.
//!
//! A connection has to say something soon (a first head within seconds, each further one within
//! half a minute), there are only so many at once, and heads have a largest size. Stopping takes
//! bounded steps: health says so, the listener closes, requests in flight finish, what is left is
//! dropped.

mod shared;

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use futures::StreamExt as _;
use futures::future::ready;
use terrace_rpc::tls::{self, Protocols, Stream};
use terrace_runtime::{Grace, Lanes, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

use crate::app::App;
use crate::config::Settings;

/// A peer that vanished without a word is noticed.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// How long a new connection may take for its first bytes.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(10);
/// How many those are: what tells HTTP/1 from HTTP/2.
const FIRST_BYTES: usize = 24;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// The largest head of a request, in bytes.
const MAX_HEAD: u32 = 64 * 1024;

/// Hands of TLS that may be being shaken at once.
const SHAKING: usize = 256;

/// Why the edge does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Others than this machine could read what is said there.
    #[error(
        "refusing to listen on {0} in plain HTTP: set edge.cert_file and edge.key_file, or \
         edge.allow_plaintext where something in front of it has TLS"
    )]
    Plaintext(SocketAddr),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// A listener that stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("the edge stopped listening: {0}")]
pub struct ServeError(#[from] tonic::transport::Error);

/// Open sockets that nobody answers on yet.
#[derive(Debug)]
pub struct Bound {
    requests: Socket,
    metrics: Option<Socket>,
    tls: Option<Arc<tls::Server>>,
}

struct Socket {
    listener: TcpListener,
    address: SocketAddr,
}

/// Opens the sockets that `settings` name.
///
/// # Errors
/// One of the addresses is taken or not ours, plain HTTP is not allowed there, or the certificate
/// cannot be used.
pub async fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let open = !settings.listen.ip().is_loopback();
    if open && settings.certificate.is_none() && !settings.allow_plaintext {
        return Err(BindError::Plaintext(settings.listen));
    }
    let tls = settings.certificate.clone().map(|(cert, key)| {
        let cert = tls::File::new("edge.cert_file", cert);
        let key = tls::File::new("edge.key_file", key);
        let interval = settings.reload_interval;
        tls::Server::open((cert, key), None, interval, Protocols::AnyHttp).map(Arc::new)
    });
    let metrics = match settings.metrics_listen {
        Some(address) => Some(Socket::open(address).await?),
        None => None,
    };
    Ok(Bound {
        requests: Socket::open(settings.listen).await?,
        metrics,
        tls: tls.transpose()?,
    })
}

impl Bound {
    /// Where requests are answered.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.requests.address
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.requests.address)
    }

    /// Where the metrics are, if they have a place of their own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|socket| socket.address)
    }

    /// Answers requests until `shutdown`, and then for at most `grace`.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn serve(
        self,
        app: App,
        shutdown: &Shutdown,
        grace: Grace,
    ) -> Result<(), ServeError> {
        self.serve_in(None, app, shutdown, grace).await
    }

    /// The same, with each connection in one of these lanes, if there are any.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn serve_in(
        self,
        lanes: Option<&Lanes>,
        app: App,
        shutdown: &Shutdown,
        grace: Grace,
    ) -> Result<(), ServeError> {
        tracing::info!(terrace.service = "edge", address = %self.requests.address, "listening");
        let closing = CancellationToken::new();
        let places = Arc::new(Semaphore::new(
            app.max_connections.min(Semaphore::MAX_PERMITS),
        ));
        let answering = Answering {
            routes: app.routes,
            tls: self.tls,
            closing: closing.clone(),
        };
        let placed = self.requests.placed(places);
        let requests = async {
            match lanes {
                Some(lanes) => shared::out(lanes, placed, &answering).await,
                None => answering.to(placed).await,
            }
        };
        tokio::select! {
            ended = requests => ended?,
            () = serve_metrics(self.metrics, app.metrics) => {}
            () = stop(shutdown, &closing, grace) => {}
        }
        tracing::info!(terrace.service = "edge", "stopped");
        Ok(())
    }
}

/// What connections are answered with.
#[derive(Clone)]
struct Answering {
    routes: Router,
    tls: Option<Arc<tls::Server>>,
    closing: CancellationToken,
}

impl Answering {
    /// Answers on these connections until it is time to close, and then until they end.
    async fn to(
        &self,
        placed: impl futures::Stream<Item = io::Result<Placed>>,
    ) -> Result<(), tonic::transport::Error> {
        let Self {
            routes,
            tls,
            closing,
        } = self.clone();
        let shaken = placed.map(move |placed| shake(placed, tls.clone()));
        let connections = shaken.buffer_unordered(SHAKING).filter_map(ready);
        let closing = closing.cancelled_owned();
        let server = builder();
        server
            .serve_with_incoming_shutdown(routes, connections, closing)
            .await
    }
}

/// The steps of stopping; returns when patience is over.
async fn stop(shutdown: &Shutdown, closing: &CancellationToken, grace: Grace) {
    shutdown.requested().await;
    tracing::info!(terrace.service = "edge", "draining");
    sleep(grace.notice).await;
    closing.cancel();
    sleep(grace.finish.saturating_add(grace.cut)).await;
    tracing::warn!(
        terrace.service = "edge",
        "dropping requests that did not finish in time"
    );
}

fn builder() -> Server {
    Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_PATIENCE))
}

async fn serve_metrics(socket: Option<Socket>, routes: Router) {
    if let Some(socket) = socket
        && let Err(error) = axum::serve(socket.listener, routes).await
    {
        tracing::error!(%error, "metrics are not served any more");
    }
    pending::<()>().await;
}

impl Socket {
    async fn open(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source| BindError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The connections that find a place; others are closed at once. Small packets are sent at
    /// once, or each event of a stream would wait.
    fn placed(self, places: Arc<Semaphore>) -> impl futures::Stream<Item = io::Result<Placed>> {
        let accepted = TcpIncoming::from(self.listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(PING_EVERY));
        accepted.filter_map(move |stream| {
            let placed = match stream {
                Err(error) => Some(Err(error)),
                Ok(stream) => {
                    let place = Arc::clone(&places).try_acquire_owned().ok();
                    place.map(|place| Ok((stream, Place::new(place))))
                }
            };
            ready(placed)
        })
    }
}

/// A new connection, and its place among those that may be open.
type Placed = (TcpStream, Place);

/// A connection's place, given back when it ends.
struct Place {
    _open: OwnedSemaphorePermit,
    /// In its lane, if it has one.
    lane: Option<shared::Open>,
}

impl Place {
    const fn new(open: OwnedSemaphorePermit) -> Self {
        Self {
            _open: open,
            lane: None,
        }
    }
}

/// A connection once hands are shaken, where that is wanted; none where they are not.
async fn shake(
    placed: io::Result<Placed>,
    tls: Option<Arc<tls::Server>>,
) -> Option<io::Result<Connection>> {
    let (stream, place) = match placed {
        Ok(placed) => placed,
        Err(error) => return Some(Err(error)),
    };
    let stream = match tls {
        None => Stream::plain(stream),
        Some(tls) => tls.accept(stream).await?,
    };
    Some(Ok(Connection::new(stream, place)))
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// A connection that has to say something soon.
struct Connection {
    stream: Stream,
    _place: Place,
    /// Ends the connection unless its first bytes come before; none once they have.
    silence: Option<Pin<Box<Sleep>>>,
    read: usize,
}

impl Connection {
    fn new(stream: Stream, place: Place) -> Self {
        Self {
            stream,
            _place: place,
            silence: Some(Box::pin(sleep(FIRST_BYTES_WITHIN))),
            read: 0,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.tcp_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(silence) = &mut this.silence else {
            return polled;
        };
        this.read += buffer.filled().len() - before;
        if this.read >= FIRST_BYTES {
            this.silence = None;
            return polled;
        }
        if polled.is_pending() && silence.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
