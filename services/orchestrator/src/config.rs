//! The orchestrator's part of the config.

use std::collections::HashSet;
use std::time::Duration;

use terrace_config::{AtZero, CacheStore, Capabilities, Config, Durability, Goal, Routing, Shadow};
use terrace_domain::{ProjectName, TierName};

use crate::catalog::{Abilities, Model};
use crate::clients::ValkeySettings;
use crate::door::DoorSettings;
use crate::grpc::BatchSettings;
use crate::request::{CachePolicy, OnExhausted, Policy};
use crate::route::consensus::{Equivalence, Wish};
use crate::route::hedge::HedgeSettings;
use crate::route::plan::Rules;
use crate::route::plan::decision::{Deciding, Target, Weights};
use crate::route::sessions::SessionSettings;
use crate::route::shadow::ShadowSettings;
use crate::route::{Baseline, OnClassifierUnavailable, OnJudgeUnavailable, RouteSettings};

/// Limits on the size of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Most bytes of text in all messages.
    pub max_prompt_bytes: u64,
    /// Most messages.
    pub max_messages: usize,
    /// Most stop texts.
    pub max_stop_sequences: usize,
    /// Most bytes of one stop text.
    pub max_stop_sequence_bytes: usize,
    /// Most tags.
    pub max_tags: usize,
    /// Most bytes of a tag's name, and of its value.
    pub max_tag_bytes: usize,
    /// Highest output cap that a caller may ask for.
    pub max_output_tokens: u32,
}

/// Everything that the orchestrator takes from the config.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How requests are routed.
    pub route: RouteSettings,
    /// Policy of a request that sets none.
    pub policy: Policy,
    /// What a consensus is, switched on or not.
    pub consensus: Wish,
    /// Limits on the size of a request.
    pub limits: RequestLimits,
    /// Most bytes of a message on the wire, either way.
    pub max_message_bytes: usize,
    /// How long a hold lasts without a settlement.
    pub reservation_ttl: Duration,
    /// How long the ledger keeps a lease without a sign of life; `None` when leases are off.
    pub lease_ttl: Option<Duration>,
    /// Whether an answer that costs nothing waits until the ledger has it.
    pub durability: Durability,
    /// Most bytes of memory that kept answers may take.
    pub cache_max_bytes: u64,
    /// Where several orchestrators keep answers together.
    pub cache_store: ValkeySettings,
    /// Whether it learns from what becomes of its answers.
    pub learns: bool,
    /// What is done while a gateway has no replica.
    pub at_zero: AtZero,
    /// The models as the config has them.
    pub models: Vec<Model>,
    /// Which answers it asks of another tier too, to learn from them.
    pub shadow: Option<ShadowSettings>,
    /// How batches are answered.
    pub batch: BatchSettings,
    /// Who is let in.
    pub door: DoorSettings,
    /// What of the config changes answers, in words: one that was made under another is not reused.
    pub setup: String,
}

impl Settings {
    /// Takes the orchestrator's part of a checked config.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        Self {
            route: route(config),
            policy: policy(config),
            consensus: consensus(config),
            limits: limits(config),
            max_message_bytes: config.limits.max_message_bytes.as_usize(),
            reservation_ttl: config.ledger.reservation_ttl,
            lease_ttl: config
                .ledger
                .leases
                .enabled
                .then_some(config.ledger.leases.ttl),
            durability: config.ledger.durability,
            cache_max_bytes: config.routing.cache_max_bytes.get(),
            cache_store: cache_store(config),
            learns: config.routing.learning.enabled,
            at_zero: config.routing.at_zero,
            models: models(config),
            shadow: shadow(config),
            batch: BatchSettings {
                parallelism: config.routing.batch_parallelism,
                time: config.routing.default_deadline,
            },
            door: DoorSettings {
                required: config.needs_keys(),
                cache_ttl: config.auth.cache_ttl,
            },
            setup: setup(config),
        }
    }

    /// The tiers from the lowest to the highest.
    #[must_use]
    pub fn tiers(&self) -> &[TierName] {
        &self.route.rules.tiers
    }
}

/// The models as the config has them: what their gateways will say, unless the backend knows better.
fn models(config: &Config) -> Vec<Model> {
    let configured = config.enabled_models().map(|(tier, model)| Model {
        name: model.name.clone(),
        tier: tier.name.clone(),
        backend: model.backend.clone(),
        price: model.price,
        context_window: model.context_window,
        default_max_output_tokens: model.max_output_tokens,
        abilities: abilities(model.capabilities),
        unavailable_because: None,
        scripted: config
            .backend(&model.backend)
            .is_some_and(|backend| backend.scripted),
    });
    configured.collect()
}

const fn abilities(of: Capabilities) -> Abilities {
    Abilities {
        code: of.code,
        vision: of.vision,
        tools: of.tools,
        json: of.json,
        json_schema: of.json,
        logprobs: of.logprobs,
        embeddings: of.embeddings,
    }
}

fn shadow(config: &Config) -> Option<ShadowSettings> {
    let shadow = config.routing.learning.shadow()?;
    Some(ShadowSettings {
        share: shadow.share,
        seed: shadow.seed,
        may_cost: !shadow.daily_budget.is_zero(),
        project: ProjectName::new(Shadow::PROJECT).ok()?,
    })
}

fn cache_store(config: &Config) -> ValkeySettings {
    let store = &config.routing.cache_store;
    ValkeySettings {
        url: store.url.clone(),
        prefix: store.prefix.clone(),
        timeout: store.timeout,
    }
}

