//! The only wiring: settings and a link to the orchestrator in, a service of HTTP requests out.

use std::sync::Arc;

use axum::Router;
use terrace_rpc::{Deadline, Link};
use terrace_runtime::Shutdown;

use crate::caller::{self, Caller};
use crate::config::Settings;
use crate::orchestrator::{Call, Orchestrator};
use crate::refusal::Refusal;
use crate::routes;
use crate::wishes::Wishes;

/// The edge, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) routes: Router,
    pub(crate) max_connections: usize,
    pub(crate) metrics: Router,
}

/// What every handler has at hand.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) settings: Settings,
    pub(crate) orchestrator: Orchestrator,
    /// Thrown when the edge is about to stop.
    pub(crate) shutdown: Shutdown,
}

/// Builds the edge in front of the orchestrator behind `link`. It connects to nothing yet.
#[must_use]
pub fn build(settings: Settings, link: Link, shutdown: Shutdown) -> App {
    let max_connections = settings.max_connections;
    let edge = Edge {
        orchestrator: Orchestrator::new(link.clone(), settings.max_message_bytes),
        settings,
        shutdown,
    };
    App {
        routes: routes::table(Arc::new(edge), link),
        max_connections,
        metrics: routes::metrics(),
    }
}

impl Edge {
    /// A call in the name of whoever sent these headers.
    pub(crate) fn call(&self, caller: Caller, wishes: &Wishes) -> Call {
        Call {
            caller,
            deadline: self.deadline(wishes),
        }
    }

    /// Whose call it is.
    pub(crate) fn caller(&self, headers: &http::HeaderMap) -> Result<Caller, Refusal> {
        Caller::of(headers, &self.settings)
    }

    fn deadline(&self, wishes: &Wishes) -> Deadline {
        caller::deadline(wishes.timeout, &self.settings)
    }
}
