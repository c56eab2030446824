//! Where the time of a request went, hop by hop on one axis: classifying and planning, each attempt's
//! hold, call and verdict, and writing the end down.

use maud::{Markup, html};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::router::v1 as wire;

use crate::dashboard::format::{at, count, exact, score, seconds, span};
use crate::dashboard::{attempts, words};

/// A part of a request's time, in seconds after it came.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hop {
    name: &'static str,
    from: f64,
    took: f64,
    class: &'static str,
}

/// The attempts of a request, and what stands before and after them.
pub(super) fn show(trace: &wire::RequestTrace) -> Markup {
    let planned = trace
        .planned
        .as_ref()
        .and_then(|planned| seconds(planned.took.as_ref()));
    let ended = trace.ended.clone().unwrap_or_default();
    let settled = writing_down(&ended);
    let of_attempts: Vec<Vec<Hop>> = trace
        .attempts
        .iter()
        .map(|one| of_one(trace, one))
        .collect();
    let all = of_attempts.iter().flatten().chain(&settled);
    let last = all.map(|hop| hop.from + hop.took).reduce(f64::max);
    let whole = seconds(ended.latency.as_ref())
        .into_iter()
        .chain(last)
        .chain(planned);
    let whole = whole.reduce(f64::max).unwrap_or_default();
    let planning = planned.map(|took| Hop {
        name: "classify and plan",
        from: 0.0,
        took,
        class: "dull",
    });
    html! {
        div class="wide" tabindex="0" role="group" aria-label="Attempts" { table {
            thead { tr {
                th scope="col" { "step" } th scope="col" { "model" } th scope="col" { "outcome" } th scope="col" class="right" { "score" }
                th scope="col" class="right" { "tokens in, out" } th scope="col" class="right" { "cost" } th scope="col" { "time, of " (span(Some(whole))) }
            } }
            @if let Some(hop) = planning { tbody { (aside(hop, whole)) } }
            tbody data-attempts="" {
                @for (attempt, hops) in trace.attempts.iter().zip(&of_attempts) { (row(attempt, hops, whole)) }
                @for started in &trace.running { (running(started)) }
            }
            @if let Some(hop) = settled { tbody { (aside(hop, whole)) } }
        } }
        @if trace.attempts.is_empty() && trace.running.is_empty() {
            p class="empty" { @if ended.reused { "It was given another request's answer: nobody was called." } @else { "Nobody has been called." } }
        }
    }
}

/// The last settlement, at the end of the request.
fn writing_down(ended: &wire::RequestEnded) -> Option<Hop> {
    let took = seconds(ended.settling.as_ref())?;
    Some(Hop {
        name: "write down",
        from: (seconds(ended.latency.as_ref())? - took).max(0.0),
        took,
        class: "dull",
    })
}

/// The hops of an attempt, one after the other.
fn of_one(trace: &wire::RequestTrace, attempt: &wire::Attempt) -> Vec<Hop> {
    let came = trace.begun.as_ref().and_then(|begun| at(begun.at.as_ref()));
    let Some((came, began)) = came.zip(at(attempt.started_at.as_ref())) else {
        return Vec::new();
    };
    let hops = attempt.hops.unwrap_or_default();
    let class = match attempt.outcome() {
        AttemptOutcome::Accepted => "good",
        AttemptOutcome::Failed | AttemptOutcome::Presumed => "bad",
        AttemptOutcome::Unspecified
        | AttemptOutcome::Rejected
        | AttemptOutcome::Cancelled
        | AttemptOutcome::Skipped => "late",
    };
    let first = hops
        .first_piece
        .as_ref()
        .and_then(|first| seconds(Some(first)));
    let whole = hops
        .generating
        .as_ref()
        .and_then(|whole| seconds(Some(whole)));
    let parts = [
        ("hold", seconds(hops.reserving.as_ref()), "dull"),
        ("first piece", first.or(whole), "wait"),
        (
            "the rest",
            first
                .and(whole)
                .map(|whole| whole - first.unwrap_or_default()),
            class,
        ),
        (
            "verdict",
            hops.judging.as_ref().and_then(|hop| seconds(Some(hop))),
            "judge",
        ),
    ];
    let mut from = (began - came).as_seconds_f64().max(0.0);
    let mut told = Vec::new();
    for (name, took, class) in parts {
        if let Some(took) = took.filter(|took| *took > 0.0) {
            told.push(Hop {
                name,
                from,
                took,
                class,
            });
            from += took;
        }
    }
    told
}

