//! A wire that can be cut: passes bytes on to a server until it is told not to.
//!
//! It stands between the code under test and a real server, so that a server which hangs, dies
//! and comes back can be had without doing that to one that other tests use.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::host::Host;

/// The most that is passed on at once, in bytes.
const PIECE: usize = 16 * 1024;

/// What a relay does with every connection, those it has and those to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Passes everything on.
    Whole,
    /// Passes everything on, but of each connection nothing before it is this old.
    Late(Duration),
    /// Passes everything on, each piece so much later.
    Slow(Duration),
    /// Keeps it open and passes nothing on; what came meanwhile is passed on later.
    Stuck,
    /// Ends it.
    Cut,
}

/// A relay on a free port of loopback.
#[derive(Debug)]
pub struct Relay {
    host: Host,
    target: watch::Sender<String>,
    wire: watch::Sender<Wire>,
}

impl Relay {
    /// Starts one in front of the server at `target`, as `127.0.0.1:6379`.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(target: &str) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), target)
    }

    /// Starts one that listens at `address`, in front of the server at `target`.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its relay cannot run")]
    pub fn start_at(address: SocketAddr, target: &str) -> Self {
        let (wire, passes) = watch::channel(Wire::Whole);
        let (target, leads_to) = watch::channel(target.to_owned());
        match Host::start(address, |listener| accept(listener, leads_to, passes)) {
            Ok(host) => Self { host, target, wire },
            Err(error) => panic!("no relay: {error:#}"),
        }
    }

    /// Where it listens, as `127.0.0.1:40001`.
    #[must_use]
    pub fn address(&self) -> String {
        self.host.addr().to_string()
    }

    /// Does this with every connection from now on.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Leads every connection to come to the server at `target`, as an address does that moves from
    /// one server to another; those that it has stay where they are.
    pub fn lead_to(&self, target: &str) {
        self.target.send_replace(target.to_owned());
    }
}

async fn accept(
    listener: TcpListener,
    target: watch::Receiver<String>,
    wire: watch::Receiver<Wire>,
) {
    let mut connections = JoinSet::new();
    while let Ok((caller, _)) = listener.accept().await {
        let target = target.borrow().clone();
        connections.spawn(relay(caller, target, wire.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(caller: TcpStream, target: String, mut wire: watch::Receiver<Wire>) {
    let begun = Instant::now();
    let Ok(server) = TcpStream::connect(&target).await else {
        return;
    };
    let _never_late = (caller.set_nodelay(true), server.set_nodelay(true));
    let (from_caller, to_caller) = caller.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(from_caller, to_server, (begun, wire.clone()));
    let back = pump(from_server, to_caller, (begun, wire.clone()));
    tokio::select! {
        _ended = async { tokio::join!(there, back) } => {}
        _cut = wire.wait_for(|now| *now == Wire::Cut) => {}
    }
}

/// Passes one direction on. Nothing is lost on a wire that is stuck for a while: TCP loses nothing.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (begun, mut wire): (Instant, watch::Receiver<Wire>),
) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await.unwrap_or_default();
        passing(begun, &mut wire).await;
        let written = match read {
            0 => return drop(to.shutdown().await),
            _ => to.write_all(&piece[..read]).await,
        };
        if written.is_err() {
            return;
        }
    }
}

/// Waits until the wire passes on.
async fn passing(begun: Instant, wire: &mut watch::Receiver<Wire>) {
    let now = *wire.borrow_and_update();
    match now {
        Wire::Whole | Wire::Cut => {}
        Wire::Late(age) => tokio::time::sleep_until(begun + age).await,
        Wire::Slow(by) => tokio::time::sleep(by).await,
        Wire::Stuck => drop(wire.wait_for(|now| *now != Wire::Stuck).await),
    }
}
