//! A wire that can be cut: passes bytes on to a server until it is told not to.
//!
//! It stands between the code under test and a real server, so that a server which hangs, dies
//! and comes back can be had without doing that to one that other tests use.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::host::Host;

/// What a relay does with every connection, those it has and those to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Passes everything on.
    Whole,
    /// Passes everything on, but of each connection nothing before it is this old.
    Late(Duration),
    /// Keeps it open and passes nothing on.
    Stuck,
    /// Ends it.
    Cut,
}

/// A relay on a free port of loopback.
#[derive(Debug)]
pub struct Relay {
    host: Host,
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
        let (sender, wire) = watch::channel(Wire::Whole);
        let target = target.to_owned();
        match Host::start(address, |listener| accept(listener, target, wire)) {
            Ok(host) => Self { host, wire: sender },
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
}

async fn accept(listener: TcpListener, target: String, wire: watch::Receiver<Wire>) {
    let mut connections = JoinSet::new();
    while let Ok((caller, _)) = listener.accept().await {
        connections.spawn(relay(caller, target.clone(), wire.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(mut caller: TcpStream, target: String, mut wire: watch::Receiver<Wire>) {
    let begun = Instant::now();
    let Ok(mut server) = TcpStream::connect(&target).await else {
        return;
    };
    loop {
        let now = *wire.borrow_and_update();
        let told = match now {
            Wire::Cut => return,
            Wire::Stuck => wire.changed().await,
            Wire::Whole => tokio::select! {
                _ended = copy_bidirectional(&mut caller, &mut server) => return,
                told = wire.changed() => told,
            },
            Wire::Late(age) => tokio::select! {
                _ended = pass_on_from(begun + age, &mut caller, &mut server) => return,
                told = wire.changed() => told,
            },
        };
        if told.is_err() {
            return;
        }
    }
}

async fn pass_on_from(when: Instant, caller: &mut TcpStream, server: &mut TcpStream) {
    tokio::time::sleep_until(when).await;
    drop(copy_bidirectional(caller, server).await);
}
