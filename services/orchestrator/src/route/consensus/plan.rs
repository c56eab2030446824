//! Who is asked in a consensus, and who is not and why. Pure, a part of the request's plan.

use terrace_domain::{BackendName, ModelName, NanoUsd, Score};
use terrace_proto::common::v1::response_format::Kind;

use crate::catalog::Model;
use crate::classification::{Classification, TaskKind};
use crate::request::Request;
use crate::route::consensus::{Equivalence, Wish, votes};
use crate::route::plan::{Candidate, Rules, Situation, candidate, moves_down, obstacle};

/// The fewest models that can agree.
const FEWEST: usize = 2;

/// Models that are asked at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Who is asked; empty when no consensus is held.
    pub members: Vec<Candidate>,
    /// Models that were wanted and are not asked.
    pub absent: Vec<Absent>,
    /// The part of the votes that an answer needs.
    pub threshold: Score,
    /// When two answers count as the same.
    pub equivalence: Equivalence,
    /// Who turns answers into vectors, when those are compared.
    pub embedder: Option<(BackendName, ModelName)>,
    /// How many have to agree, or why no consensus is held.
    pub why: String,
    /// How often each member was right at such requests, where that was learned.
    pub accuracies: Vec<Option<Score>>,
    /// Answers that a member chooses among.
    pub alternatives: usize,
}

/// A model that was wanted and is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// The model.
    pub model: ModelName,
    /// Why not, and what would change it.
    pub why: String,
}

impl Round {
    /// Whether anybody is asked.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.members.is_empty()
    }

    /// What each member's vote weighs: by how often it was right at such requests, and all the same
    /// while that is not known of all of them.
    #[must_use]
    pub fn weights(&self) -> Vec<u64> {
        votes::weights(&self.accuracies, self.alternatives)
    }

    /// Whether the members that `can` tells of would be enough, if they said the same.
    #[must_use]
    pub fn can_agree(&self, can: impl Fn(usize) -> bool) -> bool {
        let weights = self.weights();
        let able = weights
            .iter()
            .enumerate()
            .filter(|(member, _)| can(*member));
        let votes: u64 = able.map(|(_, weight)| weight).sum();
        votes >= votes::bar(self.threshold, weights.iter().sum())
    }

    /// The most that all members together can cost.
    #[must_use]
    pub fn worst_case(&self) -> NanoUsd {
        self.members.iter().map(|member| member.worst_case).sum()
    }
}

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) struct Facts<'a> {
    pub(in crate::route) request: &'a Request,
    pub(in crate::route) classification: &'a Classification,
    pub(in crate::route) situation: Situation<'a>,
    pub(in crate::route) rules: &'a Rules,
}

/// Plans the round that the request wants, if it wants one.
pub(in crate::route) fn round(facts: Facts<'_>) -> Option<Round> {
    let wish = facts.request.policy.consensus.as_ref()?;
    let asks_code = facts.classification.task_kind == TaskKind::Code;
    let equivalence = equivalence(wish, facts.request, asks_code);
    let embedder = (equivalence == Equivalence::Embedding)
        .then(|| embedder(facts.situation.models))
        .flatten();
    let (members, absent) = if let Some(why) = gives_way(wish, facts) {
        (Err(why), Vec::new())
    } else if equivalence == Equivalence::Embedding && embedder.is_none() {
        (Err(NO_EMBEDDER.to_owned()), Vec::new())
    } else {
        members(wish, facts)
    };
    let taught = &facts.classification.taught;
    let (members, why) = match members {
        Ok(members) => {
            let by_accuracy = members
                .iter()
                .all(|own| taught.accuracy(&own.model).is_some());
            let why = enough(members.len(), wish.threshold, by_accuracy);
            (members, why)
        }
        Err(why) => (Vec::new(), format!("no consensus is held: {why}")),
    };
    let accuracies = members.iter().map(|own| taught.accuracy(&own.model));
    Some(Round {
        accuracies: accuracies.collect(),
        alternatives: alternatives(facts.request),
        members,
        absent,
        threshold: wish.threshold,
        equivalence,
        embedder,
        why,
    })
}

/// Why answers cannot be compared by their vectors.
pub(in crate::route) const NO_EMBEDDER: &str =
    "comparing by embedding needs an embedding model that costs nothing, and no gateway has one";

/// What keeps a request's own wish from being granted by these models, whatever the prompt.
#[must_use]
pub fn refusal(request: &Request, models: &[Model]) -> Option<&'static str> {
    let wish = request.policy.consensus.as_ref()?;
    let by_vectors = equivalence(wish, request, false) == Equivalence::Embedding;
    (wish.by_request && by_vectors && embedder(models).is_none()).then_some(NO_EMBEDDER)
}

/// As it was declared, else what fits the form that the answer must have.
fn equivalence(wish: &Wish, request: &Request, asks_code: bool) -> Equivalence {
    if let Some(declared) = wish.equivalence {
        return declared;
    }
    let format = request.prompt.response_format();
    match format.and_then(|format| format.kind.as_ref()) {
        Some(Kind::Json(_) | Kind::JsonSchema(_)) => Equivalence::Json,
        Some(Kind::Choice(_)) => Equivalence::Choice,
        None if asks_code && request.policy.quality_check => Equivalence::Code,
        Some(Kind::Regex(_)) | None => Equivalence::Text,
    }
}

