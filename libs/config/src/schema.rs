//! What a checked config holds, a file per section.
//!
//! Every field is documented as its manual text; `docs/CONFIG.md` has the same in tables. Each
//! section's file also has its decoder, so that a key, its default and its meaning stand
//! together.

mod alert_webhook;
mod at_zero;
mod auth;
mod backends;
mod built_in;
mod cache_store;
mod cost_control;
mod dashboard;
mod decision;
mod edge;
mod hedge;
mod history;
mod judge;
mod learning;
mod leases;
mod ledger;
mod limits;
mod network;
mod routing;
mod services;
mod telemetry;
mod tiers;
mod tls;
mod traffic;

pub use alert_webhook::AlertWebhook;
pub use at_zero::{AtZero, OnTierAtZero};
pub use auth::Auth;
pub use backends::{Backend, BackendKind, Profile};
pub use cache_store::CacheStore;
pub use cost_control::{Baseline, Budget, CostControl};
pub use dashboard::Dashboard;
pub use decision::{Decision, Goal};
pub use edge::{CommitMode, Cors, Edge, Target};
pub use hedge::Hedge;
pub use history::History;
pub use judge::{ExternalJudge, GreyZone, Judge, Rule, SecondOpinion, Weights};
pub use learning::{Learning, Shadow};
pub use leases::Leases;
pub use ledger::{Durability, Ledger, Spool};
pub use limits::Limits;
pub use network::Network;
pub use routing::{
    Equivalence, Marker, OnClassifierUnavailable, OnExhausted, OnJudgeUnavailable, Routing,
};
pub use services::{Service, Services};
pub use telemetry::{LogFormat, Telemetry};
pub use tiers::{Capabilities, Known, Model, PriceSource, Tier, Tiers};
pub use tls::{ClientCertificate, Part, PerPart, Tls, TlsFiles};
pub use traffic::{Breaker, Queue, Retry};

use terrace_domain::{BackendName, ModelName};

use crate::decode::Section;
use backends::Declared;

/// The whole config, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The tiers from lowest to highest, with their models.
    pub tiers: Tiers,
    /// The backends that some enabled model uses, by name.
    pub backends: Vec<Backend>,
    /// How a request finds its tier and when it moves on.
    pub routing: Routing,
    /// What may be spent, and what it is compared with.
    pub cost_control: CostControl,
    /// Which checks of the judge count how much.
    pub judge: Judge,
    /// Where the ledger keeps its books.
    pub ledger: Ledger,
    /// Whether callers need a key.
    pub auth: Auth,
    /// Where the services listen and are found.
    pub services: Services,
    /// How services find each other's replicas.
    pub network: Network,
    /// What services show each other, and who may call whom.
    pub tls: Tls,
    /// The HTTP way in.
    pub edge: Edge,
    /// Traces and logs.
    pub telemetry: Telemetry,
    /// How much of anything is accepted.
    pub limits: Limits,
}

impl Config {
    /// Reads every section; what is wrong is in the reading.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let declared = section.section("backends", Declared::read);
        let tiers = section.section("tiers", |section| Tiers::read(section, &declared));
        let routing = section.section("routing", |section| Routing::read(section, &tiers));
        Self {
            cost_control: section
                .section("cost_control", |section| CostControl::read(section, &tiers)),
            judge: section.section("judge", |section| Judge::read(section, &tiers, &routing)),
            routing,
            ledger: section.section("ledger", Ledger::read),
            auth: section.section("auth", Auth::read),
            services: section.section("services", Services::read),
            network: section.section("network", Network::read),
            tls: section.section("tls", Tls::read),
            edge: section.section("edge", |section| Edge::read(section, &tiers)),
            telemetry: section.section("telemetry", Telemetry::read),
            limits: section.section("limits", Limits::read),
            backends: declared.used_by(&tiers),
            tiers,
        }
    }

    /// Whether a call without a valid key is refused: what `auth.required` says, else only where
    /// others than this machine can call.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        let way_in = [self.services.orchestrator.listen, self.edge.listen];
        let is_open = way_in.iter().any(|listen| !listen.ip().is_loopback());
        self.auth.required.unwrap_or(is_open)
    }

    /// The backend called `name`, if an enabled model uses it.
    #[must_use]
    pub fn backend(&self, name: &BackendName) -> Option<&Backend> {
        self.backends.iter().find(|backend| &backend.name == name)
    }

    /// Every enabled model with its tier, from the lowest tier to the highest.
    pub fn enabled_models(&self) -> impl Iterator<Item = (&Tier, &Model)> {
        self.tiers.iter().flat_map(|tier| {
            let enabled = tier.models.iter().filter(|model| model.enabled);
            enabled.map(move |model| (tier, model))
        })
    }

    /// The enabled models one backend serves, each once, from the lowest tier to the highest.
    pub fn models_of<'a>(&'a self, backend: &'a BackendName) -> impl Iterator<Item = &'a Model> {
        let mut seen = Vec::new();
        self.enabled_models().filter_map(move |(_, model)| {
            let new = &model.backend == backend && !seen.contains(&&model.name);
            new.then(|| {
                seen.push(&model.name);
                model
            })
        })
    }

    /// The first model called `name`, enabled or not.
    #[must_use]
    pub fn model(&self, name: &ModelName) -> Option<&Model> {
        let mut models = self.tiers.iter().flat_map(|tier| &tier.models);
        models.find(|model| &model.name == name)
    }
}
