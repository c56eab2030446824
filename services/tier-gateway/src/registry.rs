//! The models of this gateway: what the config says of each, and whether the backend has it.
//!
//! What the backend says is fetched in the background and kept, so that asking for the list costs
//! nothing and waits for nobody. It is a picture of a moment: a call is always tried, whatever the
//! picture says. What it tells of a model completes the config, which it cannot overrule: see
//! [`told`].

mod refresh;
mod told;

use std::sync::Arc;

use arc_swap::ArcSwap;
use terrace_domain::{ModelName, Reason};
use terrace_resilience::{Breaker, Permit};
use tokio::sync::Notify;

use crate::config::{Served, Settings};
use crate::endpoints::{Keyring, model_breaker, settle};
use crate::error::{Blame, Fault};
use crate::metrics;
use crate::provider::{Abilities, Found, Provider, same_model};

pub(crate) use refresh::Pace;

/// The models of one gateway.
pub(crate) struct Registry {
    /// As the config has them, completed by what the backend tells of them.
    models: ArcSwap<Vec<Arc<Served>>>,
    configured: Vec<Served>,
    kind: Abilities,
    blame: Blame,
    breakers: Vec<Arc<Breaker>>,
    keys: Arc<Keyring>,
    scripted: bool,
    picture: ArcSwap<Picture>,
    /// Asks for a new picture before its time.
    nudge: Notify,
}

/// What is known of the backend.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Picture {
    /// Nothing yet, or it does not tell what it has.
    #[default]
    Unknown,
    /// It has these models.
    Has(Vec<Found>),
    /// It did not answer, and why.
    Down(Fault),
}

impl Picture {
    const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Down(fault) => Some(fault),
            Self::Unknown | Self::Has(_) => None,
        }
    }
}

/// A model as it is listed.
pub(crate) struct Listed {
    pub(crate) served: Arc<Served>,
    /// Why it cannot be called now; `None` if it can.
    pub(crate) unavailable: Option<String>,
    /// Whether the backend is a scripted stand-in.
    pub(crate) scripted: bool,
}

impl Registry {
    /// The models of `settings` before their backend has told anything; it is of this `kind`.
    pub(crate) fn new(
        settings: &Settings,
        keys: &Arc<Keyring>,
        kind: Abilities,
        blame: Blame,
    ) -> Self {
        let breaker = |_| model_breaker(&settings.backend);
        Self {
            breakers: settings.models.iter().map(breaker).collect(),
            keys: Arc::clone(keys),
            models: ArcSwap::from_pointee(told::of(&settings.models, &[], kind)),
            configured: settings.models.clone(),
            kind,
            blame,
            scripted: settings.backend.scripted,
            picture: ArcSwap::default(),
            nudge: Notify::new(),
        }
    }

    /// A configured model, ready to be asked.
    pub(crate) fn callable(&self, name: &ModelName) -> Result<Arc<Served>, Fault> {
        let models = self.models.load();
        let Some(served) = models.iter().find(|own| &own.model.name == name) else {
            let present = models.iter().map(|own| own.model.name.to_string());
            let present = present.collect();
            return Err(Fault::ModelNotFound { present });
        };
        match self.keys.missing() {
            None => Ok(Arc::clone(served)),
            Some(source_name) => Err(Fault::KeyMissing { source_name }),
        }
    }

    /// Leave to call a model, from its breaker.
    pub(crate) fn permit(&self, name: &ModelName) -> Result<Option<Permit>, Fault> {
        let Some(breaker) = self.breaker(name) else {
            return Ok(None);
        };
        breaker
            .permit()
            .map(Some)
            .map_err(|left| Fault::Resting { left })
    }

    /// Tells the breaker of a model how a call went.
    pub(crate) fn tell(&self, name: &ModelName, permit: Option<Permit>, fault: Option<&Fault>) {
        settle(permit, fault);
        self.show_breaker(name);
    }

    /// Shows where the breaker of a model stands.
    pub(crate) fn show_breaker(&self, name: &ModelName) {
        if let Some(breaker) = self.breaker(name) {
            metrics::breaker(&self.blame.backend, name, breaker.state());
        }
    }

