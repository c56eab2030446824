//! The sockets of a server, from bind to the last byte.
//!
//! Stopping takes bounded steps: health says "not serving" → a moment for balancers to notice →
//! the listener closes and connections are asked to → calls in flight finish → what is left is
//! told `SHUTTING_DOWN`. The health port answers until the end.

use std::fmt;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use futures::StreamExt;
use terrace_runtime::{Grace, Shutdown};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::server::settings::{Limits, ServerSettings};
use crate::server::stack::Stack;
use crate::tls::{self, Stream};

/// A peer that vanished without a word is noticed, and its calls end.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Hands that may be being shaken at once.
const SHAKING: usize = 256;

/// Why a server does not listen.
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
        "refusing to listen on {0} in plain text: set tls.ca_file, tls.cert_file and tls.key_file, \
         or tls.allow_plaintext where the network itself is safe"
    )]
    Plaintext(SocketAddr),
    /// The certificate, its key or the authority cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// A listener that stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("the {server} stopped listening: {source}")]
pub struct ServeError {
    server: &'static str,
    source: tonic::transport::Error,
}

/// Open sockets that nobody answers on yet.
#[derive(Debug)]
pub struct Bound {
    calls: Socket,
    health: Option<Socket>,
    metrics: Option<Socket>,
    tls: Option<Arc<tls::Server>>,
    limits: Limits,
    grace: Grace,
}

struct Socket {
    listener: TcpListener,
    address: SocketAddr,
}

/// Opens the sockets that `settings` name.
///
/// # Errors
/// One of the addresses is taken or not ours, plain text is not allowed there, or TLS cannot be
/// used.
pub async fn bind(settings: &ServerSettings) -> Result<Bound, BindError> {
    if settings.security.is_missing_at(settings.listen) {
        return Err(BindError::Plaintext(settings.listen));
    }
    Ok(Bound {
        calls: Socket::open(settings.listen).await?,
        health: Socket::open_if(settings.health_listen).await?,
        metrics: Socket::open_if(settings.metrics_listen).await?,
        tls: settings.security.server()?,
        limits: settings.limits,
        grace: settings.grace,
    })
}

impl Bound {
    /// Where calls are answered.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.calls.address
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.calls.address)
    }

    /// Where health alone is answered.
    #[must_use]
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(|socket| socket.address)
    }

    /// Where `/metrics` is answered.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|socket| socket.address)
    }

    /// Answers calls until `shutdown`, and then for at most the grace of the settings.
    ///
    /// # Errors
    /// A listener broke.
    pub async fn serve(self, stack: Stack, shutdown: Shutdown) -> Result<(), ServeError> {
        let name = stack.name();
        tracing::info!(terrace.service = name, address = %self.calls.address, "listening");
        stack.health.set_serving(stack.readiness.is_ready()).await;
        let closing = CancellationToken::new();
        let calls = builder(&self.limits).serve_with_incoming_shutdown(
            stack.clone(),
            self.calls.callers(self.tls),
            closing.clone().cancelled_owned(),
        );
        let health = serve_health(self.health, stack.health.routes());
        let failed = |source| ServeError {
            server: name,
            source,
        };
        tokio::select! {
            ended = calls => ended.map_err(failed)?,
            broken = health => broken.map_err(failed)?,
            () = serve_metrics(self.metrics) => {}
            () = announce(&stack, &shutdown) => {}
            () = stop(&stack, &shutdown, &closing, self.grace) => {}
        }
        tracing::info!(terrace.service = name, "stopped");
        Ok(())
    }
}

/// Lets health say "serving" once everything is warm, unless the end came first.
async fn announce(stack: &Stack, shutdown: &Shutdown) {
    if !stack.readiness.is_ready() {
        stack.readiness.ready().await;
        if !shutdown.is_requested() {
            stack.health.set_serving(true).await;
        }
    }
    pending::<()>().await;
}

