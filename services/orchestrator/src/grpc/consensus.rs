//! Consensus on the wire: what a request wants of one, who is asked, and what came of it.

use terrace_domain::{ModelName, Score, Violations};
use terrace_proto::router::v1 as wire;

use super::response;
use crate::answer::Answer;
use crate::route::consensus::plan::Round;
use crate::route::consensus::{Consensus, Equivalence, Group, Wish};
use crate::route::trail::Attempt;

/// The most models of one consensus.
const MOST: usize = 16;

/// What a request wants; what it leaves open is as in `config`, the config's description of a
/// consensus, and without any word on it as in `default`, which is none while the config has it
/// switched off.
pub(super) fn wish(
    policy: &wire::RoutePolicy,
    (config, default): (&Wish, Option<&Wish>),
    noted: &mut Violations,
) -> Option<Wish> {
    let Some(asked) = &policy.consensus else {
        return default.cloned();
    };
    if asked.off {
        let alone = asked.models.is_empty() && asked.threshold == 0.0;
        let rule = "cannot be set beside the others";
        noted.require(
            alone && asked.equivalence.is_empty(),
            "policy.consensus.off",
            rule,
        );
        return None;
    }
    let rule = "cannot be set beside model: that is one model alone";
    noted.require(policy.model.is_empty(), "policy.consensus", rule);
    let models = if asked.models.is_empty() {
        let rule = "must name the models to ask: the config has no routing.consensus_models";
        let some = !config.models.is_empty();
        noted.require(some, "policy.consensus.models", rule);
        config.models.clone()
    } else {
        models(&asked.models, noted)
    };
    Some(Wish {
        models,
        threshold: threshold(asked.threshold, noted).unwrap_or(config.threshold),
        equivalence: equivalence(&asked.equivalence, noted).or(config.equivalence),
        by_request: true,
    })
}

fn models(names: &[String], noted: &mut Violations) -> Vec<ModelName> {
    let field = "policy.consensus.models";
    let fits = (2..=MOST).contains(&names.len());
    noted.require(
        fits,
        field,
        "must have 2 to 16 models, or none for those of the config",
    );
    let mut models = Vec::new();
    for (index, name) in names.iter().enumerate().take(MOST) {
        let field = format!("{field}[{index}]");
        match ModelName::new(name.clone()) {
            Ok(model) if models.contains(&model) => noted.add(field, "is named twice"),
            Ok(model) => models.push(model),
            Err(error) => noted.add(field, error.to_string()),
        }
    }
    models
}

/// `None` for zero, which is not set.
fn threshold(value: f64, noted: &mut Violations) -> Option<Score> {
    let score = Score::new(value);
    let rule = "must be 0 to 1";
    noted.require(score.is_ok(), "policy.consensus.threshold", rule);
    score.ok().filter(|score| *score > Score::ZERO)
}

fn equivalence(word: &str, noted: &mut Violations) -> Option<Equivalence> {
    if word.is_empty() {
        return None;
    }
    let parsed = word.parse();
    parsed
        .map_err(|error: crate::route::consensus::UnknownEquivalence| {
            noted.add("policy.consensus.equivalence", error.to_string());
        })
        .ok()
}

/// Who is asked.
pub(super) fn planned(round: Round) -> wire::ConsensusPlan {
    let worst_case_nano_usd = round.worst_case().get();
    let weights = round.weights();
    let all = weights.iter().sum::<u64>().max(1) as f64;
    let absent = round.absent.into_iter().map(|absent| wire::AbsentMember {
        model: absent.model.to_string(),
        why: absent.why,
    });
    wire::ConsensusPlan {
        absent: absent.collect(),
        members: round.members.into_iter().map(response::candidate).collect(),
        threshold: round.threshold.get(),
        equivalence: round.equivalence.to_string(),
        worst_case_nano_usd,
        why: round.why,
        shares: weights.iter().map(|own| *own as f64 / all).collect(),
    }
}

/// What came of it, with what each member said.
pub(super) fn came_of_it(consensus: &Consensus, attempts: &[Attempt]) -> wire::Consensus {
    let groups = consensus.groups.iter();
    wire::Consensus {
        agreed: consensus.agreed,
        decided_early: consensus.decided_early,
        asked: u32::try_from(consensus.asked).unwrap_or(u32::MAX),
        threshold: consensus.threshold.get(),
        equivalence: consensus.equivalence.to_string(),
        groups: groups.map(|group| group_of(group, attempts)).collect(),
    }
}

fn group_of(group: &Group, attempts: &[Attempt]) -> wire::ConsensusGroup {
    let vote = |position: &usize| {
        let attempt = attempts.get(*position)?;
        Some(wire::ConsensusVote {
            attempt_index: attempt.index,
            output: attempt.answer.as_ref().map(Answer::output),
        })
    };
    wire::ConsensusGroup {
        share: group.share,
        answers: group.answers,
        votes: group.attempts.iter().filter_map(vote).collect(),
    }
}
