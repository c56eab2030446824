//! Answers and attempts as text for people. Pure: a message in, a styled text out.

mod accounts;
mod budgets;
mod consensus;
mod cost;
mod decision;
mod groups;
mod models;
mod plan;
mod proof;
mod spark;
#[cfg(test)]
pub(crate) mod testing;
mod usage;
mod watch;

use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::{SecondOpinion, Verdict};
use terrace_proto::router::v1::{Attempt, RouteResponse};

pub(crate) use accounts::{keys, projects};
pub(crate) use budgets::{alert, budgets};
pub(crate) use cost::cost;
pub(crate) use groups::groups;
pub(crate) use models::{able, models, queues};
pub(crate) use plan::plan;
pub(crate) use proof::proof;
pub(crate) use spark::spark;
pub(crate) use usage::usage;
pub(crate) use watch::watched;

use crate::style::{BAD, DIM, GOOD, POOR, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{clean, model, money, one_line, outcome, span, wire_span};

/// The answer with its heading.
pub(crate) fn answer(response: &RouteResponse) -> String {
    let text = response.output.as_ref().map(text_of_parts);
    let text = clean(&text.unwrap_or_default());
    format!("{}\n{}\n", heading("Response"), text.trim_end_matches('\n'))
}

/// How the answer came to be: everything below it.
pub(crate) fn routing(response: &RouteResponse, verbose: bool, width: Option<u16>) -> String {
    let decision = response.decision.clone().unwrap_or_default();
    let mut text = format!("{}\n", heading("Routing"));
    text += &format!("Tier: {}\n", clean(&decision.tier));
    text += &format!("Model: {}\n", model(&decision.model, decision.scripted));
    text += &format!("Cost: {}\n", money(response.cost_nano_usd));
    text += &format!("Latency: {}\n", span(wire_span(response.latency.as_ref())));
    if let Some(cached) = &response.cached {
        let (age, id) = (
            span(wire_span(cached.age.as_ref())),
            clean(&cached.request_id),
        );
        text += &format!("Cached: {age} old, made for request {id}\n");
    }
    match &response.verdict {
        Some(verdict) => text += &format!("Quality: {}\n", quality(verdict, response.passed)),
        None if !response.passed => text += &format!("Quality: {}\n", paint(POOR, "not judged")),
        None => {}
    }
    if let Some(consensus) = &response.consensus {
        text += &consensus::line(consensus);
    }
    if let Some(baseline) = response.baseline_nano_usd {
        text += &saved(response, baseline);
    }
    if verbose {
        text += &details(response);
    }
    if verbose || response.attempts.len() > 1 {
        text += &format!("{}\n", heading("Attempts"));
        text += &attempts(&response.attempts, width);
    }
    if let Some(consensus) = &response.consensus {
        text += &consensus::dissent(consensus, response);
    }
    if verbose && let Some(verdict) = &response.verdict {
        text += &checks(verdict, width);
    }
    text
}

/// One line for each attempt.
pub(crate) fn attempts(attempts: &[Attempt], width: Option<u16>) -> String {
    let columns = [
        ">#",
        "tier",
        "model",
        "outcome",
        ">latency",
        ">cost",
        "what happened",
    ];
    let mut grid = Grid::without_header(&columns, width);
    for attempt in attempts {
        let ended = attempt.outcome();
        grid.row([
            (Tone::Dim, (attempt.index + 1).to_string().as_str()),
            (Tone::Plain, &clean(&attempt.tier)),
            (Tone::Plain, &model(&attempt.model, attempt.scripted)),
            (tone(ended), outcome(ended)),
            (Tone::Plain, &span(wire_span(attempt.latency.as_ref()))),
            (Tone::Plain, &money(attempt.cost_nano_usd)),
            (Tone::Plain, &happened(attempt)),
        ]);
        for asked in &attempt.second_opinions {
            grid.row(
                second_opinion(asked)
                    .each_ref()
                    .map(|(tone, text)| (*tone, text.as_str())),
            );
        }
    }
    grid.render()
}

/// A model that the judge asked about the attempt above.
fn second_opinion(asked: &SecondOpinion) -> [(Tone, String); 7] {
    let usage = asked.usage.unwrap_or_default();
    let tokens = format!(
        "{}: {} tokens in, {} out",
        clean(&asked.check),
        usage.input_tokens,
        usage.output_tokens
    );
    let (word, happened) = match asked.outcome() {
        AttemptOutcome::Accepted => ("asked", tokens),
        _ => (
            "failed",
            format!("{}: {}", clean(&asked.check), clean(&asked.reason)),
        ),
    };
    [
        (Tone::Dim, String::new()),
        (Tone::Dim, clean(&asked.tier)),
        (Tone::Dim, clean(&asked.model)),
        (Tone::Dim, word.to_owned()),
        (Tone::Dim, span(wire_span(asked.latency.as_ref()))),
        (Tone::Dim, money(asked.cost_nano_usd)),
        (Tone::Dim, happened),
    ]
}

/// What happened in an attempt, in a sentence.
pub(crate) fn happened(attempt: &Attempt) -> String {
    let detail = one_line(&attempt.detail);
    let happened = match &attempt.verdict {
        _ if !detail.is_empty() => detail,
        Some(verdict) if !verdict.undecided => format!("scored {:.2}", verdict.score),
        _ => one_line(&attempt.reason),
    };
    match (attempt.repair_of, attempt.hedge_of) {
        (Some(index), _) => format!("repair of {}: {happened}", index.saturating_add(1)),
        (None, Some(late)) => format!("beside {}: {happened}", late.saturating_add(1)),
        (None, None) => happened,
    }
}

const fn tone(outcome: AttemptOutcome) -> Tone {
    match outcome {
        AttemptOutcome::Accepted => Tone::Good,
        AttemptOutcome::Rejected => Tone::Poor,
        AttemptOutcome::Failed => Tone::Bad,
        AttemptOutcome::Unspecified
        | AttemptOutcome::Cancelled
        | AttemptOutcome::Skipped
        | AttemptOutcome::Presumed => Tone::Dim,
    }
}

fn quality(verdict: &Verdict, passed: bool) -> String {
    if verdict.undecided {
        return paint(POOR, "the judge could not decide");
    }
    let (style, word) = if passed {
        (GOOD, "passed")
    } else {
        (POOR, "not passed")
    };
    let (score, threshold) = (verdict.score, verdict.threshold);
    paint(
        style,
        format_args!("{score:.2} ({word}, threshold {threshold:.2})"),
    )
}

fn saved(response: &RouteResponse, baseline: i64) -> String {
    let saved = baseline.saturating_sub(response.cost_nano_usd);
    let style = if saved < 0 { BAD } else { GOOD };
    let against = match response.baseline_model.as_str() {
        "" => "the baseline",
        name => &clean(name),
    };
    format!("Saved: {} against {against}\n", paint(style, money(saved)))
}

fn details(response: &RouteResponse) -> String {
    let usage = response.usage.unwrap_or_default();
    let estimated = if usage.estimated { ", estimated" } else { "" };
    let tokens = format!(
        "Tokens: {} in, {} out{estimated}",
        usage.input_tokens, usage.output_tokens
    );
    let request = format!("Request: {}", clean(&response.request_id));
    format!("{}\n{}\n", paint(DIM, tokens), paint(DIM, request))
}

fn checks(verdict: &Verdict, width: Option<u16>) -> String {
    let mut grid = Grid::new(&["check", ">score", ">weight", "finding"], width);
    for check in &verdict.checks {
        let tone = match check.hard_failure || check.score < verdict.threshold {
            true => Tone::Bad,
            false => Tone::Good,
        };
        grid.row([
            (Tone::Plain, clean(&check.check).as_str()),
            (tone, &format!("{:.2}", check.score)),
            (Tone::Dim, &format!("{}", check.weight)),
            (Tone::Plain, &one_line(&check.finding)),
        ]);
    }
    format!("{}\n{}", heading("Checks"), grid.render())
}

#[cfg(test)]
mod tests;