fn row(attempt: &wire::Attempt, hops: &[Hop], whole: f64) -> Markup {
    let usage = attempt.usage.unwrap_or_default();
    let verdict = attempt.verdict.as_ref();
    html! {
        tr {
            th scope="row" class="nowrap" { "attempt/" (attempt.index) }
            td {
                (attempt.model) br; span class="dim" { (attempt.tier) " · " (attempt.backend) }
                @if attempt.scripted { " " span class="badge" { "scripted stand-in" } }
                @if let Some(of) = attempt.repair_of { br; span class="dim" { "repairs attempt/" (of) } }
                @if let Some(of) = attempt.hedge_of { br; span class="dim" { "beside attempt/" (of) } }
            }
            td {
                (words::outcome(attempt.outcome()))
                @if !attempt.reason.is_empty() { br; span class="dim" { (attempt.reason) } }
                @if !attempt.detail.is_empty() { div { (attempt.detail) } }
                @if let Some(verdict) = verdict { (attempts::findings(verdict)) }
            }
            td class="right" { (score(verdict.map(|verdict| verdict.score))) }
            td class="right" {
                (count(usage.input_tokens)) ", " (count(usage.output_tokens))
                @if usage.estimated { br; span class="dim" { "estimated" } }
            }
            td class="right" { (exact(attempt.cost_nano_usd)) }
            td class="hop" { (line(seconds(attempt.latency.as_ref()), hops, whole)) }
        }
    }
}

fn running(started: &wire::AttemptStarted) -> Markup {
    html! {
        tr {
            th scope="row" class="nowrap" { "attempt/" (started.index) }
            td { (started.model) br; span class="dim" { (started.tier) " · " (started.backend) } }
            td { span class="badge" { "goes on …" } }
            td class="right" {} td class="right" {} td class="right" {} td class="hop" {}
        }
    }
}

/// A hop that is no attempt's.
fn aside(hop: Hop, whole: f64) -> Markup {
    html! {
        tr {
            th scope="row" class="nowrap dim" { (hop.name) }
            td {} td {} td class="right" {} td class="right" {} td class="right" {}
            td class="hop" { (line(Some(hop.took), &[hop], whole)) }
        }
    }
}

/// How long something took, its hops where they stand in the time of the request, and the same in words.
fn line(took: Option<f64>, hops: &[Hop], whole: f64) -> Markup {
    let part = |seconds: f64| {
        let share = if whole > 0.0 { seconds / whole } else { 0.0 };
        (share * 100.0).clamp(0.0, 100.0)
    };
    html! {
        span { (span(took)) }
        svg class="hop" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class="rest" width="100" height="10" {}
            @for hop in hops {
                rect class=(hop.class) x=(format!("{:.2}", part(hop.from))) width=(format!("{:.2}", part(hop.took).max(0.6))) height="10" {}
            }
        }
        @if hops.len() > 1 { span class="dim hops" {
            @for (index, hop) in hops.iter().enumerate() {
                @if index > 0 { " · " }
                (hop.name) " " (span(Some(hop.took)))
            }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    const fn half(count: i64) -> Option<prost_types::Duration> {
        let nanos = if count % 2 == 0 { 0 } else { 500_000_000 };
        Some(prost_types::Duration {
            seconds: count / 2,
            nanos,
        })
    }

    #[test]
    fn hops_stand_one_after_the_other_from_the_attempts_beginning() {
        let trace = wire::RequestTrace {
            begun: Some(wire::RequestBegun {
                at: Some(moment(100, 0)),
                ..wire::RequestBegun::default()
            }),
            ..wire::RequestTrace::default()
        };
        let attempt = wire::Attempt {
            started_at: Some(moment(101, 0)),
            hops: Some(wire::AttemptHops {
                reserving: half(1),
                first_piece: half(2),
                generating: half(5),
                judging: half(1),
            }),
            ..wire::Attempt::default()
        };
        let told: Vec<_> = of_one(&trace, &attempt)
            .into_iter()
            .map(|hop| (hop.name, hop.from, hop.took))
            .collect();
        let expected = [
            ("hold", 1.0, 0.5),
            ("first piece", 1.5, 1.0),
            ("the rest", 2.5, 1.5),
            ("verdict", 4.0, 0.5),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_attempt_that_was_not_called_has_no_hops() {
        let attempt = wire::Attempt {
            hops: Some(wire::AttemptHops::default()),
            ..wire::Attempt::default()
        };
        assert!(of_one(&wire::RequestTrace::default(), &attempt).is_empty());
    }
}
