//! `routing`: how a request finds its tier, and when it moves on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use terrace_domain::{ActionName, ModelName, Score, TierName};

use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read::{self, boolean, choice, count, duration, score, size};
use crate::schema::at_zero::AtZero;
use crate::schema::{CacheStore, Decision, Hedge, Learning, Model, Tiers};
use crate::tree::Node;
use crate::value::ByteSize;

/// How a request finds its tier, and when it moves on.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The score an answer needs. Default: 0.7.
    pub quality_threshold: Score,
    /// Actions that always start at a tier, whatever the prompt.
    pub action_tier_overrides: BTreeMap<ActionName, TierName>,
    /// Prompts that start at a tier by how they begin. Default: `ORCHESTRATE:` at `api_fallback`,
    /// or at the highest tier when none is called so.
    pub markers: Vec<Marker>,
    /// Difficulties from which a request starts one tier higher, rising, one fewer than tiers.
    /// Default: 0.45 and 0.8 for three tiers, else evenly spread.
    pub difficulty_thresholds: Vec<Score>,
    /// What quality is worth, and what is wanted of all requests together.
    pub decision: Decision,
    /// Whether it learns from what becomes of its answers.
    pub learning: Learning,
    /// File of weights for the classifier, as `terrace train` writes. Default: the built-in ones.
    pub classifier_weights: Option<PathBuf>,
    /// Whether answers are judged when a request does not say. Default: true.
    pub quality_check: bool,
    /// The most attempts of one request, the first among them. Default: 3.
    pub max_fallback_attempts: u32,
    /// Whether a model is asked again with what the judge found, and how often.
    pub repair: Repair,
    /// What happens when no answer passed. Default: `best_effort`.
    pub on_exhausted: OnExhausted,
    /// What happens to an answer when the judge cannot be asked. Default: `next_tier`.
    pub on_judge_unavailable: OnJudgeUnavailable,
    /// Where a request starts when the classifier cannot be asked. Default: `lowest_tier`.
    pub on_classifier_unavailable: OnClassifierUnavailable,
    /// What becomes of a request whose tier has no gateway running.
    pub at_zero: AtZero,
    /// For a request that gives none. Default: 120 s.
    pub default_deadline: Duration,
    /// The longest a request may ask for. Default: 10 min.
    pub max_deadline: Duration,
    /// Whether the judge asks a free model about answers that its checks leave open. Default: false.
    pub enable_self_critique: bool,
    /// Whether answers that passed are kept and reused. Default: false.
    pub enable_caching: bool,
    /// How long an answer may be reused. Default: 1 h.
    pub cache_ttl: Duration,
    /// The most that kept answers may take of an orchestrator's memory, those among them that are
    /// kept for a request sent again. Default: 64 MiB.
    pub cache_max_bytes: ByteSize,
    /// How long after its last good answer a session stays with its tier. Default: 30 min.
    pub session_ttl: Duration,
    /// The most sessions that are remembered. Default: 10,000.
    pub max_sessions: u64,
    /// Where the answers of several orchestrators are kept together. Default: nowhere.
    pub cache_store: CacheStore,
    /// Requests of one batch that are answered at once. Default: 16.
    pub batch_parallelism: usize,
    /// Whether several models are asked at once when a request does not say. Default: false.
    pub enable_consensus: bool,
    /// The models a consensus asks.
    pub consensus_models: Vec<ModelName>,
    /// The share of them that has to agree. Default: 0.66.
    pub consensus_threshold: Score,
    /// When two answers count as the same. Default: what fits the form of the answer.
    pub consensus_equivalence: Option<Equivalence>,
    /// When another model is called beside a late one.
    pub hedge: Hedge,
}

/// Whether a model is asked once more with what the judge found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Whether it is when a request does not say. Default: false.
    pub enabled: bool,
    /// The most repairs of one request; each counts as an attempt. Default: 1.
    pub max_per_request: u32,
}

/// When two answers of a consensus count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivalence {
    /// The same text.
    Text,
    /// The same number.
    Number,
    /// The same JSON value.
    Json,
    /// The same of the request's choices.
    Choice,
    /// The same parse tree of its code.
    Code,
    /// Nearly the same vector of an embedding model.
    Embedding,
}

const EQUIVALENCE: &[(&str, Equivalence)] = &[
    ("text", Equivalence::Text),
    ("number", Equivalence::Number),
    ("json", Equivalence::Json),
    ("choice", Equivalence::Choice),
    ("code", Equivalence::Code),
    ("embedding", Equivalence::Embedding),
];

/// A beginning of a prompt that decides its first tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// How the prompt begins.
    pub prefix: String,
    /// Where it starts.
    pub tier: TierName,
}

