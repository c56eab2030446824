//! What the members of a consensus said, and who would be asked.

use terrace_proto::convert::text_of_parts;
use terrace_proto::router::v1::{Consensus, ConsensusPlan, ConsensusVote, RouteResponse};

use crate::style::{DIM, GOOD, POOR, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{clean, model, money, one_line};

/// How many letters of a dissenting answer are shown; the whole is in the JSON.
const SHOWN: usize = 100;

/// Whether enough of them agreed.
pub(super) fn line(consensus: &Consensus) -> String {
    let most = consensus.groups.first();
    let agreeing = most.map_or(0, |group| group.votes.len());
    let (style, word) = if consensus.agreed {
        (GOOD, "agreed")
    } else {
        (POOR, "agreed at most")
    };
    let of = paint(
        style,
        format_args!("{agreeing} of {} {word}", consensus.asked),
    );
    let share = most.map_or(0.0, |group| group.share);
    let wanted = consensus.threshold;
    let early = if consensus.decided_early {
        ", decided early"
    } else {
        ""
    };
    let by = clean(&consensus.equivalence);
    format!("Consensus: {of} ({share:.2} of {wanted:.2} by {by}{early})\n")
}

/// The answers of those who did not win, a line each.
pub(super) fn dissent(consensus: &Consensus, response: &RouteResponse) -> String {
    let others = consensus.groups.iter().filter(|group| !group.answers);
    let votes: Vec<&ConsensusVote> = others.flat_map(|group| &group.votes).collect();
    // Without a winner the answering attempt is among the others at times.
    let answer = response.output.as_ref().map(text_of_parts);
    let mut text = String::new();
    for vote in votes {
        let said = vote.output.as_ref().map(text_of_parts);
        if said == answer {
            continue;
        }
        let said = one_line(&said.unwrap_or_default());
        let shown: String = said.chars().take(SHOWN).collect();
        let more = if shown.len() < said.len() { "…" } else { "" };
        let index = vote.attempt_index + 1;
        text += &format!("{index}  {shown}{more}\n");
    }
    if text.is_empty() {
        return text;
    }
    format!("{}\n{text}", heading("Dissent"))
}

/// Who would be asked at once, and who not.
pub(super) fn planned(round: &ConsensusPlan, width: Option<u16>) -> String {
    let mut text = format!("{}\n", heading("Consensus"));
    let by = clean(&round.equivalence);
    let worst_case = money(round.worst_case_nano_usd);
    let why = one_line(&round.why);
    let rest = if round.members.is_empty() {
        String::new()
    } else {
        format!("; compared by {by}; at most {worst_case} together")
    };
    text += &format!("{}\n", paint(DIM, format_args!("{why}{rest}")));
    let mut grid = Grid::new(&["tier", "model", "backend", ">worst case"], width);
    for member in &round.members {
        grid.row([
            (Tone::Plain, clean(&member.tier).as_str()),
            (Tone::Plain, &model(&member.model, member.scripted)),
            (Tone::Plain, &clean(&member.backend)),
            (Tone::Plain, &money(member.worst_case_nano_usd)),
        ]);
    }
    if !round.members.is_empty() {
        text += &grid.render();
    }
    for absent in &round.absent {
        text += &format!("not {}: {}\n", clean(&absent.model), one_line(&absent.why));
    }
    text
}
