//! Where a backend can be reached: its addresses, and the keys that all of them take.
//!
//! A call goes to the address with the fewest calls in flight, and made again to one that it has not
//! tried. An address that keeps failing is left out until a call that probes it, or a look at its
//! models, goes well; when all are left out, calls go on as if none were.

mod keyring;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use terrace_config::Backend;
use terrace_resilience::breaker::{Breaker, Permit, Policy};

use crate::error::{Error, Fault};
use crate::provider::{self, Abilities, Provider};

pub(crate) use keyring::{Keyring, OVER_QUOTA, REFUSED, Sent};

/// Failures in a row after which an address is left out: fewer than open the breaker of a model,
/// so that a dead replica goes before the model does.
const EJECTED_AFTER: u32 = 2;

/// The addresses of one backend.
pub(crate) struct Endpoints {
    replicas: Vec<Arc<Replica>>,
    keys: Arc<Keyring>,
}

struct Replica {
    /// Its place among the addresses.
    index: usize,
    provider: Arc<dyn Provider>,
    breaker: Arc<Breaker>,
    in_flight: AtomicUsize,
}

/// An address for the length of one call.
pub(crate) struct Lease {
    replica: Arc<Replica>,
    permit: Option<Permit>,
}

impl Endpoints {
    pub(crate) fn new(backend: &Backend) -> Result<Self, Error> {
        let keys = Arc::new(Keyring::new(backend));
        let policy = Policy {
            failures: EJECTED_AFTER,
            open_for: backend.breaker.open_for,
            max_open_for: backend.breaker.max_open_for,
        };
        let urls = [&backend.url].into_iter().chain(&backend.replicas);
        let replicas = urls.enumerate().map(|(index, url)| {
            Ok(Arc::new(Replica {
                index,
                provider: provider::for_backend(backend, url, &keys)?,
                breaker: Arc::new(Breaker::new(policy)),
                in_flight: AtomicUsize::new(0),
            }))
        });
        Ok(Self {
            replicas: replicas.collect::<Result<_, Error>>()?,
            keys,
        })
    }

    /// One address, spoken to by `provider`.
    #[cfg(test)]
    pub(crate) fn of(provider: Arc<dyn Provider>) -> Self {
        let settings =
            crate::config::for_testing::settings(terrace_config::BackendKind::OpenAi, &[]);
        let replica = Replica {
            index: 0,
            provider,
            breaker: model_breaker(&settings.backend),
            in_flight: AtomicUsize::new(0),
        };
        Self {
            replicas: vec![Arc::new(replica)],
            keys: Arc::new(Keyring::new(&settings.backend)),
        }
    }

    /// The address for the next call, if it may be one that has not been `tried`.
    pub(crate) fn pick(&self, tried: &[usize]) -> Option<Lease> {
        let mut replicas: Vec<_> = self.replicas.iter().collect();
        replicas.sort_by_key(|replica| {
            let in_flight = replica.in_flight.load(Ordering::Relaxed);
            (tried.contains(&replica.index), in_flight)
        });
        let permitted = replicas.iter().find_map(|replica| {
            let permit = replica.breaker.permit().ok()?;
            Some(Lease::new(replica, Some(permit)))
        });
        permitted.or_else(|| replicas.first().map(|replica| Lease::new(replica, None)))
    }

    /// What speaks to the first address: for questions about the backend as a whole.
    pub(crate) fn first(&self) -> Option<&dyn Provider> {
        self.all().next()
    }

    /// What the kind of backend can carry.
    pub(crate) fn abilities(&self) -> Abilities {
        self.first().map(Provider::abilities).unwrap_or_default()
    }

    /// What speaks to each address.
    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn Provider> {
        self.replicas.iter().map(|replica| &*replica.provider)
    }

    /// The keys.
    pub(crate) const fn keys(&self) -> &Arc<Keyring> {
        &self.keys
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Whether a call that met this fault can go elsewhere at once: to an address that it has not
    /// `tried`, or with another key.
    pub(crate) fn has_another_way(&self, fault: &Fault, tried: &[usize]) -> bool {
        let key_failed = matches!(
            fault,
            Fault::Unauthorized { .. } | Fault::RateLimited { .. }
        );
        (key_failed && self.keys.has_fresh()) || (fault.is_passing() && self.has_untried(tried))
    }

    fn has_untried(&self, tried: &[usize]) -> bool {
        let is_open = |replica: &Arc<Replica>| replica.breaker.refuses_for().is_none();
        self.replicas
            .iter()
            .any(|replica| !tried.contains(&replica.index) && is_open(replica))
    }
}

impl Lease {
    fn new(replica: &Arc<Replica>, permit: Option<Permit>) -> Self {
        replica.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            replica: Arc::clone(replica),
            permit,
        }
    }

    /// What speaks to the address.
    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.replica.provider
    }

    /// Which address it is.
    pub(crate) fn index(&self) -> usize {
        self.replica.index
    }

    /// Tells that the address answers.
    pub(crate) fn begun(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.begun();
        }
    }

    /// Tells how the call went.
    pub(crate) fn tell(&mut self, fault: Option<&Fault>) {
        settle(self.permit.take(), fault);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.replica.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a breaker how a call went, as far as that says something about the backend.
pub(crate) fn settle(permit: Option<Permit>, fault: Option<&Fault>) {
    let Some(permit) = permit else { return };
    match fault.map(Fault::tells_of_backend) {
        None | Some(Some(true)) => permit.success(),
        Some(Some(false)) => permit.failure(),
        Some(None) => drop(permit),
    }
}

/// The breaker of one model.
pub(crate) fn model_breaker(backend: &Backend) -> Arc<Breaker> {
    let policy = backend.breaker;
    Arc::new(Breaker::new(Policy {
        failures: policy.failures,
        open_for: policy.open_for,
        max_open_for: policy.max_open_for,
    }))
}

/// How often the files of keys are looked at.
pub(crate) const REREAD_EVERY: Duration = Duration::from_secs(2);
