//! The plan: which models to try, in which order, for how long, and why; which not, and why not.
//!
//! A pure function of the request, its classification, what is known at that moment and the rules
//! of the config. `Explain` and `Route` call the same function with the same arguments.
//!
//! 1. Models that cannot serve the request are left out, each with its reason (`filter.rs`).
//! 2. Where it starts, and whether the judge looks, is decided by what each is worth (`decision.rs`).
//! 3. They are put in order, from the start tier upwards, lower tiers as a last resort that is
//!    tried only when nobody above has given any answer (`order.rs`).
//! 4. The deadline is handed out among those that may be called; whoever cannot finish in what is
//!    left is left out too (`share.rs`).
//! 5. When a consensus is wanted, its members are asked before all candidates, and at once.

pub mod decision;
mod filter;
mod order;
mod share;

use std::time::Duration;

use terrace_domain::usage::Usage;
use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Price, Score, TierName};

use crate::catalog::Model;
use crate::classification::{Classification, TaskKind};
use crate::request::{OnExhausted, Request};
use crate::route::budget::Refusal;
use crate::route::consensus::Equivalence;
use crate::route::consensus::plan::{self as consensus, Facts, Round};
use crate::route::recent::Cut;
use crate::route::record::Record;
use crate::route::repair;
use crate::route::sessions::Home;
use decision::{Deciding, Decision, Rung, Terms};
use order::{Merit, Start};

pub(super) use filter::obstacle;

/// Output tokens that an answer is expected to have when the classifier says nothing.
const EXPECTED_OUTPUT_TOKENS: u32 = 256;

/// What the config says about planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Tiers from the lowest to the highest; never empty.
    pub tiers: Vec<TierName>,
    /// Difficulty at which each tier above the lowest begins; one fewer than tiers, rising.
    pub difficulty_thresholds: Vec<Score>,
    /// What quality is worth.
    pub deciding: Deciding,
}

impl Rules {
    /// How high a tier stands, from 0.
    #[must_use]
    pub fn rank_of(&self, tier: &TierName) -> Option<usize> {
        self.tiers.iter().position(|name| name == tier)
    }

    fn rank_of_difficulty(&self, classification: &Classification) -> usize {
        let reached = |threshold: &&Score| classification.difficulty.passes(**threshold);
        let rank = self.difficulty_thresholds.iter().filter(reached).count();
        rank.min(self.tiers.len().saturating_sub(1))
    }
}

/// What is known when a plan is made, besides the request: plain values.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The models as their gateways last listed them.
    pub models: &'a [Model],
    /// What was seen of each lately, in the same order; blank for those that are missing.
    pub records: &'a [Record],
    /// What the ledger said of the budget a moment ago, if it had no room.
    pub refusal: Option<&'a Refusal>,
    /// Where the request's session is at home.
    pub home: Option<&'a Home>,
    /// What is left of the deadline.
    pub time: Duration,
    /// The gain from which a request goes to the highest tier, where a target is set.
    pub cut: Option<Cut>,
}

/// A model to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Tier of the model.
    pub tier: TierName,
    /// Backend that runs it.
    pub backend: BackendName,
    /// The model.
    pub model: ModelName,
    /// What it costs.
    pub price: Price,
    /// Why it is here and in this place.
    pub why: String,
    /// The most that the attempt can cost.
    pub worst_case: NanoUsd,
    /// What it is expected to cost.
    pub expected: NanoUsd,
    /// The most that a repair of its answer can cost; `None` when there will be none.
    pub repair_worst_case: Option<NanoUsd>,
    /// How long its answer is expected to take, once enough of them were seen.
    pub expected_latency: Option<Duration>,
    /// The most that it may take of the deadline when those before it take all of theirs; `None`
    /// when it is called only if another is skipped.
    pub share: Option<Duration>,
    /// Why the ledger would hold no money for it now.
    pub no_budget: Option<Failure>,
    /// Output cap that is sent upstream.
    pub max_output_tokens: u32,
    /// Whether it is tried only when nobody above has given any answer.
    pub last_resort: bool,
    /// Whether it is a scripted stand-in and not a real model.
    pub scripted: bool,
    /// How long its first piece may take before another is called beside it, when that is wanted.
    pub hedge_after: Option<Duration>,
    /// What it is worth; `None` when nothing is known of the question.
    pub terms: Option<Terms>,
}

/// A model that will not be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Tier of the model.
    pub tier: TierName,
    /// Backend that runs it.
    pub backend: BackendName,
    /// The model.
    pub model: ModelName,
    /// Why not, and what would change it.
    pub why: String,
}

