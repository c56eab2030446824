//! Makes the one HTTP/2 connection to a replica, in plain text or inside TLS.
//!
//! The certificate that we show and the roots that we trust are taken anew for each connection, so
//! that a new one is used as soon as it lies there.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::address::Address;
use crate::tls::Client;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A busy peer may take longer to shake hands than the network to connect.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that vanished without a word is noticed while calls wait for it: after both at most.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_PATIENCE: Duration = Duration::from_secs(5);
/// Failures travel in headers; hyper's 16 KiB would turn a long one into a broken connection.
const MAX_HEADERS: u32 = 64 * 1024;

/// Bytes both ways, whatever is around them.
trait Bytes: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Bytes for T {}
type Connection = TokioIo<Pin<Box<dyn Bytes>>>;

/// A channel to one server. Connects at the first call, and again whenever the connection was
/// lost.
pub(super) fn channel(address: &Address, server: SocketAddr, tls: Option<Arc<Client>>) -> Channel {
    let tls = tls.filter(|_| address.secure);
    let name = address.server_name();
    let connector = tower::service_fn(move |_uri: http::Uri| {
        let (tls, name) = (tls.clone(), name.clone());
        async move {
            let plain = timeout(CONNECT_TIMEOUT, open(server)).await??;
            match tls {
                None => Ok::<Connection, io::Error>(TokioIo::new(Box::pin(plain))),
                Some(tls) => timeout(HANDSHAKE_TIMEOUT, secured(plain, &tls, name)).await?,
            }
        }
    });
    endpoint(address).connect_with_connector_lazy(connector)
}

async fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    // Without this a small call takes 44 ms.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn secured(plain: TcpStream, tls: &Client, name: String) -> io::Result<Connection> {
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls.current()).connect(name, plain).await;
    let stream = stream.inspect_err(|error| {
        // The caller is told that nobody can be reached; why is for whoever runs both.
        tracing::warn!(%error, "no TLS with a callee");
    })?;
    Ok(TokioIo::new(Box::pin(stream)))
}

/// How connections are kept. The callee sees the name that it was called by.
fn endpoint(address: &Address) -> Endpoint {
    // tonic would add a TLS of its own to https, one that cannot change its certificate.
    Endpoint::from_static("http://callee")
        .origin(address.uri.clone())
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .http2_max_header_list_size(MAX_HEADERS)
}