    fn breaker(&self, name: &ModelName) -> Option<&Arc<Breaker>> {
        let index = self
            .configured
            .iter()
            .position(|own| &own.model.name == name)?;
        self.breakers.get(index)
    }

    /// All configured models.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let picture = self.picture.load_full();
        let listed = |served: &Arc<Served>| Listed {
            unavailable: self.obstacle(served, &picture),
            scripted: self.scripted,
            served: Arc::clone(served),
        };
        self.models.load().iter().map(listed).collect()
    }

    /// The fault with what the registry knows: which models the backend has instead.
    pub(crate) fn enrich(&self, fault: Fault) -> Fault {
        match (fault, &*self.picture.load_full()) {
            (Fault::ModelNotFound { present }, Picture::Has(found)) if present.is_empty() => {
                let present = names(found);
                Fault::ModelNotFound { present }
            }
            (fault, _) => fault,
        }
    }

    /// Takes note of a fault that says that the picture may be old.
    pub(crate) fn note(&self, fault: &Fault) {
        let tells = matches!(
            fault.reason(),
            Reason::BackendUnreachable | Reason::ModelNotFound | Reason::BackendTimeout
        );
        if tells || matches!(fault, Fault::Broken | Fault::Closed) {
            self.nudge.notify_one();
        }
    }

    /// Makes the backend load every configured model, one after the other.
    pub(crate) async fn warm_up(&self, provider: &dyn Provider) {
        for served in self.models.load_full().iter() {
            let (backend, model) = (self.blame.backend.as_str(), served.model.name.as_str());
            match provider.warm_up(&served.model).await {
                Ok(()) => tracing::info!(backend, model, "model loaded"),
                Err(fault) => tracing::warn!(backend, model, %fault, "model not loaded"),
            }
        }
    }

    /// Asks for a new picture soon: something has changed.
    pub(crate) fn look_again(&self) {
        self.nudge.notify_one();
    }

    /// Asks the backend what it has.
    async fn ask(&self, provider: &dyn Provider) -> Picture {
        let names = self.configured.iter().map(|own| own.model.name.clone());
        let wanted: Vec<ModelName> = names.collect();
        match provider.list_models(&wanted).await {
            Ok(None) => Picture::Unknown,
            Ok(Some(found)) => Picture::Has(found),
            Err(fault) => Picture::Down(fault),
        }
    }

    /// Takes over what the backend said of itself.
    fn hang(&self, picture: Picture) {
        if let Picture::Has(found) = &picture {
            let told = told::of(&self.configured, found, self.kind);
            self.models.store(Arc::new(told));
        }
        let before = self.picture.swap(Arc::new(picture.clone()));
        if *before != picture {
            self.announce(&picture);
        }
    }

    fn announce(&self, picture: &Picture) {
        let backend = self.blame.backend.as_str();
        match picture {
            Picture::Unknown => tracing::info!(backend, "backend answers, models not listed"),
            Picture::Has(found) => {
                tracing::info!(backend, models = found.len(), "backend answers");
            }
            Picture::Down(fault) => tracing::warn!(backend, %fault, "backend is not available"),
        }
    }

    fn obstacle(&self, served: &Served, picture: &Picture) -> Option<String> {
        let name = &served.model.name;
        let resting = self.breaker(name).and_then(|breaker| breaker.refuses_for());
        let fault = match (self.keys.missing(), picture) {
            (Some(source_name), _) => Fault::KeyMissing { source_name },
            (None, Picture::Down(fault)) => fault.clone(),
            (None, Picture::Has(found)) if !found.iter().any(|own| same_model(name, &own.name)) => {
                let present = names(found);
                Fault::ModelNotFound { present }
            }
            (None, Picture::Unknown | Picture::Has(_)) => Fault::Resting { left: resting? },
        };
        Some(self.blame.failure(&fault, name).message)
    }
}

fn names(found: &[Found]) -> Vec<String> {
    found.iter().map(|model| model.name.clone()).collect()
}

#[cfg(test)]
mod tests;
