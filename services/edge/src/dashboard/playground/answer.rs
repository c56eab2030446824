//! Attempts with their verdicts, and what a request came to.

use maud::{Markup, html};
use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::Verdict;
use terrace_proto::router::v1 as wire;

use crate::dashboard::format::{NONE, count, exact, seconds, span, usd};
use crate::dashboard::words;

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
            (span(seconds(attempt.latency.as_ref()))) ", " (count(usage.input_tokens)) " tokens in, " (count(usage.output_tokens)) " out, " (exact(attempt.cost_nano_usd))
            @if !attempt.reason.is_empty() { ", " (attempt.reason) }
        }
        @if !attempt.detail.is_empty() { div { (attempt.detail) } }
        @if let Some(verdict) = &attempt.verdict { (findings(verdict)) }
    }
}

/// What the judge said, check by check.
fn findings(verdict: &Verdict) -> Markup {
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

/// The text of the answer, with the calls of tools that it makes.
pub(super) fn text(response: &wire::RouteResponse) -> String {
    response
        .output
        .as_ref()
        .map(text_of_parts)
        .unwrap_or_default()
}

/// What the request came to.
pub(super) fn outcome(response: &wire::RouteResponse) -> Markup {
    let decision = response.decision.clone().unwrap_or_default();
    let saved = response.baseline_nano_usd;
    let saved = saved.map_or_else(
        || NONE.to_owned(),
        |baseline| usd(baseline.saturating_sub(response.cost_nano_usd)),
    );
    let score = response.verdict.as_ref().map(|verdict| verdict.score);
    html! {
        p {
            @if response.passed { span class="badge good" { "passed" } } @else { span class="badge warn" { "did not pass" } }
            @if response.cached.is_some() { " " span class="badge" { "from the cache" } }
            @if decision.scripted { " " span class="badge" { "scripted stand-in" } }
        }
        dl class="facts" {
            div { dt { "model" } dd { (decision.model) } }
            div { dt { "tier" } dd { (decision.tier) } }
            div { dt { "score" } dd { (crate::dashboard::format::score(score)) } }
            div { dt { "latency" } dd { (span(seconds(response.latency.as_ref()))) } }
            div { dt { "cost" } dd { (exact(response.cost_nano_usd)) } }
            div { dt { "saved" } dd { (saved) } }
        }
        (link(&response.request_id))
    }
}

/// Where the request stands in the books; nothing without one.
pub(super) fn link(request_id: &str) -> Markup {
    html! {
        @if !request_id.is_empty() { p class="dim" { "Request " span class="mono" { (request_id) } ", in the list of "
            a href="/dashboard/requests" { "requests" } "." } }
    }
}
