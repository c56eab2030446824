//! The only wiring: settings and links in, a service of HTTP requests out.

use std::sync::Arc;

use axum::Router;
use terrace_rpc::{Deadline, Link};
use terrace_runtime::Shutdown;

use crate::caller::{self, Caller};
use crate::config::Settings;
use crate::dashboard::{self, Dashboard, UnusableSecret};
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

/// Links to the services that the edge calls.
#[derive(Debug, Clone)]
pub struct Links {
    /// To the orchestrator.
    pub orchestrator: Link,
    /// To the ledger, for the dashboard alone.
    pub ledger: Link,
}

/// Builds the edge in front of the services behind `links`. It connects to nothing yet.
///
/// # Errors
/// The secret of the dashboard's sessions is named and cannot be used.
pub fn build(settings: Settings, links: Links, shutdown: Shutdown) -> Result<App, UnusableSecret> {
    let max_connections = settings.max_connections;
    let link = links.orchestrator;
    let orchestrator = Orchestrator::new(link.clone(), settings.max_message_bytes);
    let pages = Dashboard::new(
        &settings,
        (orchestrator.clone(), links.ledger),
        shutdown.clone(),
    )?;
    let edge = Edge {
        orchestrator,
        settings,
        shutdown,
    };
    let pages = pages.map(dashboard::routes);
    Ok(App {
        routes: routes::table(Arc::new(edge), link, pages),
        max_connections,
        metrics: routes::metrics(),
    })
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
