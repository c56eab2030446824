//! A consensus as JSON.

use serde_json::{Value, json};
use terrace_proto::convert::text_of_parts;
use terrace_proto::router::v1::{
    AbsentMember, Consensus, ConsensusGroup, ConsensusPlan, ConsensusVote,
};

use super::candidate;
use crate::wording::usd;

/// What the members said, and whether enough of them agreed.
pub(super) fn came_of_it(consensus: &Consensus) -> Value {
    json!({
        "agreed": consensus.agreed,
        "decided_early": consensus.decided_early,
        "asked": consensus.asked,
        "threshold": consensus.threshold,
        "equivalence": consensus.equivalence,
        "groups": consensus.groups.iter().map(group).collect::<Vec<_>>(),
    })
}

fn group(group: &ConsensusGroup) -> Value {
    json!({
        "share": group.share,
        "answers": group.answers,
        "votes": group.votes.iter().map(vote).collect::<Vec<_>>(),
    })
}

fn vote(vote: &ConsensusVote) -> Value {
    json!({
        "attempt_index": vote.attempt_index,
        "output": vote.output.as_ref().map(text_of_parts),
    })
}

/// Who would be asked.
pub(super) fn planned(round: &ConsensusPlan) -> Value {
    json!({
        "members": round.members.iter().map(candidate).collect::<Vec<_>>(),
        "absent": round.absent.iter().map(absent).collect::<Vec<_>>(),
        "threshold": round.threshold,
        "equivalence": round.equivalence,
        "worst_case_nano_usd": round.worst_case_nano_usd,
        "worst_case_usd": usd(round.worst_case_nano_usd),
        "why": round.why,
        "shares": round.shares,
    })
}

fn absent(absent: &AbsentMember) -> Value {
    json!({"model": absent.model, "why": absent.why})
}
