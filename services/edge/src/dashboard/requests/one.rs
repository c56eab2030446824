//! One request: how it ended, and its attempts on one axis of time.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1 as wire;

use super::line::took;
use crate::dashboard::Dashboard;
use crate::dashboard::format::{NONE, at, count, exact, moment, score, seconds, span, usd};
use crate::dashboard::gate::Visitor;
use crate::dashboard::page::{self, Place, page};
use crate::dashboard::words;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Asked {
    /// Project that the request belongs to.
    #[serde(default)]
    project: String,
}

/// `GET /dashboard/requests/{id}`.
pub(in crate::dashboard) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    match dashboard.books.request(&id, &asked.project).await {
        Ok(request) => {
            let content = content(&request, &asked.project);
            page(Place::Requests, "Request", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Requests, &visitor, &refusal),
    }
}

fn content(request: &wire::GetRequestResponse, project: &str) -> Markup {
    let close = request.close.clone().unwrap_or_default();
    html! {
        p { a href="/dashboard/requests" { "← Requests" } }
        div class="title" {
            h1 { "Request " span class="mono" { (request.request_id) } }
            @if request.close.is_some() { (words::request_outcome(close.outcome())) } @else { span class="badge" { "still open" } }
        }
        section class="card" { (facts(request, &close, project)) }
        section class="card" {
            h2 { "Attempts" }
            @if request.steps.is_empty() { p class="empty" { "Nothing has been settled." } } @else { (steps(request, &close)) }
            p class="dim" {
                "The books have every step with its score. The plan and the findings of single checks are in the answer to the caller and are not kept: "
                a href="/dashboard/playground" { "ask in the playground" } " to see them."
            }
        }
    }
}

fn facts(request: &wire::GetRequestResponse, close: &wire::RequestClose, project: &str) -> Markup {
    let saved = close
        .baseline_nano_usd
        .map(|baseline| baseline.saturating_sub(request.cost_nano_usd));
    let answered = match close.model.as_str() {
        "" => "nobody".to_owned(),
        model => format!("{model} ({})", close.tier),
    };
    let or_none = |text: &str| {
        if text.is_empty() {
            NONE.to_owned()
        } else {
            text.to_owned()
        }
    };
    let facts = [
        ("answered by", answered),
        ("score", score(close.score)),
        ("latency", span(seconds(close.latency.as_ref()))),
        ("cost", exact(request.cost_nano_usd)),
        (
            "baseline",
            close
                .baseline_nano_usd
                .map_or_else(|| NONE.to_owned(), exact),
        ),
        ("saved", saved.map_or_else(|| NONE.to_owned(), usd)),
        ("action", or_none(&request.action)),
        ("project", or_none(project)),
    ];
    html! {
        dl class="facts" {
            @for (name, fact) in &facts { div { dt { (name) } dd { (fact) } } }
            @if request.held_nano_usd != 0 { div { dt { "still held" } dd { (exact(request.held_nano_usd)) } } }
            @for (name, value) in &close.tags { div { dt { "tag " (name) } dd { (value) } } }
        }
    }
}

/// The steps, each with its place in the time of the request.
fn steps(request: &wire::GetRequestResponse, close: &wire::RequestClose) -> Markup {
    let starts = request
        .steps
        .iter()
        .filter_map(|step| at(step.started_at.as_ref()));
    let first = starts.min();
    let whole = [took(request.steps.iter()), seconds(close.latency.as_ref())];
    let whole = whole.into_iter().flatten().reduce(f64::max);
    let after = |step: &wire::StepSettlement| {
        let begins = at(step.started_at.as_ref())? - first?;
        Some(begins.as_seconds_f64())
    };
    html! {
        div class="wide" tabindex="0" role="group" aria-label="Attempts" { table {
            thead { tr {
                th scope="col" { "step" } th scope="col" { "model" } th scope="col" { "outcome" } th scope="col" class="right" { "score" }
                th scope="col" class="right" { "tokens in, out" } th scope="col" class="right" { "cost" } th scope="col" { "time, of " (span(whole)) }
            } }
            tbody { @for step in &request.steps { tr {
                th scope="row" class="nowrap" { (step.step) }
                td { @if let Some(target) = &step.target { (target.model) br; span class="dim" { (target.tier) " · " (target.backend) } } }
                td { (words::outcome(step.outcome())) @if !step.reason.is_empty() { br; span class="dim" { (step.reason) } } }
                td class="right" { (score(step.score)) }
                td class="right" { (tokens(step)) }
                td class="right" { (exact(step.cost_nano_usd)) }
                td class="hop" title=(moment(step.started_at.as_ref())) { (hop(step, after(step), whole)) }
            } } }
        } }
    }
}

fn tokens(step: &wire::StepSettlement) -> Markup {
    let usage = step.usage.unwrap_or_default();
    html! {
        (count(usage.input_tokens)) ", " (count(usage.output_tokens))
        @if usage.cached_input_tokens > 0 { br; span class="dim" { (count(usage.cached_input_tokens)) " cached" } }
        @if usage.estimated { br; span class="dim" { "estimated" } }
    }
}

/// How long a step took, as a bar where it stands in the time of the request.
fn hop(step: &wire::StepSettlement, after: Option<f64>, whole: Option<f64>) -> Markup {
    let latency = seconds(step.latency.as_ref());
    let told = match after {
        Some(after) if after > 0.0 => format!("{} after {}", span(latency), span(Some(after))),
        _ => span(latency),
    };
    let part = |seconds: Option<f64>| {
        let whole = whole.filter(|whole| *whole > 0.0)?;
        Some((seconds? / whole * 100.0).clamp(0.0, 100.0))
    };
    let class = match step.outcome() {
        AttemptOutcome::Accepted => "good",
        AttemptOutcome::Failed | AttemptOutcome::Presumed => "bad",
        AttemptOutcome::Unspecified
        | AttemptOutcome::Rejected
        | AttemptOutcome::Cancelled
        | AttemptOutcome::Skipped => "dull",
    };
    html! {
        span { (told) }
        @if let Some((from, wide)) = part(after).zip(part(latency)) {
            svg class="hop" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                rect class="rest" width="100" height="10" {}
                rect class=(class) x=(format!("{from:.2}")) width=(format!("{:.2}", wide.max(0.6))) height="10" {}
            }
        }
    }
}
