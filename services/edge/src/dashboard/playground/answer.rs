//! What a request came to.

use maud::{Markup, html};
use terrace_proto::convert::text_of_parts;
use terrace_proto::router::v1 as wire;

use crate::dashboard::format::{NONE, exact, seconds, span, usd};

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
