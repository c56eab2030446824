//! `network`: how services find each other's replicas.

use std::net::SocketAddr;
use std::time::Duration;

use crate::decode::Section;
use crate::read::{self, duration};

/// How services find each other's replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// How often the name in a URL is looked up again, give or take a fifth. Default: 5 s.
    pub refresh_interval: Duration,
    /// How often each replica is asked for its health, give or take a fifth. Default: 1 s.
    pub probe_interval: Duration,
    /// Who is asked for names. Absent: whom `/etc/resolv.conf` names, after `/etc/hosts`.
    pub nameserver: Option<SocketAddr>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            refresh_interval: Duration::from_secs(5),
            probe_interval: Duration::from_secs(1),
            nameserver: None,
        }
    }
}

impl Network {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let time = || duration(Duration::from_millis(100)..=Duration::from_hours(1));
        Self {
            refresh_interval: section.or("refresh_interval", default.refresh_interval, time()),
            probe_interval: section.or("probe_interval", default.probe_interval, time()),
            nameserver: section.get("nameserver", read::listen),
        }
    }
}
