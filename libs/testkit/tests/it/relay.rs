//! A wire between a caller and a server that a test can cut.

use std::time::Duration;

use terrace_testkit::{Relay, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_wire_passes_bytes_on_and_ends_every_connection_when_it_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start(&listener.local_addr().unwrap().to_string());
    let mut caller = TcpStream::connect(relay.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut bytes = [0; 2];
    caller.write_all(b"hi").await.unwrap();
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hi");
    // What is sent into a stuck wire comes out when it is whole again.
    relay.set(Wire::Stuck);
    caller.write_all(b"ho").await.unwrap();
    relay.set(Wire::Whole);
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ho");

    relay.set(Wire::Slow(Duration::from_millis(1)));
    caller.write_all(b"he").await.unwrap();
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"he");

    relay.set(Wire::Cut);
    let mut late = TcpStream::connect(relay.address()).await.unwrap();
    for end in [&mut caller, &mut server, &mut late] {
        // An end is told by nothing more to read, or by a reset.
        assert_eq!(end.read(&mut bytes).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_late_wire_passes_bytes_on_in_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start(&listener.local_addr().unwrap().to_string());
    let age = Duration::from_millis(300);
    relay.set(Wire::Late(age));
    let begun = tokio::time::Instant::now();
    let mut caller = TcpStream::connect(relay.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    caller.write_all(b"hi").await.unwrap();
    let mut bytes = [0; 2];
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hi");
    assert!(begun.elapsed() > age / 2);
}

#[tokio::test]
async fn an_address_that_has_moved_leads_new_connections_elsewhere_and_leaves_the_old_ones() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start(&first.local_addr().unwrap().to_string());
    let mut early = TcpStream::connect(relay.address()).await.unwrap();
    let (mut server, _) = first.accept().await.unwrap();
    relay.lead_to(&second.local_addr().unwrap().to_string());
    let _late = TcpStream::connect(relay.address()).await.unwrap();
    second.accept().await.unwrap();
    early.write_all(b"hi").await.unwrap();
    let mut bytes = [0; 2];
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hi");
}