/// The steps of stopping; returns when the last one is over.
async fn stop(stack: &Stack, shutdown: &Shutdown, closing: &CancellationToken, grace: Grace) {
    shutdown.requested().await;
    tracing::info!(terrace.service = stack.name(), "draining");
    stack.health.set_serving(false).await;
    tokio::time::sleep(grace.notice).await;
    closing.cancel();
    if !within(grace.finish, stack.drain.idle()).await {
        tracing::warn!(
            terrace.service = stack.name(),
            in_flight = stack.drain.in_flight(),
            "ending calls that did not finish in time"
        );
        stack.drain.end_all();
        within(grace.cut, stack.drain.idle()).await;
    }
    // The last status is handed to the connection when the last call ends; the listener's own
    // end, when its connections have closed, comes first if it comes in time.
    tokio::time::sleep(grace.cut).await;
}

async fn within(time: Duration, end: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(time, end).await.is_ok()
}

fn builder(limits: &Limits) -> Server {
    // No max_connection_age_grace: with it, tonic 0.14 never asks a connection to close and cuts
    // its calls instead. Without it calls finish, and their deadlines bound that.
    Server::builder()
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_connection_age(jittered(limits.max_connection_age))
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_PATIENCE))
}

/// `age` give or take a tenth, so that the servers of a fleet do not close in step.
fn jittered(age: Duration) -> Duration {
    let thousandths = 900 + RandomState::new().hash_one(0_u8) % 201;
    age.mul_f64(f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0)
}

async fn serve_health(
    socket: Option<Socket>,
    routes: Routes,
) -> Result<(), tonic::transport::Error> {
    let Some(socket) = socket else {
        return pending().await;
    };
    let incoming = socket.incoming();
    Server::builder()
        .add_routes(routes)
        .serve_with_incoming(incoming)
        .await
}

async fn serve_metrics(socket: Option<Socket>) {
    use terrace_telemetry::metrics::{CONTENT_TYPE, render};
    let Some(socket) = socket else {
        return pending().await;
    };
    let text = || async { ([(http::header::CONTENT_TYPE, CONTENT_TYPE)], render()) };
    let routes = axum::Router::new().route("/metrics", get(text));
    if let Err(error) = axum::serve(socket.listener, routes).await {
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

    async fn open_if(address: Option<SocketAddr>) -> Result<Option<Self>, BindError> {
        match address {
            None => Ok(None),
            Some(address) => Self::open(address).await.map(Some),
        }
    }

    /// The connections, each set to send small packets at once: without this a call takes 44 ms,
    /// and the setting of tonic's builder does not reach a listener that it has not opened.
    fn incoming(self) -> TcpIncoming {
        TcpIncoming::from(self.listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(PING_EVERY))
    }
}

impl Socket {
    /// The connections that calls come over, once hands are shaken where that is wanted.
    fn callers(
        self,
        tls: Option<Arc<tls::Server>>,
    ) -> impl futures::Stream<Item = io::Result<Stream>> {
        let shaken = self.incoming().map(move |connection| {
            let tls = tls.clone();
            async move {
                match (connection, tls) {
                    (Err(error), _) => Some(Err(error)),
                    (Ok(connection), None) => Some(Ok(Stream::plain(connection))),
                    (Ok(connection), Some(tls)) => tls.accept(connection).await.map(Ok),
                }
            }
        });
        shaken
            .buffer_unordered(SHAKING)
            .filter_map(std::future::ready)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_packets_are_sent_at_once() {
        let socket = Socket::open(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = socket.address;
        let mut incoming = socket.incoming();
        let (client, accepted) =
            tokio::join!(tokio::net::TcpStream::connect(address), incoming.next());
        assert!(accepted.unwrap().unwrap().nodelay().unwrap());
        drop(client);
    }

    #[test]
    fn connections_of_a_fleet_do_not_close_in_step() {
        let age = Duration::from_secs(100);
        let ages: Vec<_> = (0..32).map(|_| jittered(age)).collect();
        let allowed = Duration::from_secs(90)..=Duration::from_millis(110_001);
        assert!(ages.iter().all(|age| allowed.contains(age)), "{ages:?}");
        assert!(ages.iter().any(|other| *other != ages[0]));
    }
}