/// Its calls are not in the books: that is why they must cost nothing.
fn embedder(models: &[Model]) -> Option<(BackendName, ModelName)> {
    let can = |model: &&Model| {
        model.abilities.embeddings && model.unavailable_because.is_none() && model.price.is_free()
    };
    let model = models.iter().find(can)?;
    Some((model.backend.clone(), model.name.clone()))
}

/// Why the config's wish gives way to what this request demands.
fn gives_way(wish: &Wish, facts: Facts<'_>) -> Option<String> {
    if wish.by_request {
        return None;
    }
    let policy = &facts.request.policy;
    if policy.model.is_some() || policy.tier.is_some() {
        return Some("the request asks for one model or tier".to_owned());
    }
    let tier = facts.classification.tier.as_ref()?;
    Some(format!(
        "the request is sent to {tier} by its action or marker"
    ))
}

type Members = Result<Vec<Candidate>, String>;

/// The members in the order of the wish, as far as their worst cases fit the request's `max_cost`
/// together.
fn members(wish: &Wish, facts: Facts<'_>) -> (Members, Vec<Absent>) {
    let (mut members, mut absent) = (Vec::new(), Vec::new());
    let mut worst_case = NanoUsd::ZERO;
    for name in &wish.models {
        let found = member(name, facts).and_then(|member| {
            let together = worst_case.plus(member.worst_case);
            match facts.request.policy.max_cost {
                Some(most) if together > most => Err(format!(
                    "with its worst case of {} the members could cost {together}, above the request's max_cost of {most}",
                    member.worst_case
                )),
                _ => Ok((member, together)),
            }
        });
        match found {
            Ok((member, together)) => {
                worst_case = together;
                members.push(member);
            }
            Err(why) => absent.push(Absent {
                model: name.clone(),
                why,
            }),
        }
    }
    if members.len() < FEWEST {
        let count = members.len();
        return (
            Err(format!("it needs two models, and {count} can be asked")),
            absent,
        );
    }
    (Ok(members), absent)
}

/// The model of this name in the lowest tier where it can be called.
fn member(name: &ModelName, facts: Facts<'_>) -> Result<Candidate, String> {
    let Facts {
        request,
        classification,
        situation,
        rules,
    } = facts;
    let all = situation.models.iter().enumerate();
    let mut named: Vec<_> = all
        .filter(|(_, model)| &model.name == name)
        .map(|(index, model)| (rules.rank_of(&model.tier), index, model))
        .collect();
    named.sort_by_key(|(rank, ..)| rank.unwrap_or(usize::MAX));
    let mut why = None;
    for (rank, index, model) in named {
        let obstacle = obstacle(request, model, rank.is_some())
            .or_else(|| moves_down(request, situation.home, rank.unwrap_or_default(), rules));
        if obstacle.is_some() {
            why = why.or(obstacle);
            continue;
        }
        let record = situation.records.get(index).copied().unwrap_or_default();
        let mut member = candidate(request, classification, model);
        member.stand_in(situation, classification, &record);
        "asked together with others, who have to agree".clone_into(&mut member.why);
        return Ok(member);
    }
    Err(why.unwrap_or_else(|| "no gateway lists a model of this name".to_owned()))
}

/// As many as the request has options, else what is usual.
fn alternatives(request: &Request) -> usize {
    let format = request.prompt.response_format();
    match format.and_then(|format| format.kind.as_ref()) {
        Some(Kind::Choice(choice)) => choice.options.len().max(2),
        _ => votes::ALTERNATIVES,
    }
}

fn enough(members: usize, threshold: Score, by_accuracy: bool) -> String {
    if by_accuracy {
        return format!(
            "{threshold} of the votes have to agree, weighed by how often each was right"
        );
    }
    let asked = members as u64;
    let needed = votes::bar(threshold, asked);
    if needed > 1 {
        format!("{needed} of {asked} have to agree")
    } else {
        format!("one of {asked} is enough, unless as many say otherwise")
    }
}

/// What is left for the candidates of a plan when its members cannot agree: the tiers above them.
/// Other models are a last resort, for when nobody has given any answer.
pub(in crate::route) fn behind(
    round: &Round,
    candidates: Vec<Candidate>,
    rules: &Rules,
) -> Vec<Candidate> {
    let is_member = |candidate: &Candidate| {
        let mut members = round.members.iter();
        members.any(|own| own.model == candidate.model && own.backend == candidate.backend)
    };
    let ranks = round.members.iter().map(|own| rules.rank_of(&own.tier));
    let highest = ranks.flatten().max().unwrap_or_default();
    let others = candidates.into_iter().filter(|other| !is_member(other));
    let (above, below): (Vec<_>, Vec<_>) = others.partition(|other| {
        !other.last_resort
            && rules
                .rank_of(&other.tier)
                .is_some_and(|rank| rank > highest)
    });
    let below = below.into_iter().map(|other| Candidate {
        last_resort: true,
        why: "last resort: only if nobody above gives any answer".to_owned(),
        ..other
    });
    let above = above.into_iter().map(|other| Candidate {
        why: "a tier above the members, if they do not agree".to_owned(),
        ..other
    });
    above.chain(below).collect()
}

#[cfg(test)]
mod tests;
