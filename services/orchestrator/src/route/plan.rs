//! The plan: which models to try, in which order, and why; which not, and why not.
//!
//! A pure function of the request, its classification, the models as last heard of and the
//! rules of the config. `Explain` and `Route` call the same function with the same arguments.
//!
//! 1. Models that cannot serve the request are left out, each with its reason.
//! 2. The start tier is the forced one, else the one that an override or marker demands, else the
//!    one that the difficulty falls into.
//! 3. Candidates go from the start tier upwards. Lower tiers follow as a last resort: they are
//!    tried only when nobody above has given any answer.
//! 4. Within a tier, code models come first for code, then the cheaper, then as configured.

use std::cmp::Ordering;

use terrace_domain::usage::Usage;
use terrace_domain::{BackendName, ModelName, NanoUsd, Price, Score, TierName};

use crate::catalog::Model;
use crate::classification::{Classification, Source, TaskKind};
use crate::request::{OnExhausted, Request};

/// Output tokens that an answer is expected to have when the classifier says nothing.
const EXPECTED_OUTPUT_TOKENS: u32 = 256;

/// What the config says about planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Tiers from the lowest to the highest; never empty.
    pub tiers: Vec<TierName>,
    /// Difficulty at which each tier above the lowest begins; one fewer than tiers, rising.
    pub difficulty_thresholds: Vec<Score>,
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
    /// Output cap that is sent upstream.
    pub max_output_tokens: u32,
    /// Whether it is tried only when nobody above has given any answer.
    pub last_resort: bool,
    /// Whether it is a scripted stand-in and not a real model.
    pub scripted: bool,
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
    /// Models to try, in this order.
    pub candidates: Vec<Candidate>,
    /// Models that will not be tried.
    pub left_out: Vec<LeftOut>,
    /// Most attempts.
    pub max_attempts: u32,
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
    models: &[Model],
    rules: &Rules,
) -> Plan {
    let start = start_rank(request, &classification, rules);
    let mut candidates = Vec::new();
    let mut left_out = Vec::new();
    for model in models {
        let rank = rank_of(&model.tier, rules);
        match obstacle(request, model, rank.is_some()) {
            Some(why) => left_out.push(LeftOut {
                tier: model.tier.clone(),
                backend: model.backend.clone(),
                model: model.name.clone(),
                why,
            }),
            None => candidates.push((
                rank.unwrap_or_default(),
                candidate(request, &classification, model),
                model.abilities.code,
            )),
        }
    }
    let wants_code = classification.task_kind == TaskKind::Code;
    candidates.sort_by(|(rank_a, a, code_a), (rank_b, b, code_b)| {
        by_tier(*rank_a, *rank_b, start)
            .then_with(|| {
                if wants_code {
                    code_b.cmp(code_a)
                } else {
                    Ordering::Equal
                }
            })
            .then_with(|| a.expected.cmp(&b.expected))
    });
    let because = start_because(request, &classification);
    let candidates = candidates
        .into_iter()
        .map(|(rank, candidate, code)| Candidate {
            last_resort: rank < start,
            why: place(rank, start, &because, wants_code && code),
            ..candidate
        })
        .collect();
    Plan {
        classification,
        candidates,
        left_out,
        max_attempts: request.policy.max_attempts,
        quality_threshold: request.policy.quality_threshold,
        quality_check: request.policy.quality_check,
        on_exhausted: request.policy.on_exhausted,
        input_token_bound: request.prompt.token_bound(),
    }
}

fn rank_of(tier: &TierName, rules: &Rules) -> Option<usize> {
    rules.tiers.iter().position(|name| name == tier)
}

fn start_rank(request: &Request, classification: &Classification, rules: &Rules) -> usize {
    let demanded = request
        .policy
        .tier
        .as_ref()
        .or(classification.tier.as_ref());
    if let Some(rank) = demanded.and_then(|tier| rank_of(tier, rules)) {
        return rank;
    }
    let reached = |threshold: &&Score| classification.difficulty.passes(**threshold);
    let rank = rules.difficulty_thresholds.iter().filter(reached).count();
    rank.min(rules.tiers.len().saturating_sub(1))
}

/// From the start tier upwards, then from just below it downwards.
fn by_tier(a: usize, b: usize, start: usize) -> Ordering {
    match (a < start, b < start) {
        (false, false) => a.cmp(&b),
        (true, true) => b.cmp(&a),
        (a_is_lower, b_is_lower) => a_is_lower.cmp(&b_is_lower),
    }
}

