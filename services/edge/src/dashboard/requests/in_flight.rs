//! Requests that are being answered at this moment: who is being tried, and since when.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use futures::future::BoxFuture;
use maud::{Markup, html};
use terrace_proto::router::v1 as wire;
use time::OffsetDateTime;

use super::one;
use crate::dashboard::Dashboard;
use crate::dashboard::format::{at, hour, span};
use crate::dashboard::gate::Visitor;
use crate::dashboard::live::{self, Change, Feed};
use crate::dashboard::watched::Watched;
use crate::refusal::Refusal;

/// Rows that are shown.
const ROWS: usize = 50;

/// The part of the page, empty until it is live.
pub(super) fn part() -> Markup {
    html! {
        section class="card" {
            div class="title" {
                h2 { "In flight" }
                span class="live" data-light="in-flight" role="status" { "not live" }
            }
            div id="in-flight" data-live="/dashboard/requests/in-flight" { (rows(&[])) }
        }
    }
}

/// `GET /dashboard/requests/in-flight`.
pub(in crate::dashboard) async fn follow(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    live::follow(InFlight::default(), dashboard, visitor)
}

/// What is in flight, and what was shown of it last.
#[derive(Default)]
struct InFlight {
    watched: Option<Watched>,
    shown: String,
}

impl Feed for InFlight {
    /// No more often than an eye follows; something new is waited for beyond that.
    const EVERY: Duration = Duration::from_millis(150);

    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>> {
        Box::pin(async {
            let watched = match &mut self.watched {
                Some(watched) => watched,
                none => none.insert(Watched::all(dashboard, visitor).await?),
            };
            watched.changed().await?;
            let requests: Vec<_> = watched.requests().rev().collect();
            let part = rows(&requests);
            let is_new = part.0 != self.shown;
            part.0.clone_into(&mut self.shown);
            Ok(is_new.then_some(Change::Replace(part)))
        })
    }
}

fn rows(requests: &[(&str, &wire::RequestTrace)]) -> Markup {
    let hidden = requests.len().saturating_sub(ROWS);
    html! {
        @if requests.is_empty() { p class="empty" { "Nothing is being answered." } } @else {
            div class="wide" tabindex="0" role="group" aria-label="Requests in flight" { table {
                thead { tr {
                    th scope="col" { "came" } th scope="col" { "action" } th scope="col" class="more" { "project" } th scope="col" { "now" }
                    th scope="col" class="right" { "attempts" } th scope="col" class="right" { "so far" }
                } }
                tbody { @for (id, trace) in requests.iter().take(ROWS) { (row(id, trace)) } }
            } }
            @if hidden > 0 { p class="dim" { (hidden) " more are in flight." } }
        }
    }
}

fn row(id: &str, trace: &wire::RequestTrace) -> Markup {
    let begun = trace.begun.clone().unwrap_or_default();
    let came = at(begun.at.as_ref());
    // Whole seconds: what changes with every look would be sent with every look.
    let so_far = came.map(|came| (OffsetDateTime::now_utc() - came).whole_seconds());
    let attempts = trace.attempts.len() + trace.running.len();
    html! {
        tr {
            th scope="row" class="nowrap" {
                a href=(one::path(id, &begun.project)) { (hour(came)) ":" (format!("{:02}", came.map_or(0, OffsetDateTime::second))) }
            }
            td { @if begun.action.is_empty() { span class="dim" { "none" } } @else { (begun.action) } }
            td class="more" { (begun.project) }
            td { (now(trace)) }
            td class="right" { (attempts) }
            td class="right" { (span(so_far.map(|seconds| seconds.max(0) as f64))) }
        }
    }
}

/// What is being done.
fn now(trace: &wire::RequestTrace) -> Markup {
    html! {
        @if trace.planned.is_none() { span class="dim" { "being planned" } }
        @else if trace.running.is_empty() { span class="dim" { "being written down" } }
        @else { @for started in &trace.running { (started.model) " " span class="dim nowrap" { (started.tier) } " " } }
    }
}
