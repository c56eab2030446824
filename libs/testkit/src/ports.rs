//! Ports for servers that come back at the address they had before they were killed.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;

/// Below those that systems hand out by themselves (`ip_local_port_range`): while the server is
/// gone, no connection that somebody opens takes its port.
const LASTING: RangeInclusive<u16> = 20_000..=32_000;
/// Tries until one is free.
const TRIES: usize = 1000;

/// A port of loopback that is free now, and that the system gives to nobody who does not ask for it.
///
/// # Errors
/// There is none.
pub fn lasting_port() -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut tried = (0..TRIES).map(|_| fastrand::u16(LASTING));
    tried
        .find(is_free)
        .ok_or_else(|| anyhow::anyhow!("no free port among {LASTING:?}"))
}
