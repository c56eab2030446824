//! The services of a server inside its layers, as one service.
//!
//! A call passes, from the outside in:
//!
//! 1. trace: continues the caller's trace; sees everything, how ever it ends
//! 2. metrics: counts everything the layers below answer or refuse
//! 3. panic: turns a panic of a handler into INTERNAL, so that 1 and 2 see a status
//! 4. callers: refuses who shows a certificate that may not call this service
//! 5. drain: knows what is in flight, ends it when the server's grace is over
//! 6. deadline: refuses what is too late before it takes a place
//! 7. limit: holds a place until the last message has left
//! 8. reject: tells statuses that tonic makes by itself in our words
//!
//! Sizes of messages are checked by the generated services, inside of all these.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use terrace_runtime::Readiness;
use tower::Service;

use crate::deadline::server::Server as Deadlines;
use crate::direct::Callee;
use crate::drain::Drain;
use crate::layer::{Boxed, Layered, Request, Response};
use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::panic::Catch;
use crate::reject::Reject;
use crate::server::health::Health;
use crate::server::services::{InvalidDescriptors, Services};
use crate::server::settings::ServerSettings;
use crate::tls::Callers;
use crate::trace;

/// What answers the calls of one server. Clones share limits, health and calls in flight.
#[derive(Clone)]
pub struct Stack {
    name: &'static str,
    service: Boxed,
    /// The same for callers without bytes.
    callee: Callee,
    pub(super) drain: Drain,
    pub(super) health: Health,
    pub(super) readiness: Readiness,
}

impl Stack {
    /// Puts `services` inside the layers. `name` is the part of Terrace they are, as
    /// `classifier`.
    ///
    /// # Errors
    /// The descriptors of the services cannot be read.
    pub fn new(
        name: &'static str,
        settings: &ServerSettings,
        services: Services,
    ) -> Result<Self, InvalidDescriptors> {
        let described = services.describe()?;
        let limits = settings.limits;
        let drain = Drain::default();
        let deadlines = Deadlines {
            default: limits.default_deadline,
            max: limits.max_deadline,
        };
        let callee = Callee {
            service: name,
            methods: Arc::new(described.direct),
            metrics: Metrics::server(name, described.methods),
            drain: drain.clone(),
            deadlines,
            limit: Limit::new(name, limits.concurrency),
        };
        let service = Layered::new(Reject, described.routes);
        let service = Layered::new(callee.limit.clone(), service);
        let service = Layered::new(callee.deadlines.clone(), service);
        let service = Layered::new(drain.clone(), service);
        let callers = Callers::new(name, settings.security.allowed_callers.as_deref());
        let service = Layered::new(callers, service);
        let service = Layered::new(Catch, service);
        let service = Layered::new(callee.metrics.clone(), service);
        let service = Layered::new(trace::Server { service: name }, service);
        Ok(Self {
            name,
            service: Boxed::new(service),
            callee,
            drain,
            health: described.health,
            readiness: Readiness::new(),
        })
    }

    /// Lets health say "not serving" until `readiness` is reached.
    #[must_use]
    pub fn with_readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// The server as a caller in this process sees it.
    pub(crate) const fn callee(&self) -> &Callee {
        &self.callee
    }

    /// The part of Terrace this is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the health service says.
    #[must_use]
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// How many calls are being answered, open streams included.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.drain.in_flight()
    }
}

impl Service<Request> for Stack {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.service.call(request)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("name", &self.name)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
