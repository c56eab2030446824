//! `services`: where each service listens, and where its callers find it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::Url;

use crate::decode::Section;
use crate::read;
use crate::schema::Part;

/// The port of the orchestrator; the other services follow.
const FIRST_PORT: u16 = 7600;

/// Where the services listen and are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Default: listens at `127.0.0.1:7600`.
    pub orchestrator: Service,
    /// Default: listens at `127.0.0.1:7601`.
    pub classifier: Service,
    /// Default: listens at `127.0.0.1:7602`.
    pub quality_judge: Service,
    /// Default: listens at `127.0.0.1:7603`.
    pub cost_ledger: Service,
}

/// Where one service listens and is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What kind of service it is.
    pub part: Part,
    /// Where it listens for calls.
    pub listen: SocketAddr,
    /// Where callers find it. Absent: in the same process in `terrace up`, else at `listen`.
    pub url: Option<Url>,
    /// Where it answers health probes in plain text. Absent: only at `listen`.
    pub health_listen: Option<SocketAddr>,
    /// Where it shows its metrics. Absent: nowhere.
    pub metrics_listen: Option<SocketAddr>,
}

impl Service {
    /// A service that listens on a port of the loopback interface.
    #[must_use]
    pub const fn on_loopback(part: Part, port: u16) -> Self {
        Self {
            part,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            url: None,
            health_listen: None,
            metrics_listen: None,
        }
    }

    /// Where callers in other processes find it: `url`, else `listen`, which on all interfaces
    /// is reached over loopback.
    #[must_use]
    pub fn address(&self) -> String {
        if let Some(url) = &self.url {
            return url.to_string();
        }
        let mut address = self.listen;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            });
        }
        format!("http://{address}")
    }
}

impl Default for Services {
    fn default() -> Self {
        Self {
            orchestrator: Service::on_loopback(Part::Orchestrator, FIRST_PORT),
            classifier: Service::on_loopback(Part::Classifier, FIRST_PORT + 1),
            quality_judge: Service::on_loopback(Part::QualityJudge, FIRST_PORT + 2),
            cost_ledger: Service::on_loopback(Part::CostLedger, FIRST_PORT + 3),
        }
    }
}

impl Services {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let mut service =
            |key, default| section.section(key, |section| Service::read(section, default));
        Self {
            orchestrator: service("orchestrator", &default.orchestrator),
            classifier: service("classifier", &default.classifier),
            quality_judge: service("quality_judge", &default.quality_judge),
            cost_ledger: service("cost_ledger", &default.cost_ledger),
        }
    }
}

impl Service {
    pub(crate) fn read(section: &mut Section<'_, '_>, default: &Self) -> Self {
        Self {
            part: default.part,
            listen: section.or("listen", default.listen, read::listen),
            url: section.get("url", read::url),
            health_listen: section.get("health_listen", read::listen),
            metrics_listen: section.get("metrics_listen", read::listen),
        }
    }
}
