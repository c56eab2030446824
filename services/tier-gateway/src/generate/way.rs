//! The way to a model for one call: an address, and leave from the model's breaker.
//!
//! Both are told once how the call went. A way that is dropped before tells nothing: its caller
//! left.

use std::sync::Arc;

use terrace_domain::ModelName;
use terrace_resilience::Permit;

use crate::endpoints::{Endpoints, Lease};
use crate::error::Fault;
use crate::provider::Provider;
use crate::registry::Registry;

/// The way of one call.
pub(crate) struct Way {
    registry: Arc<Registry>,
    model: ModelName,
    lease: Lease,
    permit: Option<Permit>,
}

impl Way {
    /// Opens a way, unless the model's breaker is open; if it can be, by an address that has not
    /// been `tried`.
    pub(crate) fn open(
        registry: &Arc<Registry>,
        endpoints: &Endpoints,
        model: &ModelName,
        tried: &[usize],
    ) -> Result<Self, Fault> {
        let permit = registry.permit(model)?;
        Ok(Self {
            registry: Arc::clone(registry),
            model: model.clone(),
            lease: endpoints.pick(tried).ok_or(Fault::Unreachable)?,
            permit,
        })
    }

    /// What speaks to the address.
    pub(crate) fn provider(&self) -> &dyn Provider {
        self.lease.provider()
    }

    /// Which address it leads to.
    pub(crate) fn address(&self) -> usize {
        self.lease.index()
    }

    /// Tells that the answer has begun: whoever waits for a probe need not wait for its end.
    pub(crate) fn begun(&mut self) {
        self.lease.begun();
        if let Some(permit) = &mut self.permit {
            permit.begun();
            self.registry.show_breaker(&self.model);
        }
    }

    /// Tells how the call went: well, or with a fault.
    pub(crate) fn tell(&mut self, fault: Option<&Fault>) {
        self.lease.tell(fault);
        if let Some(permit) = self.permit.take() {
            self.registry.tell(&self.model, Some(permit), fault);
        }
    }
}