/// Neither where services and secrets are, nor what only an operator sees: orchestrators that
/// share their answers differ in that.
fn setup(config: &Config) -> String {
    let backends: Vec<_> = config
        .backends
        .iter()
        .map(|own| {
            (
                &own.name,
                own.kind,
                own.url.as_str(),
                own.profile,
                own.scripted,
            )
        })
        .collect();
    let routing = Routing {
        cache_store: CacheStore::default(),
        ..config.routing.clone()
    };
    let (tiers, judge) = (&config.tiers, &config.judge);
    let (version, baseline) = (env!("CARGO_PKG_VERSION"), &config.cost_control.baseline);
    format!("{version} {tiers:?} {backends:?} {routing:?} {judge:?} {baseline:?}")
}

fn route(config: &Config) -> RouteSettings {
    let routing = &config.routing;
    let baseline = config.cost_control.baseline.as_ref();
    RouteSettings {
        rules: Rules {
            tiers: config.tiers.iter().map(|tier| tier.name.clone()).collect(),
            difficulty_thresholds: routing.difficulty_thresholds.clone(),
            deciding: deciding(&routing.decision),
        },
        on_judge_unavailable: match routing.on_judge_unavailable {
            terrace_config::OnJudgeUnavailable::AcceptMarked => OnJudgeUnavailable::AcceptMarked,
            terrace_config::OnJudgeUnavailable::NextTier => OnJudgeUnavailable::NextTier,
            terrace_config::OnJudgeUnavailable::Fail => OnJudgeUnavailable::Fail,
        },
        on_classifier_unavailable: match routing.on_classifier_unavailable {
            terrace_config::OnClassifierUnavailable::LowestTier => {
                OnClassifierUnavailable::LowestTier
            }
            terrace_config::OnClassifierUnavailable::Fail => OnClassifierUnavailable::Fail,
        },
        baseline: baseline.map(|baseline| Baseline {
            model: baseline.model.clone(),
            price: baseline.price,
        }),
        sessions: SessionSettings {
            ttl: routing.session_ttl,
            most: routing.max_sessions,
        },
        hedge: hedge(config),
    }
}

/// One weight alone leaves the other at nothing.
fn deciding(decision: &terrace_config::Decision) -> Deciding {
    let (usd, second) = (decision.cost_weight, decision.latency_weight);
    let is_weighed = usd.is_some() || second.is_some();
    Deciding {
        weights: is_weighed.then_some(Weights {
            usd: usd.unwrap_or_default(),
            second: second.unwrap_or_default(),
        }),
        skip_judge: decision.skip_judge,
        target: decision.target.map(|goal| match goal {
            Goal::ApiShare(share) => Target::ApiShare(share),
            Goal::Quality(wanted) => Target::Quality(wanted),
            Goal::UsdPerRequest(most) => Target::PerRequest(most),
        }),
    }
}

fn policy(config: &Config) -> Policy {
    let routing = &config.routing;
    Policy {
        allowed_tiers: Vec::new(),
        tier: None,
        model: None,
        quality_threshold: routing.quality_threshold,
        quality_check: routing.quality_check,
        always_judged: false,
        max_attempts: routing.max_fallback_attempts,
        max_repairs: if routing.repair.enabled {
            routing.repair.max_per_request
        } else {
            0
        },
        latency_target: None,
        max_cost: None,
        on_exhausted: match routing.on_exhausted {
            terrace_config::OnExhausted::BestEffort => OnExhausted::BestEffort,
            terrace_config::OnExhausted::Strict => OnExhausted::Strict,
        },
        cache: CachePolicy {
            read: routing.enable_caching,
            write: routing.enable_caching,
            ttl: routing.cache_ttl,
            no_replay: false,
        },
        consensus: routing.enable_consensus.then(|| consensus(config)),
        hedge: routing.hedge.enabled,
    }
}

fn hedge(config: &Config) -> HedgeSettings {
    let hedge = config.routing.hedge;
    let replicas = config.backends.iter().map(|backend| {
        let addresses = 1 + backend.replicas.len();
        (backend.name.clone(), addresses)
    });
    HedgeSettings {
        default_delay: hedge.default_delay,
        min_delay: hedge.min_delay,
        budget: hedge.budget,
        replicas: replicas.collect(),
    }
}

fn consensus(config: &Config) -> Wish {
    let routing = &config.routing;
    let mut models = routing.consensus_models.clone();
    let mut seen = HashSet::new();
    models.retain(|model| seen.insert(model.clone()));
    Wish {
        models,
        threshold: routing.consensus_threshold,
        equivalence: routing.consensus_equivalence.map(|word| match word {
            terrace_config::Equivalence::Text => Equivalence::Text,
            terrace_config::Equivalence::Number => Equivalence::Number,
            terrace_config::Equivalence::Json => Equivalence::Json,
            terrace_config::Equivalence::Choice => Equivalence::Choice,
            terrace_config::Equivalence::Code => Equivalence::Code,
            terrace_config::Equivalence::Embedding => Equivalence::Embedding,
        }),
        by_request: false,
    }
}

fn limits(config: &Config) -> RequestLimits {
    let limits = config.limits;
    RequestLimits {
        max_prompt_bytes: limits.max_prompt_bytes.get(),
        max_messages: limits.max_messages,
        max_stop_sequences: limits.max_stop_sequences,
        max_stop_sequence_bytes: limits.max_stop_sequence_bytes.as_usize(),
        max_tags: limits.max_tags,
        max_tag_bytes: limits.max_tag_bytes.as_usize(),
        max_output_tokens: limits.max_output_tokens,
    }
}
