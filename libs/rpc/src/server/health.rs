//! What the health service says about a server.
//!
//! It speaks for the whole server (the empty name) and for each of its services alike. It serves
//! from the start on; a server that has to warm up is given a readiness, and a server that
//! drains says so before anything else happens.

use std::sync::Arc;

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

/// The switch behind the health service of one server. Clones are the same switch.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    names: Arc<[&'static str]>,
    /// The service again, to be served on a port of its own.
    routes: Routes,
}

impl Health {
    pub(super) fn new(names: &[&'static str]) -> (Self, HealthServer<impl HealthService>) {
        let (reporter, service) = health_reporter();
        let health = Self {
            reporter,
            names: names.into(),
            routes: Routes::new(service.clone()),
        };
        (health, service)
    }

    pub(super) fn routes(&self) -> Routes {
        self.routes.clone()
    }

    /// Says whether the server answers calls.
    pub async fn set_serving(&self, serving: bool) {
        let status = match serving {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        self.reporter.set_service_status("", status).await;
        for name in &*self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
