//! Attempts with their verdicts, as the playground and the page of a request show them.

use maud::{Markup, html};
use terrace_proto::judge::v1::Verdict;
use terrace_proto::router::v1 as wire;

use super::format::{count, exact, seconds, span};
use super::words;

/// An attempt that goes on.
pub(super) fn started(started: &wire::AttemptStarted) -> Markup {
    html! {
        strong { (started.model) } " " span class="dim" { (started.tier) " · " (started.backend) } " "
        span class="badge" { @if started.repair_of.is_some() { "repairs" } @else { "answers" } " …" }
    }
}

/// An attempt that has ended.
pub(super) fn attempt(attempt: &wire::Attempt) -> Markup {
    let usage = attempt.usage.unwrap_or_default();
    html! {
        strong { (attempt.model) } " " span class="dim" { (attempt.tier) " · " (attempt.backend) } " "
        (words::outcome(attempt.outcome()))
        @if attempt.scripted { " " span class="badge" { "scripted stand-in" } }
        @if let Some(of) = attempt.repair_of { " " span class="dim" { "repairs " (of + 1) } }
        @if let Some(of) = attempt.hedge_of { " " span class="dim" { "beside " (of + 1) } }
        div class="dim" {
            (hops(attempt)) ", " (count(usage.input_tokens)) " tokens in, " (count(usage.output_tokens)) " out, " (exact(attempt.cost_nano_usd))
            @if !attempt.reason.is_empty() { ", " (attempt.reason) }
        }
        @if !attempt.detail.is_empty() { div { (attempt.detail) } }
        @if let Some(verdict) = &attempt.verdict { (findings(verdict)) }
    }
}

/// How long it took, and of what.
fn hops(attempt: &wire::Attempt) -> Markup {
    let took = span(seconds(attempt.latency.as_ref()));
    let hops = attempt.hops.unwrap_or_default();
    let hops = [
        ("first piece after", hops.first_piece),
        ("judged in", hops.judging),
    ];
    let told = hops
        .into_iter()
        .filter_map(|(word, hop)| Some((word, hop?)));
    let told: Vec<String> = told
        .map(|(word, hop)| format!("{word} {}", span(seconds(Some(&hop)))))
        .collect();
    html! { (took) @if !told.is_empty() { " (" (told.join(", ")) ")" } }
}

/// What the judge said, check by check.
pub(super) fn findings(verdict: &Verdict) -> Markup {
    html! {
        details {
            summary {
                "Verdict " (format!("{:.2}", verdict.score)) " of " (format!("{:.2}", verdict.threshold))
                @if verdict.undecided { ", undecided" }
            }
            ul { @for check in &verdict.checks { li class="finding" {
                code { (check.check) } " " (format!("{:.2}", check.score)) span class="dim" { " × " (check.weight) }
                @if check.hard_failure { " " span class="badge bad" { "hard failure" } }
                @if !check.finding.is_empty() { " " (check.finding) }
            } } }
        }
    }
}