/// What happens when no answer passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// The best-scored answer is returned, marked as not passed.
    #[default]
    BestEffort,
    /// The request fails with every verdict.
    Strict,
}

/// What happens to an answer when the judge cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnJudgeUnavailable {
    /// It is accepted, marked as not judged.
    AcceptMarked,
    /// The next tier is tried.
    #[default]
    NextTier,
    /// The request fails.
    Fail,
}

/// Where a request starts when the classifier cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnClassifierUnavailable {
    /// At the lowest tier.
    #[default]
    LowestTier,
    /// Nowhere: the request fails.
    Fail,
}

const ON_EXHAUSTED: &[(&str, OnExhausted)] = &[
    ("best_effort", OnExhausted::BestEffort),
    ("strict", OnExhausted::Strict),
];

const ON_JUDGE_UNAVAILABLE: &[(&str, OnJudgeUnavailable)] = &[
    ("accept_marked", OnJudgeUnavailable::AcceptMarked),
    ("next_tier", OnJudgeUnavailable::NextTier),
    ("fail", OnJudgeUnavailable::Fail),
];

const ON_CLASSIFIER_UNAVAILABLE: &[(&str, OnClassifierUnavailable)] = &[
    ("lowest_tier", OnClassifierUnavailable::LowestTier),
    ("fail", OnClassifierUnavailable::Fail),
];

impl Repair {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            enabled: section.or("enabled", false, boolean),
            max_per_request: section.or("max_per_request", 1, count(1..=19)),
        }
    }
}

impl Routing {
    pub(crate) fn read(section: &mut Section<'_, '_>, tiers: &Tiers) -> Self {
        let (default_deadline, max_deadline) = read_deadlines(section);
        let routing = Self {
            quality_threshold: section.or("quality_threshold", Score::clamped(0.7), score),
            action_tier_overrides: read_overrides(section, tiers),
            markers: read_markers(section, tiers),
            difficulty_thresholds: read_thresholds(section, tiers),
            decision: section.section("decision", Decision::read),
            learning: section.section("learning", Learning::read),
            classifier_weights: section
                .get("classifier_weights", read::word)
                .map(PathBuf::from),
            quality_check: section.or("quality_check", true, boolean),
            max_fallback_attempts: section.or("max_fallback_attempts", 3, count(1..=20)),
            repair: section.section("repair", Repair::read),
            on_exhausted: section.or("on_exhausted", OnExhausted::default(), choice(ON_EXHAUSTED)),
            on_judge_unavailable: section.or(
                "on_judge_unavailable",
                OnJudgeUnavailable::default(),
                choice(ON_JUDGE_UNAVAILABLE),
            ),
            on_classifier_unavailable: section.or(
                "on_classifier_unavailable",
                OnClassifierUnavailable::default(),
                choice(ON_CLASSIFIER_UNAVAILABLE),
            ),
            at_zero: AtZero::read(section),
            default_deadline,
            max_deadline,
            enable_self_critique: section.or("enable_self_critique", false, boolean),
            enable_caching: section.or("enable_caching", false, boolean),
            cache_ttl: section.or(
                "cache_ttl",
                Duration::from_hours(1),
                duration(Duration::ZERO..=Duration::from_hours(24 * 365)),
            ),
            cache_max_bytes: section.or(
                "cache_max_bytes",
                ByteSize::mib(64),
                size(ByteSize::kib(64)..=ByteSize::mib(1 << 20)),
            ),
            session_ttl: section.or(
                "session_ttl",
                Duration::from_mins(30),
                duration(Duration::ZERO..=Duration::from_hours(24 * 7)),
            ),
            max_sessions: section.or("max_sessions", 10_000, count(1..=10_000_000)),
            cache_store: section.section("cache_store", CacheStore::read),
            batch_parallelism: section.or("batch_parallelism", 16, count(1..=1024)),
            enable_consensus: section.or("enable_consensus", false, boolean),
            consensus_models: section.or("consensus_models", Vec::new(), read::names),
            consensus_threshold: section.or("consensus_threshold", Score::clamped(0.66), score),
            consensus_equivalence: section.get("consensus_equivalence", choice(EQUIVALENCE)),
            hedge: section.section("hedge", Hedge::read),
        };
        routing.warn(section, tiers);
        routing
    }