/// Why `model` cannot serve the request at all, if it cannot.
fn obstacle(request: &Request, model: &Model, tier_is_known: bool) -> Option<String> {
    let policy = &request.policy;
    if !tier_is_known {
        return Some(format!(
            "its tier {} is not among the config's tiers",
            model.tier
        ));
    }
    if policy
        .model
        .as_ref()
        .is_some_and(|wanted| wanted != &model.name)
    {
        return Some("the request asks for another model".to_owned());
    }
    if policy
        .tier
        .as_ref()
        .is_some_and(|wanted| wanted != &model.tier)
    {
        return Some("the request asks for another tier".to_owned());
    }
    if !policy.allowed_tiers.is_empty() && !policy.allowed_tiers.contains(&model.tier) {
        return Some("the request does not allow its tier".to_owned());
    }
    if let Some(why) = &model.unavailable_because {
        return Some(why.clone());
    }
    lacks(request, model)
        .or_else(|| no_room(request, model))
        .or_else(|| too_dear(request, model))
}

/// What the request needs and the model cannot do.
fn lacks(request: &Request, model: &Model) -> Option<String> {
    let (prompt, can) = (&request.prompt, model.abilities);
    let why = if prompt.has_images() && !can.vision {
        "it reads no pictures, and the prompt has some"
    } else if prompt.needs_tools() && !can.tools {
        "it calls no tools, and the request has some"
    } else if prompt.needs_strict_schema() && !can.json_schema {
        "it cannot be held to a JSON Schema, which the request demands"
    } else {
        return None;
    };
    Some(why.to_owned())
}

fn no_room(request: &Request, model: &Model) -> Option<String> {
    let (input, output) = (
        request.prompt.estimated_tokens(),
        output_cap(request, model),
    );
    let needed = input.saturating_add(u64::from(output));
    (needed > u64::from(model.context_window)).then(|| {
        format!(
            "about {input} prompt tokens and {output} output tokens do not fit its context window of {}",
            model.context_window
        )
    })
}

fn too_dear(request: &Request, model: &Model) -> Option<String> {
    let max_cost = request.policy.max_cost?;
    let worst_case = worst_case(request, model);
    (worst_case > max_cost).then(|| {
        format!("its worst case of {worst_case} is above the request's max_cost of {max_cost}")
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

fn candidate(request: &Request, classification: &Classification, model: &Model) -> Candidate {
    let max_output_tokens = output_cap(request, model);
    let expected_output = classification
        .expected_output_tokens
        .unwrap_or(EXPECTED_OUTPUT_TOKENS)
        .min(max_output_tokens);
    Candidate {
        tier: model.tier.clone(),
        backend: model.backend.clone(),
        model: model.name.clone(),
        price: model.price,
        why: String::new(),
        worst_case: worst_case(request, model),
        expected: model.price.cost(Usage {
            input_tokens: request.prompt.estimated_tokens(),
            output_tokens: u64::from(expected_output),
            ..Usage::default()
        }),
        max_output_tokens,
        last_resort: false,
        scripted: model.scripted,
    }
}

fn start_because(request: &Request, classification: &Classification) -> String {
    if request.policy.model.is_some() {
        return "the request asks for this model".to_owned();
    }
    if request.policy.tier.is_some() {
        return "the request asks for this tier".to_owned();
    }
    match classification.source {
        Source::ActionOverride => {
            format!("action_tier_overrides sends {} here", request.action())
        }
        Source::Marker => "the prompt's marker sends it here".to_owned(),
        Source::Scorer => format!(
            "its difficulty of {} starts in this tier",
            classification.difficulty
        ),
        Source::Unavailable => "the classifier could not be asked, so it starts low".to_owned(),
    }
}

fn place(rank: usize, start: usize, because: &str, for_code: bool) -> String {
    let mut why = match rank.cmp(&start) {
        Ordering::Equal => because.to_owned(),
        Ordering::Greater => "the next tier up, if the ones before fall short".to_owned(),
        Ordering::Less => "last resort: only if nobody above gives any answer".to_owned(),
    };
    if for_code {
        why.push_str("; made for code");
    }
    why
}

#[cfg(test)]
mod tests;