/// The ordered candidates for a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the request was taken for.
    pub classification: Classification,
    /// Where it starts and why; `None` when a consensus is held before anybody starts.
    pub decision: Option<Decision>,
    /// Models that are asked at once, before any candidate.
    pub consensus: Option<Round>,
    /// Models to try, in this order.
    pub candidates: Vec<Candidate>,
    /// Models that will not be tried.
    pub left_out: Vec<LeftOut>,
    /// Most attempts.
    pub max_attempts: u32,
    /// Of them, most that ask a model again with what the judge found.
    pub max_repairs: u32,
    /// What was left of the deadline.
    pub time: Duration,
    /// Score that an answer must reach.
    pub quality_threshold: Score,
    /// Whether the judge looks at answers.
    pub quality_check: bool,
    /// What happens when no answer passed.
    pub on_exhausted: OnExhausted,
    /// Upper bound of the prompt's tokens that worst cases count with.
    pub input_token_bound: u64,
}

/// Makes the plan for a request.
#[must_use]
pub fn plan(
    request: &Request,
    classification: Classification,
    situation: Situation<'_>,
    rules: &Rules,
) -> Plan {
    let (entries, mut left_out) = able(request, &classification, situation, rules);
    let (mut candidates, decision) =
        in_order(request, &classification, (situation, rules), entries);
    let facts = Facts {
        request,
        classification: &classification,
        situation,
        rules,
    };
    let consensus = consensus::round(facts);
    let max_attempts = request.policy.max_attempts;
    let (attempts, time) = match consensus.as_ref().filter(|round| round.is_held()) {
        Some(round) => {
            candidates = consensus::behind(round, candidates, rules);
            let time = share::at_once(&candidates, max_attempts, situation.time);
            (max_attempts - 1, situation.time.saturating_sub(time))
        }
        None => (max_attempts, situation.time),
    };
    left_out.extend(share::hand_out(&mut candidates, attempts, time));
    let is_held = consensus.as_ref().is_some_and(Round::is_held);
    let unjudged = decision.course == decision::Course::DirectLow;
    Plan {
        classification,
        quality_check: request.policy.quality_check && (is_held || !unjudged),
        decision: (!is_held).then_some(decision),
        consensus,
        candidates,
        left_out,
        max_attempts,
        max_repairs: repair::most(request),
        time: situation.time,
        quality_threshold: request.policy.quality_threshold,
        on_exhausted: request.policy.on_exhausted,
        input_token_bound: request.prompt.token_bound(),
    }
}

/// A model that can serve the request, before it has its place.
struct Entry {
    rank: usize,
    merit: Merit,
    record: Record,
    candidate: Candidate,
}

/// Who can serve the request, and who cannot.
fn able(
    request: &Request,
    classification: &Classification,
    situation: Situation<'_>,
    rules: &Rules,
) -> (Vec<Entry>, Vec<LeftOut>) {
    let mut entries = Vec::new();
    let mut left_out = Vec::new();
    for (index, model) in situation.models.iter().enumerate() {
        let rank = rules.rank_of(&model.tier);
        let why = obstacle(request, model, rank.is_some())
            .or_else(|| moves_down(request, situation.home, rank.unwrap_or_default(), rules));
        if let Some(why) = why {
            left_out.push(LeftOut::new(model, why));
            continue;
        }
        let record = situation.records.get(index).copied().unwrap_or_default();
        let mut candidate = candidate(request, classification, model);
        candidate.stand_in(situation, classification, &record);
        let is_special = classification.task_kind == TaskKind::Code && model.abilities.code;
        let is_home = situation.home.is_some_and(|home| candidate.is_at(home));
        entries.push(Entry {
            rank: rank.unwrap_or_default(),
            merit: Merit::of(&candidate, &record, request, (is_special, is_home)),
            record,
            candidate,
        });
    }
    (entries, left_out)
}