    /// Warns of what is accepted and has no effect.
    fn warn(&self, section: &mut Section<'_, '_>, tiers: &Tiers) {
        if self.enable_consensus {
            self.warn_of_consensus(section, tiers);
        }
        for name in &self.consensus_models {
            let mut models = tiers.iter().flat_map(|tier| &tier.models);
            if !models.any(|model| &model.name == name) {
                let name = shown(name.as_str());
                let message = format!("no tier has a model called `{name}`: it will not be asked");
                section.warning("consensus_models", message);
            }
        }
    }

    /// Warns of a consensus that is switched on and cannot be held.
    fn warn_of_consensus(&self, section: &mut Section<'_, '_>, tiers: &Tiers) {
        let models = || tiers.iter().flat_map(|tier| &tier.models);
        let enabled = |name: &ModelName| models().any(|own| own.enabled && &own.name == name);
        let able: BTreeSet<_> = self.consensus_models.iter().collect();
        let count = able.into_iter().filter(|name| enabled(name)).count();
        if count < 2 {
            let message = format!(
                "has no effect: it needs two enabled models in `consensus_models`, and there are {count}"
            );
            section.warning("enable_consensus", message);
        }
        let embeds = |own: &Model| own.enabled && own.capabilities.embeddings;
        let by_vectors = self.consensus_equivalence == Some(Equivalence::Embedding);
        if by_vectors && !models().any(embeds) {
            let message =
                "no tier has a model with `capabilities: {embeddings: true}`: no consensus is held";
            section.warning("consensus_equivalence", message);
        }
    }
}

fn read_deadlines(section: &mut Section<'_, '_>) -> (Duration, Duration) {
    let range = || duration(Duration::from_millis(1)..=Duration::from_hours(1));
    let max = section.or("max_deadline", Duration::from_mins(10), range());
    let fallback = Duration::from_secs(120).min(max);
    let default = section.or("default_deadline", fallback, range());
    if default > max {
        section.problem("default_deadline", "is longer than `max_deadline`");
    }
    (default, max)
}

fn read_overrides(section: &mut Section<'_, '_>, tiers: &Tiers) -> BTreeMap<ActionName, TierName> {
    section.section("action_tier_overrides", |section| {
        let overrides = section.pairs("<action>", |action, tier| {
            let action = ActionName::new(action).map_err(|error| error.to_string())?;
            Ok((action, tier_in(tiers, tier)?))
        });
        overrides.into_iter().collect()
    })
}

fn read_markers(section: &mut Section<'_, '_>, tiers: &Tiers) -> Vec<Marker> {
    let given = section.items("markers", |section| {
        let prefix = section.required("prefix", read::word);
        let tier = section.required("tier", |node| tier_in(tiers, node));
        Some(Marker {
            prefix: prefix?,
            tier: tier?,
        })
    });
    if let Some(markers) = given {
        return markers.into_iter().flatten().collect();
    }
    let names = || tiers.iter().map(|tier| &tier.name);
    let highest = names().find(|name| name.as_str() == "api_fallback");
    let marker = highest.or_else(|| names().next_back()).map(|tier| Marker {
        prefix: "ORCHESTRATE:".to_owned(),
        tier: tier.clone(),
    });
    marker.into_iter().collect()
}

/// One threshold between each two tiers.
fn read_thresholds(section: &mut Section<'_, '_>, tiers: &Tiers) -> Vec<Score> {
    let wanted = tiers.len().saturating_sub(1);
    let given = section.get("difficulty_thresholds", |node| {
        let scores: Vec<Score> = read::list(node)?
            .iter()
            .map(score)
            .collect::<Result<_, _>>()?;
        if scores.len() != wanted {
            let (tiers, given) = (tiers.len(), scores.len());
            return Err(format!(
                "{tiers} tiers need {wanted} of them, and {given} are given"
            ));
        }
        if !scores.is_sorted() {
            return Err("have to rise: each is where the next higher tier begins".to_owned());
        }
        Ok(scores)
    });
    given.unwrap_or_else(|| default_thresholds(wanted))
}

fn default_thresholds(count: usize) -> Vec<Score> {
    if count == 2 {
        return vec![Score::clamped(0.45), Score::clamped(0.8)];
    }
    let between = count as f64 + 1.0;
    let spread = (1..=count).map(|index| Score::clamped(index as f64 / between));
    spread.collect()
}

/// The name of a tier that exists.
fn tier_in(tiers: &Tiers, node: &Node) -> Result<TierName, String> {
    let name: TierName = read::name(node)?;
    // Without any tier that is the problem, not every mention of one.
    if tiers.get(&name).is_some() || tiers.len() == 0 {
        return Ok(name);
    }
    let near = did_you_mean(name.as_str(), tiers.iter().map(|tier| tier.name.as_str()));
    let name = shown(name.as_str());
    Err(format!("no tier is called `{name}`{near}"))
}
