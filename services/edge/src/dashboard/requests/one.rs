//! One request: its plan, how it ended, and every hop of its attempts on one axis of time.
//!
//! The orchestrator that answered it knows plan, findings and hops for a while; the ledger has its
//! steps for good. What only one of them knows is shown from that one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use futures::future::BoxFuture;
use maud::{Markup, html};
use serde::Deserialize;
use terrace_domain::Reason;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1 as wire;
use terrace_proto::router::v1::RequestTrace;

use super::hops;
use super::line::took;
use crate::dashboard::Dashboard;
use crate::dashboard::format::{NONE, at, count, exact, moment, score, seconds, span, usd};
use crate::dashboard::gate::Visitor;
use crate::dashboard::live::{self, Change, Feed};
use crate::dashboard::page::{self, Place, page};
use crate::dashboard::watched::Watched;
use crate::dashboard::{plan, words};
use crate::refusal::Refusal;

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
pub(in crate::dashboard) struct Asked {
    /// Project that the request belongs to.
    #[serde(default)]
    project: String,
}

/// Where the page of a request is.
pub(super) fn path(id: &str, project: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("project", project);
    format!("/dashboard/requests/{id}?{}", query.finish())
}

/// `GET /dashboard/requests/{id}`.
pub(in crate::dashboard) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let known = known(&dashboard, &visitor, (&id, &asked.project)).await;
    match look(&dashboard, known.as_ref(), (&id, &asked.project)).await {
        Ok(part) => {
            let is_open = known.is_some_and(|trace| trace.ended.is_none());
            let live = is_open.then(|| path(&id, &asked.project).replacen('?', "/live?", 1));
            let content = html! {
                p { a href="/dashboard/requests" { "← Requests" } }
                @if is_open { p { span class="live" data-light="request" role="status" { "not live" } } }
                div id="request" data-live=[live] { (part) }
            };
            page(Place::Requests, "Request", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Requests, &visitor, &refusal),
    }
}

/// `GET /dashboard/requests/{id}/live`.
pub(in crate::dashboard) async fn follow(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let one = One {
        id,
        project: asked.project,
        watched: None,
        shown: String::new(),
    };
    live::follow(one, dashboard, visitor)
}

/// A request that is being answered, and what was shown of it last.
struct One {
    id: String,
    project: String,
    watched: Option<Watched>,
    shown: String,
}

impl Feed for One {
    const EVERY: Duration = Duration::from_millis(150);

    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>> {
        Box::pin(async {
            let of = (self.id.as_str(), self.project.as_str());
            let watched = match &mut self.watched {
                Some(watched) => watched,
                none => none.insert(Watched::one(dashboard, visitor, of).await?),
            };
            watched.changed().await?;
            let known = watched.requests().next().map(|(_, trace)| trace);
            let part = look(dashboard, known, of).await?;
            let is_new = part.0 != self.shown;
            part.0.clone_into(&mut self.shown);
            Ok(is_new.then_some(Change::Replace(part)))
        })
    }
}

/// What the orchestrator knows of a request; nothing when it knows it not, or not any more.
async fn known(dashboard: &Dashboard, visitor: &Visitor, of: (&str, &str)) -> Option<RequestTrace> {
    let mut watched = Watched::one(dashboard, visitor, of).await.ok()?;
    watched.changed().await.ok()?;
    let known = watched.requests().next();
    known.map(|(_, trace)| trace.clone())
}

/// Everything that is known of a request.
async fn look(
    dashboard: &Dashboard,
    known: Option<&RequestTrace>,
    (id, project): (&str, &str),
) -> Result<Markup, Refusal> {
    let booked = match dashboard.books.request(id, project).await {
        Ok(booked) => booked,
        // Nothing of it is in the books yet.
        Err(refusal) if refusal.failure.reason == Reason::NotFound && known.is_some() => {
            wire::GetRequestResponse {
                request_id: id.to_owned(),
                ..wire::GetRequestResponse::default()
            }
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(content(&booked, known, project))
}

fn content(
    booked: &wire::GetRequestResponse,
    known: Option<&RequestTrace>,
    project: &str,
) -> Markup {
    let close = booked.close.clone().unwrap_or_default();
    let planned = known.and_then(|trace| trace.planned.as_ref());
    let failure = known
        .and_then(|trace| trace.ended.as_ref())
        .filter(|ended| !ended.answered);
    html! {
        div class="title" {
            h1 { "Request " span class="mono" { (booked.request_id) } }
            @if booked.close.is_some() { (words::request_outcome(close.outcome())) } @else { span class="badge" { "in flight" } }
        }
        @if let Some(ended) = failure { p class="notice bad" { strong { (ended.reason) } " " (ended.message) } }
        section class="card" { (facts(booked, known, &close, project)) }
        @if let Some(plan) = planned.and_then(|planned| planned.plan.as_ref()) {
            section class="card" { h2 { "Plan" } (plan::show(plan)) }
        }
        section class="card" {
            h2 { "Attempts" }
            @if let Some(trace) = known { (hops::show(trace)) }
            @else if booked.steps.is_empty() { p class="empty" { "Nothing has been settled." } }
            @else { (steps(booked, &close)) }
            @if known.is_none() { p class="dim" {
                "These are the steps of the books. Plan, findings and hops are kept for the last requests alone, by the orchestrator that answered them."
            } }
        }
    }
}

fn facts(
    request: &wire::GetRequestResponse,
    known: Option<&RequestTrace>,
    close: &wire::RequestClose,
    project: &str,
) -> Markup {
    let begun = known.and_then(|trace| trace.begun.clone());
    let action = begun.map_or_else(|| request.action.clone(), |begun| begun.action);
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
        ("action", or_none(&action)),
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
