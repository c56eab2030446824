//! What the cost-ledger needs to know, picked out of the one config.

use std::collections::BTreeMap;
use std::time::Duration;

use terrace_config::{
    AlertWebhook, Auth, Budget, Config, Durability, History, Secret, Shadow, TimeZone,
};
use terrace_domain::{BackendName, ModelName, NanoUsd, Score};

use crate::spool::SpoolSettings;

/// Everything the ledger is told from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where PostgreSQL is; may carry a password, so it does not print.
    pub database_url: Secret,
    /// The budgets of the config; none: no limit but those that were set by call.
    pub budgets: Vec<Budget>,
    /// Where a day begins and ends that nothing else is said of.
    pub time_zone: TimeZone,
    /// The part of a cap from which an alert is due where nothing else is said.
    pub alert_threshold: Score,
    /// Where alerts are sent to.
    pub alert_webhook: AlertWebhook,
    /// Name of the model that savings are measured against.
    pub baseline_model: Option<ModelName>,
    /// After this a request without a sign of life is settled at its worst case; also the longest
    /// time to live that a caller can ask for.
    pub reservation_ttl: Duration,
    /// What orchestrators may decide over by themselves.
    pub leases: terrace_config::Leases,
    /// What acknowledged means for what costs nothing.
    pub durability: Durability,
    /// How often expired requests are looked for.
    pub reaper_interval: Duration,
    /// The most connections to the database; at least two.
    pub max_connections: u32,
    /// For one statement.
    pub statement_timeout: Duration,
    /// To get a connection, with as many tries as there is time for. One try has 5 s.
    pub connect_timeout: Duration,
    /// Where free settlements wait for the database.
    pub spool: SpoolSettings,
    /// What a request may be tagged with.
    pub tags: TagLimits,
    /// What backends on rented GPUs cost for each hour.
    pub gpu_cost_per_hour: BTreeMap<BackendName, NanoUsd>,
    /// The secrets that keys are stored and made up with.
    pub auth: Auth,
    /// How long rows are kept, and in what pieces.
    pub history: History,
}

/// What a request may be tagged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagLimits {
    /// The most tags.
    pub count: usize,
    /// The most bytes of one tag, name and value together.
    pub bytes: usize,
}

impl SpoolSettings {
    fn from_config(spool: &terrace_config::Spool) -> Self {
        Self {
            folder: spool.folder.clone(),
            max_bytes: spool.max_bytes.get(),
        }
    }
}

impl Settings {
    /// Picks the ledger's part out of the config.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let (ledger, money) = (&config.ledger, &config.cost_control);
        Self {
            database_url: ledger.database_url.clone(),
            budgets: budgets(config),
            time_zone: money.time_zone,
            alert_threshold: money.alert_threshold,
            alert_webhook: money.alert_webhook.clone(),
            baseline_model: money.baseline.as_ref().map(|base| base.model.clone()),
            reservation_ttl: ledger.reservation_ttl,
            leases: ledger.leases,
            durability: ledger.durability,
            reaper_interval: ledger.reaper_interval,
            max_connections: ledger.max_connections,
            statement_timeout: ledger.statement_timeout,
            connect_timeout: ledger.connect_timeout,
            spool: SpoolSettings::from_config(&ledger.spool),
            tags: TagLimits {
                count: config.limits.max_tags,
                bytes: config.limits.max_tag_bytes.as_usize(),
            },
            gpu_cost_per_hour: money.gpu_cost_per_hour.clone(),
            auth: config.auth.clone(),
            history: ledger.history,
        }
    }

    /// The defaults on a given database and without a budget, for tests.
    #[must_use]
    pub fn for_testing(database_url: &str) -> Self {
        let ledger = terrace_config::Ledger::default();
        let limits = terrace_config::Limits::default();
        Self {
            database_url: Secret::Value(database_url.into()),
            budgets: Vec::new(),
            time_zone: TimeZone::UTC,
            alert_threshold: Score::clamped(0.8),
            alert_webhook: AlertWebhook::default(),
            baseline_model: None,
            reservation_ttl: ledger.reservation_ttl,
            leases: ledger.leases,
            durability: ledger.durability,
            reaper_interval: ledger.reaper_interval,
            max_connections: ledger.max_connections,
            statement_timeout: ledger.statement_timeout,
            connect_timeout: ledger.connect_timeout,
            spool: SpoolSettings::from_config(&ledger.spool),
            tags: TagLimits {
                count: limits.max_tags,
                bytes: limits.max_tag_bytes.as_usize(),
            },
            gpu_cost_per_hour: BTreeMap::new(),
            auth: Auth::default(),
            history: ledger.history,
        }
    }
}

/// The budgets of the config, and that of shadow calls, unless the config has one of that name.
fn budgets(config: &Config) -> Vec<Budget> {
    let money = &config.cost_control;
    let shadow = config.routing.learning.shadow().and_then(|shadow| {
        let name = format!("project/{}/daily", Shadow::PROJECT);
        Some(Budget {
            name: name.parse().ok()?,
            cap: shadow.daily_budget,
            alert_threshold: money.alert_threshold,
            time_zone: money.time_zone,
        })
    });
    let is_new = |shadow: &Budget| money.budgets.iter().all(|own| own.name != shadow.name);
    let mut budgets = money.budgets.clone();
    budgets.extend(shadow.filter(is_new));
    budgets
}
