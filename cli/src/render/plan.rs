//! How a request would be routed, as tables.

use terrace_proto::classifier::v1::Classification;
use terrace_proto::router::v1::{Candidate, OnExhausted, Plan};

use super::{consensus, decision};
use crate::style::{DIM, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{clean, lower, model, money, one_line, span, wire_span};

/// The plan: what the request was taken for, what would be tried, and what not.
pub(crate) fn plan(plan: &Plan, width: Option<u16>) -> String {
    let mut text = String::new();
    if let Some(found) = &plan.classification {
        text += &classification(found, width);
    }
    text += &format!("{}\n{}\n", heading("Plan"), rules(plan));
    if let Some(decision) = &plan.decision {
        text += &decision::line(decision);
    }
    if let Some(round) = &plan.consensus {
        text += &consensus::planned(round, width);
        text += &format!("{}\n", heading("Then"));
    }
    if plan.candidates.is_empty() {
        text += "no model can be tried\n";
    } else {
        text += &candidates(plan, width);
        text += &decision::weighed(plan, width);
    }
    if !plan.left_out.is_empty() {
        text += &format!("{}\n{}", heading("Left out"), left_out(plan, width));
    }
    text
}

fn classification(found: &Classification, width: Option<u16>) -> String {
    let mut text = format!("{}\n", heading("Classification"));
    let kind = lower(found.task_kind().as_str_name(), "TASK_KIND_").replace('_', " ");
    text += &match found.code_language.as_str() {
        "" => format!("Task: {kind}\n"),
        language => format!("Task: {kind} ({})\n", clean(language)),
    };
    let source = lower(found.source().as_str_name(), "CLASSIFICATION_SOURCE_").replace('_', " ");
    text += &format!(
        "Difficulty: {:.2} (confidence {:.2}, decided by: {source})\n",
        found.difficulty, found.confidence
    );
    if !found.tier.is_empty() {
        text += &format!("Tier: {}\n", clean(&found.tier));
    }
    if found.expected_output_tokens > 0 {
        text += &format!("Expected output: {} tokens\n", found.expected_output_tokens);
    }
    let mut grid = Grid::new(&[">weight", "evidence", "seen"], width);
    for evidence in &found.evidence {
        let tone = if evidence.weight < 0.0 {
            Tone::Good
        } else {
            Tone::Poor
        };
        grid.row([
            (tone, format!("{:+.2}", evidence.weight).as_str()),
            (Tone::Plain, &clean(&evidence.feature)),
            (Tone::Plain, &one_line(&evidence.detail)),
        ]);
    }
    if !found.evidence.is_empty() {
        text += &grid.render();
    }
    text
}

fn rules(plan: &Plan) -> String {
    let mut attempts = match plan.max_attempts {
        1 => "one attempt".to_owned(),
        several => format!("at most {several} attempts"),
    };
    if plan.max_repairs > 0 {
        attempts += &format!(", {} of them to repair an answer", plan.max_repairs);
    }
    if plan.time.is_some() {
        attempts += &format!(" in {}", span(wire_span(plan.time.as_ref())));
    }
    let rest = match (plan.quality_check, plan.on_exhausted()) {
        (false, _) => "the first answer is taken as it is".to_owned(),
        (true, on_exhausted) => {
            let else_ = match on_exhausted {
                OnExhausted::Strict => "none passed: no answer",
                OnExhausted::Unspecified | OnExhausted::BestEffort => {
                    "none passed: the best-scored one"
                }
            };
            let threshold = plan.quality_threshold;
            format!("an answer must score {threshold:.2}; {else_}")
        }
    };
    let bound = plan.input_token_bound;
    paint(
        DIM,
        format_args!("{attempts}; {rest}; at most {bound} input tokens"),
    )
}

fn candidates(plan: &Plan, width: Option<u16>) -> String {
    let columns = [
        ">#",
        "tier",
        "model",
        "backend",
        ">worst case",
        ">expected",
        ">time",
        "why",
    ];
    let mut grid = Grid::new(&columns, width);
    for (index, candidate) in plan.candidates.iter().enumerate() {
        // Beyond the attempt limit a candidate is a reserve for those that are skipped.
        let tone = match u32::try_from(index) {
            Ok(index) if index < plan.max_attempts => Tone::Plain,
            _ => Tone::Dim,
        };
        grid.row([
            (Tone::Dim, (index + 1).to_string().as_str()),
            (tone, &clean(&candidate.tier)),
            (tone, &model(&candidate.model, candidate.scripted)),
            (tone, &clean(&candidate.backend)),
            (tone, &money(candidate.worst_case_nano_usd)),
            (tone, &money(candidate.expected_nano_usd)),
            (tone, &time(candidate)),
            (tone, &one_line(&candidate.why)),
        ]);
    }
    grid.render()
}

/// What a candidate may take of the deadline, and what it is expected to take.
fn time(candidate: &Candidate) -> String {
    let told = |wire: &prost_types::Duration| span(wire_span(Some(wire)));
    let share = candidate
        .time_share
        .as_ref()
        .map_or_else(|| "-".to_owned(), told);
    match &candidate.expected_latency {
        Some(expected) => format!("{} of {share}", told(expected)),
        None => share,
    }
}

fn left_out(plan: &Plan, width: Option<u16>) -> String {
    let mut grid = Grid::new(&["tier", "model", "backend", "why"], width);
    for model in &plan.left_out {
        grid.row([
            (Tone::Plain, clean(&model.tier).as_str()),
            (Tone::Plain, &clean(&model.model)),
            (Tone::Plain, &clean(&model.backend)),
            (Tone::Plain, &one_line(&model.why)),
        ]);
    }
    grid.render()
}