/// Everybody in the order in which they are tried, and what that order was decided by.
fn in_order(
    request: &Request,
    classification: &Classification,
    (situation, rules): (Situation<'_>, &Rules),
    mut entries: Vec<Entry>,
) -> (Vec<Candidate>, Decision) {
    // Stable: equals stay in the order of the config.
    entries.sort_by_key(|entry| entry.merit);
    let rungs = weigh(&mut entries, classification, rules);
    let facts = decision::Facts {
        request,
        classification,
        rules,
        rungs: &rungs,
        cut: situation.cut,
    };
    for (rank, value) in facts.judged_values() {
        let mut of_tier = entries.iter_mut().filter(|entry| entry.rank == rank);
        let stands_for_it = of_tier.find_map(|entry| entry.candidate.terms.as_mut());
        if let Some(terms) = stands_for_it {
            terms.judged_value = Some(value);
        }
    }
    let (start, mut decision) = Start::of(&facts, situation.home);
    let ranks = entries.iter().map(|entry| entry.rank);
    decision.course = start.course(&facts, ranks.max().unwrap_or_default());
    entries.sort_by_key(|entry| start.distance(entry.rank));
    let placed = entries.into_iter().map(|entry| {
        let Entry {
            rank,
            record,
            candidate,
            merit,
        } = entry;
        Candidate {
            last_resort: rank < start.rank,
            why: order::why(&candidate, &record, request, (&start, rank), merit),
            ..candidate
        }
    });
    (placed.collect(), decision)
}

/// Fills in what is weighed of each, and picks who stands for its tier: the first by merit that has
/// a budget. Nobody does when nothing is known of the question.
fn weigh(entries: &mut [Entry], classification: &Classification, rules: &Rules) -> Vec<Rung> {
    let weights = rules.deciding.weights.unwrap_or_default();
    let mut rungs: Vec<Rung> = Vec::new();
    for entry in entries.iter_mut() {
        let place = (entry.rank, rules.tiers.len());
        let Some(rung) = Rung::of(&entry.candidate, &entry.record, classification, place) else {
            continue;
        };
        entry.candidate.terms = Some(rung.terms(weights));
        let is_taken = rungs.iter().any(|other| other.rank == rung.rank);
        if !is_taken && entry.candidate.no_budget.is_none() {
            rungs.push(rung);
        }
    }
    rungs.sort_by_key(|rung| rung.rank);
    rungs
}

/// Why a model of this rank would move a session down where it must not, if it would: whoever has
/// asked for a tool's result is to be followed by nobody lesser.
pub(super) fn moves_down(
    request: &Request,
    home: Option<&Home>,
    rank: usize,
    rules: &Rules,
) -> Option<String> {
    let home = home?;
    let policy = &request.policy;
    let is_forced = policy.tier.is_some() || policy.model.is_some();
    if is_forced || !request.prompt.ends_in_tool_result() {
        return None;
    }
    let is_lower = rank < rules.rank_of(&home.tier)?;
    is_lower.then(|| {
        format!(
            "the session is in the middle of a tool exchange in {}, and is not moved down",
            home.tier
        )
    })
}

fn output_cap(request: &Request, model: &Model) -> u32 {
    let wanted = request.prompt.max_output_tokens();
    wanted.unwrap_or(model.default_max_output_tokens)
}

fn worst_case(request: &Request, model: &Model) -> NanoUsd {
    let output = u64::from(output_cap(request, model));
    model.price.worst_case(request.prompt.token_bound(), output)
}

/// A model as a candidate, by what is known of the model alone.
pub(crate) fn candidate(
    request: &Request,
    classification: &Classification,
    model: &Model,
) -> Candidate {
    let max_output_tokens = output_cap(request, model);
    Candidate {
        tier: model.tier.clone(),
        backend: model.backend.clone(),
        model: model.name.clone(),
        price: model.price,
        why: String::new(),
        worst_case: worst_case(request, model),
        expected: model.price.cost(Usage {
            input_tokens: request.prompt.estimated_tokens(),
            output_tokens: u64::from(expected_output(classification, max_output_tokens)),
            ..Usage::default()
        }),
        repair_worst_case: repair::worst_case(request, model, max_output_tokens),
        expected_latency: None,
        share: None,
        no_budget: None,
        max_output_tokens,
        last_resort: false,
        scripted: model.scripted,
        hedge_after: None,
        terms: None,
    }
}

fn expected_output(classification: &Classification, cap: u32) -> u32 {
    let expected = classification.expected_output_tokens;
    expected.unwrap_or(EXPECTED_OUTPUT_TOKENS).min(cap)
}

impl Candidate {
    /// Fills in what depends on more than the model.
    pub(super) fn stand_in(
        &mut self,
        situation: Situation<'_>,
        classification: &Classification,
        record: &Record,
    ) {
        let tokens = expected_output(classification, self.max_output_tokens);
        self.expected_latency = record.pace.map(|pace| pace.expected(tokens));
        let refused = situation
            .refusal
            .and_then(|refusal| refusal.of(self.worst_case));
        self.no_budget = refused.cloned();
    }

    fn is_at(&self, home: &Home) -> bool {
        self.tier == home.tier && self.backend == home.backend && self.model == home.model
    }
}

impl Plan {
    /// Whether answers are compared by their code.
    pub(super) fn compares_code(&self) -> bool {
        let round = self.consensus.as_ref().filter(|round| round.is_held());
        round.is_some_and(|round| round.equivalence == Equivalence::Code)
    }

    /// How high the highest tier of its candidates stands.
    #[must_use]
    pub fn highest_rank(&self, rules: &Rules) -> Option<usize> {
        let ranks = self.candidates.iter().map(|own| rules.rank_of(&own.tier));
        ranks.flatten().max()
    }
}

impl LeftOut {
    fn new(model: &Model, why: String) -> Self {
        Self {
            tier: model.tier.clone(),
            backend: model.backend.clone(),
            model: model.name.clone(),
            why,
        }
    }
}

#[cfg(test)]
mod tests;
